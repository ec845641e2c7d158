//! The verbs that tell: `ls` with its filters and forms, `ip`, `url`, `config`, `active`, and `status` of one machine.

use crate::cli::{UP, World};

/// A swarm `practice` and plain hosts `hosts`.
fn two() -> World {
    let world = World::new();
    world.dojo(&UP).ok();
    let hosts = ["-q", "up", "hosts", "--engines", "--machines", "2", "--driver", "fake"];
    world.dojo(&hosts).ok();
    world
}

#[test]
fn ls_lists_what_filters_let_through() {
    let world = two();
    let names = |filters: &[&str]| {
        let mut args = vec!["ls", "-q", "--driver", "fake"];
        args.extend(filters.iter().flat_map(|filter| ["--filter", filter]));
        world.dojo(&args).ok()
    };
    assert_eq!(names(&[]), "hosts\npractice\n");
    assert_eq!(names(&["name=prac*"]), "practice\n");
    assert_eq!(names(&["name=rac", "name=^h"]), "hosts\npractice\n");
    assert_eq!(names(&["kind=engines"]), "hosts\n");
    assert_eq!(names(&["kind=engines", "name=practice"]), "");
    assert_eq!(names(&["driver=fake", "status=running"]), "hosts\npractice\n");
    assert_eq!(names(&["driver=docker"]), "");
    world.dojo(&["-q", "stop", "hosts"]).ok();
    assert_eq!(names(&["status=stopped"]), "hosts\n");
    let said = world.dojo(&["ls", "--filter", "label=a"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("there are name, kind, driver, status"), "{}", said.stderr);
}

#[test]
fn ls_prints_in_the_form_that_is_asked_for() {
    let world = two();
    let form = |format: &str| world.dojo(&["ls", "--driver", "fake", "--format", format]).ok();
    assert_eq!(form("{{.Name}}: {{.Kind}}"), "hosts: engines\npractice: swarm\n");
    assert_eq!(
        form(r"table {{.Name}}\t{{.Running}}/{{.Machines}}"),
        "NAME      RUNNING/MACHINES\nhosts     2/2\npractice  3/3\n"
    );
    assert_eq!(form("{{.DriverName}} {{.Active}}"), "fake true\nfake false\n");
    let lines = form("json");
    let read = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["name"].clone();
    let lines: Vec<_> = lines.lines().map(read).collect();
    assert_eq!(lines, ["hosts", "practice"]);
    let said = world.dojo(&["ls", "--format", "{{.Label}}"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("no field `.Label`; there are .Name, .Kind"), "{}", said.stderr);
}

#[test]
fn whoever_says_how_to_print_gets_it_quietly_as_well() {
    let world = two();
    let ls = |how: &[&str]| world.dojo(&[&["-q", "ls", "--driver", "fake"], how].concat()).ok();
    assert!(ls(&["-o", "table"]).starts_with("NAME "));
    assert!(ls(&["-o", "json"]).starts_with('['));
    assert!(ls(&["--format", "{{.Context}}"]).starts_with("dojo-hosts\n"));
}

#[test]
fn addresses_of_several_machines_come_one_on_a_line() {
    let world = two();
    let one = world.dojo(&["ip", "practice/worker-1"]).ok();
    let other = world.dojo(&["ip", "hosts/machine-2"]).ok();
    let both = world.dojo(&["ip", "practice/worker-1", "hosts/machine-2"]).ok();
    assert_eq!(both, format!("{one}{other}"));
    let all = world.dojo(&["ip", "--all"]).ok();
    assert_eq!(all.lines().count(), 2, "of the current cluster: {all}");
    assert!(all.contains(&format!("machine-2  {other}")), "{all}");
    let all = world.dojo(&["url", "--all", "practice", "hosts"]).ok();
    assert_eq!(all.lines().count(), 5);
    let url = world.dojo(&["url", "practice/worker-1"]).ok();
    assert!(all.contains(&format!("practice/worker-1   {url}")), "{all}");
    // Nothing is printed of which a script would read half.
    let said = world.dojo(&["ip", "practice/worker-1", "practice/worker-9"]);
    assert_eq!((said.code, &*said.stdout), (Some(1), ""));
    assert_eq!(world.dojo(&["ip"]).code, Some(2));
}

#[test]
fn config_prints_flags_of_docker() {
    let world = two();
    let flags = world.dojo(&["config", "hosts/machine-1"]).ok();
    let url = world.dojo(&["url", "hosts/machine-1"]).ok();
    let client = "/world/state/clusters/hosts/pki/client";
    assert_eq!(
        flags,
        format!(
            "--tlsverify\n--tlscacert={client}/ca.pem\n--tlscert={client}/cert.pem\n\
             --tlskey={client}/key.pem\n-H={url}"
        )
    );
    let home = world.at("a b").display().to_string();
    let with = [("DOJO_HOME", &*home)];
    world.dojo_with(&with, &["-q", "up", "spaces", "--engines", "--driver", "fake"]).ok();
    let said = world.dojo_with(&with, &["config", "spaces/machine-1"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("`eval \"$(dojo env spaces/machine-1)\"`"), "{}", said.stderr);
}

#[test]
fn active_is_what_docker_leads_to_in_this_shell() {
    let world = two();
    let active = |environment: &[(&str, &str)]| world.dojo_with(environment, &["active"]).ok();
    assert_eq!(active(&[]), "hosts\n");
    assert_eq!(active(&[("DOCKER_CONTEXT", "dojo-practice")]), "practice\n");
    let url = world.dojo(&["url", "practice/worker-1"]).ok();
    let host = ("DOCKER_HOST", url.trim());
    assert_eq!(active(&[host, ("DOJO_MACHINE", "practice/worker-1")]), "practice/worker-1\n");
    let said = world.dojo_with(&[("DOCKER_CONTEXT", "default")], &["active"]);
    insta::assert_snapshot!(said.failure(), @r"
    exit 1
    error: in this shell neither docker nor kubectl leads to a cluster of this computer
    hint: `dojo use NAME` selects one, and `dojo ls` lists them
    ");
}

#[test]
fn status_tells_of_one_machine() {
    let world = two();
    for asked in [&["practice/worker-1"][..], &["practice", "worker-1"]] {
        let said = world.dojo(&[&["status"], asked].concat()).stdout;
        assert!(said.starts_with("machine  practice/worker-1\n"), "{said}");
        assert!(said.contains("\nrole     worker\nstate    running\n"), "{said}");
    }
    // Of the current cluster.
    let said = world.dojo(&["status", "machine-2"]).stdout;
    assert!(said.starts_with("machine  hosts/machine-2\n"), "{said}");
    world.dojo(&["-q", "stop", "hosts/machine-2"]).ok();
    let said = world.dojo(&["status", "machine-2", "-o", "json"]);
    assert_eq!(said.code, Some(1), "it is off");
    let value: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&value["state"], &value["healthy"]), (&"stopped".into(), &false.into()));
    let said = world.dojo(&["status", "hosts", "machine-7"]);
    assert!(said.stderr.contains("machine-7"), "{}", said.stderr);
    assert_eq!(said.code, Some(1));
}
