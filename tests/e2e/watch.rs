//! `dojo watch` on a real swarm: what is sent to a chat while things happen to it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::hook::{Hook, SECRET};
use crate::service::build_image;
use crate::world::{World, engine, on, until};

/// For how long what `dojo` does counts as asked for after its end, and a second.
const ASKED: Duration = Duration::from_secs(11);
/// How long a message may take after what it tells of.
const SOON: u64 = 20;
/// How long to wait for a message that must not come.
const QUIET: Duration = Duration::from_secs(5);

#[test]
fn a_killed_task_is_one_message_an_update_none_and_a_killed_machine_one() {
    let mut world = World::new();
    let name = world.name("watch");
    let image = format!("dojo-e2e-{name}:1");
    build_image(world.path(), &image, "1");
    world.dojo(&["up", &name, "--workers", "1"]).ok();
    let loaded = world.dojo(&["image", "load", "--cluster", &name, &image]);
    engine(&["image", "rm", &image]).ok();
    loaded.ok();
    let create = ["service", "create", "--no-resolve-image", "--name", "web", "--replicas", "4"];
    world.docker(&[&create[..], &["--restart-delay", "0s", &image]].concat()).ok();
    sleep(ASKED);

    let hook = Hook::answering(&[]);
    let (mut watching, mut stderr) = begin(&world, &name, &hook);
    let quiet = |what: &str| {
        sleep(QUIET);
        assert_eq!(hook.all(), [""; 0], "{what}");
    };

    on(&name, "worker-1", "docker kill $(docker ps --quiet | head -n 1)");
    let said = hook.next(SOON);
    assert!(said.head.starts_with("POST "), "{said:?}");
    let begins = format!("{name}: web.");
    assert!(said.text.starts_with(&begins), "{said:?}");
    assert!(
        said.text.contains(" was killed on worker-1 (exit code 137); replaced on "),
        "{said:?}"
    );
    quiet("one killed task is one message");

    world.docker(&["service", "update", "--force", "web"]).ok();
    quiet("an update was asked for");
    world.docker(&["service", "scale", "web=6"]).ok();
    world.docker(&["service", "scale", "web=4"]).ok();
    quiet("scaling was asked for");
    for availability in ["drain", "active"] {
        world.docker(&["node", "update", "--availability", availability, "worker-1"]).ok();
        quiet("a drain was asked for");
    }
    // Some of them are to be on the machine that dies.
    world.docker(&["service", "update", "--force", "web"]).ok();
    let there = || on(&name, "worker-1", "docker ps --quiet").lines().count();
    assert!(there() >= 2, "{}", there());
    quiet("an update was asked for");

    let worker = format!("{name}/worker-1");
    world.dojo(&["kill", &worker]).ok();
    assert_eq!(hook.next(SOON).text, format!("{name}: worker-1 is stopped"));
    until("all of them run elsewhere", 60, || {
        let tasks = ["service", "ps", "web", "--filter", "desired-state=running", "--format"];
        let said = world.docker(&[&tasks[..], &["{{.Node}} {{.CurrentState}}"]].concat()).stdout;
        said.lines().filter(|line| line.starts_with("manager-1 Running")).count() == 4
    });
    quiet("what goes with its machine is no message");

    world.dojo(&["start", &worker]).ok();
    let said = hook.next(SOON).text;
    assert!(said.contains("worker-1 is up again after "), "{said}");
    quiet("what comes back is one message");
    world.dojo(&["stop", &worker]).ok();
    quiet("what is stopped was asked for");
    world.dojo(&["down", &name]).ok();
    let mut lines = String::new();
    watching.stdout.take().unwrap().read_to_string(&mut lines).unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said, format!("{name} is gone\n"));
    assert_eq!(hook.all(), [""; 0]);

    // A line each, at once, and what follows is told here, too.
    let lines: Vec<&str> = lines.lines().collect();
    let roots: Vec<_> = lines.iter().filter(|line| line.as_bytes()[21] != b' ').collect();
    assert_eq!(roots.len(), 3, "{lines:#?}");
    assert!(roots[1].ends_with("  worker-1 is stopped [off]"), "{lines:#?}");
    let lost = lines.iter().filter(|line| line.contains(" is lost on worker-1, which is down"));
    assert!(lost.count() >= 2, "{lines:#?}");
    world.assert_gone(&name);
}

/// A watch that has looked for the first time.
fn begin(world: &World, name: &str, hook: &Hook) -> (Child, BufReader<ChildStderr>) {
    let mut watch = world.command(&["watch", name]);
    watch.env("DOJO_WEBHOOK", &hook.url).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watching = watch.spawn().unwrap();
    let mut stderr = BufReader::new(watching.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("is watched until Ctrl-C"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    (watching, stderr)
}
