//! What tells of machines, and what others get of them, on one cluster of two plain Docker hosts.

use std::fs;

use crate::world::World;

#[test]
fn plain_hosts_are_told_of_and_reached_by_docker_in_every_way() {
    let mut world = World::new();
    let name = world.name("hosts");
    world.dojo(&["up", &name, "--engines", "--machines", "2"]).ok();
    flags_and_contexts_lead_to_one_machine(&world, &name);
    machines_are_listed(&world, &name);
    a_context_goes_elsewhere_and_works_there(&world, &name);
    world.dojo(&["scale", &name, "--machines", "1"]).ok();
    let contexts = world.docker(&["context", "ls", "--format", "{{.Name}}"]).ok();
    assert!(!contexts.contains("machine-2"), "{contexts}");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
    assert_eq!(world.docker(&["context", "show"]).ok(), "default\n");
}

/// The host names of the engines that docker leads to with these words.
fn engine_at(world: &World, words: &[&str]) -> String {
    let info = world.docker(&[words, &["info", "--format", "{{.Name}}"]].concat());
    info.ok().trim().to_owned()
}

fn flags_and_contexts_lead_to_one_machine(world: &World, name: &str) {
    for machine in ["machine-1", "machine-2"] {
        let flags = world.dojo(&["config", machine]).ok();
        let words: Vec<&str> = flags.split_whitespace().collect();
        assert_eq!(engine_at(world, &words), machine);
        world.docker(&[&words[..], &["ps"]].concat()).ok();
        let context = format!("dojo-{name}.{machine}");
        assert_eq!(engine_at(world, &["--context", &context]), machine);
    }
    assert_eq!(engine_at(world, &[]), "machine-1");
    assert_eq!(world.dojo(&["active"]).ok(), format!("{name}\n"));
    world.dojo(&["use", "machine-2"]).ok();
    assert_eq!(engine_at(world, &[]), "machine-2");
    assert_eq!(world.dojo(&["active"]).ok(), format!("{name}/machine-2\n"));
    world.dojo(&["use", name]).ok();
}

fn machines_are_listed(world: &World, name: &str) {
    let only = format!("name={name}");
    let list = |more: &[&str]| world.dojo(&[&["ls", "--filter", &only], more].concat()).ok();
    assert_eq!(list(&["-q"]), format!("{name}\n"));
    let format = ["--format", "{{.Name}} {{.Kind}} {{.Status}} {{.Running}}/{{.Machines}}"];
    assert_eq!(list(&format), format!("{name} engines running 2/2\n"));
    assert_eq!(list(&["--filter", "status=stopped", "-q"]), "");
    let status = world.dojo(&["status", name, "machine-2"]).ok();
    assert!(status.contains("machine-2"), "{status}");
    let addresses = world.dojo(&["ip", "--all"]).ok();
    let addresses: Vec<Vec<&str>> =
        addresses.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(addresses.len(), 2);
    for row in addresses {
        assert_eq!(world.dojo(&["ip", row[0]]).ok().trim(), row[1]);
        let inside = world.dojo(&["ssh", row[0], "--", "hostname", "-I"]).ok();
        assert!(inside.split_whitespace().any(|address| address == row[1]), "{inside}");
    }
    world.dojo(&["stop", "machine-2"]).ok();
    assert_eq!(list(&["--filter", "status=degraded", "-q"]), format!("{name}\n"));
    assert_eq!(world.dojo(&["status", name, "machine-2"]).code, Some(1));
    world.dojo(&["start", "machine-2"]).ok();
    world.dojo(&["status", "machine-2"]).ok();
}

/// Another computer is a docker with files of its own.
fn a_context_goes_elsewhere_and_works_there(world: &World, name: &str) {
    let file = world.path().join("machine-2.dockercontext");
    let path = file.to_str().unwrap();
    let machine = format!("{name}/machine-2");
    world
        .dojo(&["context", "export", "--external", &machine, path])
        .fails(1, &["127.0.0.1", "ssh -N -L", "without --external"]);
    world.dojo(&["context", "export", &machine, path]).ok();
    let mut other = World::new();
    other.docker(&["context", "import", "theirs", path]).ok();
    let engine = engine_at(&other, &["--context", "theirs"]);
    assert_eq!(engine, "machine-2");
    // It is theirs, whatever their own clusterdojo does.
    other.set("DOCKER_CONTEXT", "theirs");
    assert_eq!(other.dojo(&["active"]).code, Some(1));
    assert_eq!(engine_at(&other, &[]), "machine-2");
    fs::remove_file(file).unwrap();
}
