//! Lessons: what a learner sees. That each lesson is right is proven by `scripts/lessons`.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::world::{World, on, until};

/// What `dojo lesson check -o json` says.
fn verdict(world: &World) -> Value {
    let said = world.dojo_here(&["lesson", "check", "-o", "json"]);
    serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"))
}

#[test]
fn a_learner_is_told_how_each_step_stands_and_why() {
    let mut world = World::new();
    let name = world.name("lesson");
    world.set("LANG", "C.UTF-8");
    let lesson = |args: &[&str]| world.dojo_here(&[&["lesson"], args].concat());
    lesson(&["check"]).fails(6, &["no lesson has begun", "`dojo lesson start`"]);
    lesson(&["start", "swarm/replica"])
        .fails(2, &["there is no lesson `swarm/replica`", "perhaps swarm/replicas is meant"]);
    world.dojo(&["up", &name, "--workers", "1"]).ok();
    lesson(&["start", "replicas", "--cluster", &name])
        .fails(2, &["does not suit lesson `swarm/replicas`", "1 × manager, 2 × worker"]);
    world.dojo(&["scale", &name, "--workers", "2"]).ok();

    let said = lesson(&["start", "replicas", "--cluster", &name]).ok();
    assert!(said.contains("step 1/3: deploy") && said.contains("cd swarm-replicas"), "{said}");
    let stack = world.path().join("swarm-replicas/stack.yaml");
    assert!(fs::read_to_string(&stack).unwrap().contains("replicas: 2"));
    let said = lesson(&["check"]);
    assert!(said.stdout.contains("There is no service `lab_web`."), "{said:?}");
    assert_eq!(said.code, Some(1));
    lesson(&["next"]).fails(1, &["step `deploy` of lesson `swarm/replicas` is not passed yet"]);

    // What is wrong is told by its reason, and hints follow that.
    let image = "dojo/lab:1";
    let create = ["service", "create", "--quiet", "--detach", "--name", "lab_web", image];
    world.docker(&create).ok();
    until("the service is seen", 30, || verdict(&world)["reason"] == "other-replicas");
    let said = lesson(&["check"]).stdout;
    assert!(said.contains("1 replica is asked for, and the step wants 2."), "{said}");
    assert!(said.contains("docker service ps --no-trunc lab_web"), "{said}");
    assert!(lesson(&["hint"]).ok().starts_with("hint 1/3: `cat stack.yaml`"));
    assert!(lesson(&["hint"]).ok().contains("asked for another number of replicas"));
    fs::write(&stack, "services: {}\n").unwrap();
    lesson(&["reset"]).ok();
    assert_eq!(world.docker(&["service", "ls", "--quiet"]).ok(), "");
    assert!(fs::read_to_string(&stack).unwrap().contains("replicas: 2"));
    let yours = stack.with_file_name("stack.yaml.yours-1");
    assert_eq!(fs::read_to_string(yours).unwrap(), "services: {}\n");
    assert_eq!(verdict(&world)["reason"], "no-service");

    world.docker(&["stack", "deploy", "--compose-file", stack.to_str().unwrap(), "lab"]).ok();
    let said = lesson(&["check", "--observe", "90s"]).ok();
    assert!(said.contains("deploy: passed") && said.contains("dojo lesson next"), "{said}");
    assert!(lesson(&["next"]).ok().contains("step 2/3: kill"));

    // Whoever looks elsewhere is told.
    world.dojo(&["use", "--none"]).ok();
    let said = lesson(&["check"]).stdout;
    assert!(said.contains(&format!("`dojo use {name}` selects this lesson's cluster")), "{said}");
    world.dojo(&["use", &name]).ok();
    lesson(&["answer", "another"]).fails(2, &["nothing, same-container, new-task"]);
    lesson(&["answer", "same-container"]).ok();
    let mut watch = world.command(&["lesson", "watch", "--plain"]);
    let watch = watch.current_dir(world.path()).stdout(Stdio::piped()).spawn().unwrap();
    lesson(&["solve"]).ok();
    let watched = watch.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&watched.stdout);
    assert!(watched.status.success(), "{text}");
    assert!(text.contains("✓ a task of the service `lab_web` is replaced"), "{text}");
    assert!(text.contains("it was: A new task with a new container"), "{text}");

    // What is damaged is told, and what was passed is not lost.
    let state = world.home().join("lessons/lesson.json");
    let kept = fs::read(&state).unwrap();
    fs::write(&state, "{").unwrap();
    lesson(&["check"]).fails(6, &["lesson.json` is damaged"]);
    fs::write(&state, kept).unwrap();
    assert!(lesson(&["next"]).ok().contains("step 3/3: scale"));
    world.dojo(&["down", &name]).ok();
    let again = "`dojo lesson start swarm/replicas` begins it anew";
    lesson(&["check"]).fails(6, &[&format!("cluster `{name}`"), "is gone", again]);
    let said = lesson(&["export"]).ok();
    let done: Value = serde_json::from_str(&said).unwrap();
    let of = |step: &str| {
        let all = done.as_array().unwrap();
        all.iter().find(|done| done["step"] == step).unwrap().clone()
    };
    assert!(of("deploy")["passed"].is_string() && of("deploy")["solved"] == false, "{said}");
    assert!(of("kill")["solved"] == true && of("kill")["predicted"] == false, "{said}");
    assert!(of("scale")["passed"].is_null(), "{said}");
    let said = lesson(&["ls"]).ok();
    let row = said.lines().find(|line| line.contains("swarm/replicas")).unwrap();
    assert!(row.contains("2/3"), "{said}");
}

