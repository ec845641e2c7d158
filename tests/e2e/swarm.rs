//! A swarm's life as a user sees it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::neighbour::Neighbour;
use crate::world::{World, engine, until};

fn ready_nodes(world: &World, context: &str) -> usize {
    let nodes = world.docker(&["--context", context, "node", "ls", "--format", "{{.Status}}"]);
    nodes.stdout.lines().filter(|line| *line == "Ready").count()
}

fn containers(cluster: &str) -> Vec<String> {
    let label = format!("label=io.clusterdojo.cluster={cluster}");
    let ids = engine(&["ps", "-q", "--no-trunc", "--filter", &label]).ok();
    let mut ids: Vec<String> = ids.lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

#[test]
fn up_makes_a_swarm_that_plain_docker_sees_and_down_leaves_nothing() {
    let mut world = World::new();
    let name = world.name("life");
    fs::create_dir_all(world.docker_config()).unwrap();
    let config = world.docker_config().join("config.json");
    fs::write(&config, "{\n\t\"psFormat\": \"table {{.ID}}\"\n}\n").unwrap();
    let before = fs::read(&config).unwrap();

    let said = world.dojo(&["up", &name]).ok();
    assert!(said.contains("is ready") && said.contains("docker node ls"), "{said}");
    // No flag, no variable: the selected context leads there.
    let nodes =
        world.docker(&["node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"]);
    let mut nodes: Vec<String> = nodes.ok().lines().map(|l| l.trim().to_owned()).collect();
    nodes.sort();
    assert_eq!(nodes, ["manager-1 Ready Leader", "worker-1 Ready", "worker-2 Ready"]);

    // Again: nothing is done, and it is said so.
    let machines = containers(&name);
    let again = world.dojo(&["up", &name]).ok();
    assert!(again.contains("was ready already"), "{again}");
    assert_eq!(containers(&name), machines);

    let status = world.dojo(&["status", &name, "-o", "json"]).ok();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["healthy"], true, "{status}");
    let list: Value = serde_json::from_str(&world.dojo(&["ls", "-o", "json"]).ok()).unwrap();
    let ours = list.as_array().unwrap().iter().find(|c| c["name"] == name.as_str()).unwrap();
    assert_eq!((&ours["state"], &ours["selected"]), (&"running".into(), &true.into()));

    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(fs::read(&config).unwrap(), before, "the user's own configuration is as it was");
    // Again is fine.
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn doctor_says_what_a_kernel_without_ip_vs_cannot_do() {
    let said = World::new().dojo(&["doctor"]).ok();
    assert!(said.contains("kernel ip_vs"), "{said}");
    let loaded = ["/proc/net/ip_vs", "/sys/module/ip_vs"].iter().any(|p| Path::new(p).exists());
    assert_eq!(said.contains("--endpoint-mode dnsrr"), !loaded, "{said}");
}

#[test]
fn three_managers_outlive_the_loss_of_one_and_up_replaces_it() {
    let mut world = World::new();
    let name = world.name("quorum");
    world.dojo(&["up", &name, "--managers", "3", "--workers", "1"]).ok();
    let context = format!("dojo-{name}");
    assert_eq!(ready_nodes(&world, &context), 4);
    engine(&["rm", "-f", "-v", &format!("dojo-{name}-manager-2")]).ok();
    engine(&["rm", "-f", "-v", &format!("dojo-{name}-worker-1")]).ok();
    let said = world.dojo(&["status", &name]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("gone"), "{said:?}");
    world.dojo(&["up", &name]).ok();
    assert_eq!(ready_nodes(&world, &context), 4);
    // The dead are struck out, so that they do not count for the majority for ever.
    let down = world.docker(&["node", "ls", "--format", "{{.Status}}"]).ok();
    assert!(!down.contains("Down"), "{down}");

    // Of a lost majority nothing is made anew; what the one that is left has can be gone on with.
    world.docker(&["config", "create", "kept", "/etc/hostname"]).ok();
    for machine in ["manager-1", "manager-2"] {
        engine(&["rm", "-f", "-v", &format!("dojo-{name}-{machine}")]).ok();
    }
    let lost = ["of its 3 managers manager-1 and manager-2 are gone", "--recreate"];
    world.dojo(&["up", &name, "--dry-run"]).fails(1, &lost);
    let said = world.dojo(&["up", &name]).fails(1, &lost);
    let hint = said.split('`').find(|hint| hint.contains("--force-new-cluster"));
    let hint: Vec<&str> = hint.unwrap().split_whitespace().skip(1).collect();
    world.dojo(&hint).ok();
    world.dojo(&["up", &name]).ok();
    assert_eq!(ready_nodes(&world, &context), 4);
    world.docker(&["config", "inspect", "kept"]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn a_lost_swarm_is_made_anew_only_if_that_is_asked_for() {
    let mut world = World::new();
    let name = world.name("manager");
    world.dojo(&["up", &name, "--workers", "1"]).ok();
    let lose = |machine: &str| engine(&["rm", "-f", &format!("dojo-{name}-{machine}")]).ok();
    let refused = |words: &[&str]| {
        world.dojo(&["up", &name, "--dry-run"]).fails(1, words);
        world.dojo(&["start", &name]).fails(1, words);
        world.dojo(&["up", &name]).fails(1, words);
    };
    // Somebody had it leave, on the machine itself.
    world.dojo(&["ssh", &format!("{name}/manager-1"), "--", "docker swarm leave --force"]).ok();
    refused(&["manager-1 is in a swarm no more", "--recreate"]);
    lose("manager-1");
    refused(&["manager-1 is gone; still there: worker-1", "--recreate"]);
    world.dojo(&["up", &name, "--recreate"]).ok();
    assert_eq!(ready_nodes(&world, &format!("dojo-{name}")), 2);

    // As after `docker system prune`, which takes all that is stopped, and their network.
    world.dojo(&["stop", &name]).ok();
    lose("manager-1");
    lose("worker-1");
    engine(&["network", "rm", &format!("dojo-{name}")]).ok();
    refused(&["manager-1 is gone; nothing of it is left", "--recreate"]);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn machines_restarted_in_any_order_come_back_to_the_same_contexts() {
    let mut world = World::new();
    let name = world.name("restart");
    world.dojo(&["up", &name]).ok();
    let address = world.dojo(&["url", &format!("{name}/worker-2")]).ok();
    let machine = |m: &str| format!("dojo-{name}-{m}");
    for m in ["worker-2", "manager-1", "worker-1"] {
        engine(&["stop", "-t", "5", &machine(m)]).ok();
    }
    for m in ["worker-1", "worker-2", "manager-1"] {
        engine(&["start", &machine(m)]).ok();
    }
    until("all nodes are ready again", 60, || ready_nodes(&world, &format!("dojo-{name}")) == 3);
    until("the cluster is healthy again", 30, || world.dojo(&["status", &name]).code == Some(0));
    assert_eq!(world.dojo(&["url", &format!("{name}/worker-2")]).ok(), address);

    // The same by our own verbs, whole and one machine.
    world.dojo(&["stop", &name]).ok();
    assert_eq!(world.dojo(&["status", &name]).code, Some(1));
    world.dojo(&["start", &name]).ok();
    world.dojo(&["status", &name]).ok();
    world.dojo(&["restart", &format!("{name}/worker-1")]).ok();
    until("the cluster is healthy again", 30, || world.dojo(&["status", &name]).code == Some(0));

    // And from inside.
    let _ = world.dojo(&["ssh", &format!("{name}/worker-2"), "--", "systemctl reboot"]);
    let restarts = ["inspect", "--format", "{{.RestartCount}}", &machine("worker-2")];
    until("it reboots", 30, || engine(&restarts).ok() == "1\n");
    until("all nodes are ready again", 60, || ready_nodes(&world, &format!("dojo-{name}")) == 3);
    until("the cluster is healthy again", 30, || world.dojo(&["status", &name]).code == Some(0));
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn managers_go_off_and_on_one_by_one_and_the_majority_is_told_of() {
    let mut world = World::new();
    let name = world.name("majority");
    world.dojo(&["up", &name, "--managers", "3", "--workers", "0"]).ok();
    let one = |verb: &str, m: &str| {
        let said = world.dojo(&["--log-format", "plain", verb, &format!("{name}/manager-{m}")]);
        let warned = said.stderr.contains("the cluster accepts no changes");
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        (warned, said.stderr)
    };
    let (warned, words) = one("stop", "1");
    // The context follows a manager that answers.
    assert!(!warned && words.contains("and leads to manager-2 now"), "{words}");
    until("docker reaches a manager", 60, || world.docker(&["node", "ls"]).code == Some(0));
    let status = world.dojo(&["status", &name]);
    assert!(status.stdout.contains("! 2 of 3 managers answer: no more may fail"), "{status:?}");
    let (warned, words) = one("stop", "3");
    assert!(
        warned && words.contains("with manager-3 off, only 1 of 3 managers run: no quorum"),
        "{words}"
    );
    let status = world.dojo(&["status", &name]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.stdout.contains("! no majority: 1 of 3 managers"), "{status:?}");
    assert!(one("stop", "2").0);
    // Back in an order of its own.
    let (warned, words) = one("start", "3");
    assert!(
        warned && words.contains("with manager-3 on, only 1 of 3 managers run: no quorum"),
        "{words}"
    );
    assert!(!one("start", "1").0);
    let context = format!("dojo-{name}");
    until("a majority takes orders again", 60, || ready_nodes(&world, &context) >= 2);
    assert!(!one("start", "2").0);
    until("all nodes are ready again", 60, || ready_nodes(&world, &context) == 3);
    until("the cluster is healthy again", 30, || world.dojo(&["status", &name]).code == Some(0));
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn ctrl_c_between_joins_stops_there_and_up_goes_on() {
    let mut world = World::new();
    let name = world.name("ctrlc");
    let up = ["--log-format", "plain", "up", &name, "--managers", "5", "--workers", "0"];
    let mut child = world.command(&up).stderr(Stdio::piped()).spawn().unwrap();
    let mut story = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    while lines.read_line(&mut story).unwrap() > 0 {
        if story.lines().last().is_some_and(|l| l.starts_with("manager-2: join the swarm: ok")) {
            break;
        }
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    lines.read_to_string(&mut story).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{story}");
    assert!(!story.contains("manager-5: join"), "{story}");
    world.dojo(&up).ok();
    assert_eq!(ready_nodes(&world, &format!("dojo-{name}")), 5);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn plain_docker_hosts_answer_to_env_ssh_ip_and_url() {
    let mut world = World::new();
    let name = world.name("hosts");
    world.dojo(&["up", &name, "--engines", "--machines", "1", "--no-use"]).ok();
    let machine = format!("{name}/machine-1");
    assert!(!world.docker_config().join("config.json").exists(), "nothing was selected");

    let ip = world.dojo(&["ip", &machine]).ok();
    let address: IpAddr = ip.trim().parse().unwrap();
    if let Some(neighbour) = Neighbour::move_in() {
        let here = TcpListener::bind("198.51.100.1:0").unwrap();
        assert!(
            neighbour.reaches(here.local_addr().unwrap().ip(), here.local_addr().unwrap().port())
        );
        for port in [22, 2376] {
            assert!(!neighbour.reaches(address, port), "a neighbour reaches port {port}");
            TcpStream::connect((address, port)).expect("this computer reaches it");
        }
    }
    assert!(world.dojo(&["url", &machine]).ok().starts_with("tcp://127.0.0.1:"));
    let said = world.dojo(&["ssh", &machine, "--", "hostname; exit 7"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(7), "machine-1\n"));
    let sum = world.dojo(&[
        "ssh",
        &machine,
        "--",
        "head -c 3000000 /dev/urandom | tee /tmp/f; sha256sum < /tmp/f >&2",
    ]);
    assert_eq!(sum.code, Some(0));

    let env = world.dojo(&["env", "--shell", "bash", &machine]).ok();
    let script =
        format!("{env}\ndocker info --format '{{{{.Name}}}} {{{{.Swarm.LocalNodeState}}}}'");
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "machine-1 inactive\n");

    // From inside: one that reboots comes back by itself, one that powers off is off until it is started.
    let restarts = ["inspect", "--format", "{{.RestartCount}}", &format!("dojo-{name}-machine-1")];
    let on_machine = |command: &str| {
        let said = world.dojo(&["ssh", &machine, "--", command]);
        assert!(!said.stderr.contains("Failed") && !said.stdout.contains("Failed"), "{said:?}");
    };
    let state =
        || engine(&["inspect", "-f", "{{.State.Status}}", &format!("dojo-{name}-machine-1")]).ok();
    on_machine("reboot");
    until("it boots again", 30, || engine(&restarts).ok() == "1\n");
    until("it is healthy", 30, || world.dojo(&["status", &name]).code == Some(0));
    on_machine("poweroff");
    until("it is off", 30, || state() == "exited\n");
    let said = world.dojo(&["status", &name]);
    assert!(said.code == Some(1) && said.stdout.contains("stopped"), "{said:?}");
    world.dojo(&["start", &machine]).ok();
    assert_eq!(world.dojo(&["ip", &machine]).ok(), ip);
    until("it is healthy", 30, || world.dojo(&["status", &name]).code == Some(0));
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