/// The clusters that `dojo` makes for lessons have one name for each shape: they go with the test.
struct OfLessons<'a>(&'a World);

impl Drop for OfLessons<'_> {
    fn drop(&mut self) {
        let _ = self.0.dojo(&["down", CLUSTER, "--yes"]);
    }
}

const CLUSTER: &str = "lesson-swarm-3";

#[test]
fn what_a_lesson_has_left_hinders_no_other_one() {
    let mut world = World::new();
    let own = world.name("own");
    let lesson = |args: &[&str]| world.dojo_here(&[&["lesson"], args].concat());
    let said = lesson(&["start", "swarm/replicas"]).ok();
    let _cluster = OfLessons(&world);
    assert!(said.contains("step 1/3: deploy"), "{said}");
    let image = "dojo/lab:1";
    let of_theirs =
        ["service", "create", "--quiet", "--detach", "--name", "lab_web", "--replicas", "2", image];
    world.docker(&of_theirs).ok();
    // Whoever has done it need not ask first how it stands.
    until("the step is passed", 60, || lesson(&["next"]).code == Some(0));
    assert!(lesson(&["text"]).ok().contains("step 2/3: kill"));

    let said = lesson(&["start", "swarm/stack"]).ok();
    assert!(said.contains("step 1/4: deploy"), "{said}");
    assert_eq!(world.docker(&["service", "ls", "--quiet"]).ok(), "");

    // Nor does one on another cluster keep it, which is made for lessons under whatever name.
    world.docker(&of_theirs).ok();
    lesson(&["start", "engine/machines", "--cluster", &own]).ok();
    on(&own, "machine-1", "docker run --detach dojo/lab:1");
    lesson(&["start", "engine/remote", "--cluster", &own]).ok();
    assert_eq!(on(&own, "machine-1", "docker container ls --all --quiet"), "");
    lesson(&["start", "swarm/stack"]).ok();
    assert_eq!(world.docker(&["service", "ls", "--quiet"]).ok(), "");

    // A cluster that has another shape since is not taken, and made as the lesson wants it if the learner says so.
    world.dojo(&["scale", CLUSTER, "--workers", "1"]).ok();
    lesson(&["start", "swarm/replicas"])
        .fails(2, &["does not suit lesson", "`dojo down lesson-swarm-3` removes it"]);
    let said = lesson(&["reset", "--hard"]).ok();
    assert!(said.contains("swarm/stack · step 1/4: deploy"), "{said}");
    assert_eq!(world.docker(&["node", "ls", "--quiet"]).ok().lines().count(), 3);
}
