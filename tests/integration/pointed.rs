//! Where plain `docker` and plain `kubectl` lead, and what is said of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::cli::{UP, World};

fn starred(world: &World, environment: &[(&str, &str)]) -> Vec<String> {
    let list = world.dojo_with(environment, &["ls", "--driver", "fake"]).ok();
    let lines = list.lines().filter(|line| line.ends_with('*'));
    lines.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn use_says_which_variable_wins_and_what_to_unset() {
    let world = World::new();
    world.dojo(&UP).ok();
    let using =
        |environment: &[(&str, &str)]| world.dojo_with(environment, &["use", "practice"]).ok();
    assert_eq!(using(&[]), "docker now uses context dojo-practice\n");
    assert_eq!(
        using(&[("DOCKER_CONTEXT", "dojo-practice")]),
        "docker now uses context dojo-practice\n"
    );
    assert_eq!(
        using(&[("DOCKER_CONTEXT", "default")]),
        "context dojo-practice is selected, but DOCKER_CONTEXT is set and wins over the selected context; \
         `unset DOCKER_CONTEXT` first\n"
    );
    let both = using(&[("DOCKER_CONTEXT", "default"), ("DOCKER_HOST", "tcp://192.0.2.9:1")]);
    assert!(both.contains("DOCKER_HOST and DOCKER_CONTEXT are set and win"), "{both}");
    assert!(both.contains("`unset DOCKER_HOST DOCKER_CONTEXT` first"), "{both}");
    let of_env =
        using(&[("DOCKER_HOST", "tcp://192.0.2.9:1"), ("DOJO_MACHINE", "practice/worker-1")]);
    assert!(of_env.contains("`eval \"$(dojo env --unset)\"` first"), "{of_env}");
    // The other verbs that select a context.
    let environment = [("DOCKER_HOST", "tcp://192.0.2.9:1")];
    for args in [["use", "--none"], ["use", "--previous"], ["up", "practice"]] {
        let said = world.dojo_with(&environment, &args).ok();
        assert!(said.contains("DOCKER_HOST is set and wins"), "{args:?}: {said}");
        assert!(!said.contains("docker now uses"), "{args:?}: {said}");
    }
}

#[test]
fn a_context_in_files_that_are_not_read_here_is_told_with_them() {
    let world = World::new();
    world.dojo(&UP).ok();
    let other = world.directory.path().join("other").display().to_string();
    let said = world.dojo_with(&[("DOCKER_CONFIG", &other)], &["use", "practice"]);
    assert_eq!(said.code, Some(1));
    for words in [
        "context `dojo-practice` is in `/world/docker`, which is not read here",
        "`export DOCKER_CONFIG='/world/docker'`",
    ] {
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    world.record_of_kubernetes();
    let said = world.dojo_with(&[("KUBECONFIG", &other)], &["use", "practice"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("`export KUBECONFIG='/world/.kube/config'`"), "{}", said.stderr);
}

#[test]
fn the_star_is_where_docker_and_kubectl_lead_in_this_shell() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["-q", "up", "second", "--driver", "fake"]).ok();
    assert_eq!(starred(&world, &[]), ["second"]);
    assert_eq!(starred(&world, &[("DOCKER_CONTEXT", "dojo-practice")]), ["practice"]);
    assert_eq!(starred(&world, &[("DOCKER_HOST", "unix:///elsewhere.sock")]), [""; 0]);
    // As `dojo env practice/worker-1` says it. Both clusters of the fake have the same addresses.
    let host = world.dojo(&["url", "practice/worker-1"]).ok();
    assert_eq!(starred(&world, &[("DOCKER_HOST", host.trim())]), ["practice"]);
    let known = world.dojo_with(&[("DOCKER_HOST", host.trim())], &["inspect"]).ok();
    assert!(known.contains("\"name\": \"practice\""), "{known}");

    let kubeconfig = world.file(
        "kubeconfig",
        "apiVersion: v1\nkind: Config\ncurrent-context: dojo-practice\nclusters: []\nusers: []\n\
         contexts: [{ name: dojo-practice, context: { cluster: a, user: a } }]\n",
    );
    assert_eq!(starred(&world, &[("KUBECONFIG", &kubeconfig)]), ["practice", "second"]);
}

#[test]
fn down_without_a_name_means_dojo_and_does_not_wait_for_an_answer_in_a_script() {
    let world = World::new();
    world.dojo(&["-q", "up", "--driver", "fake"]).ok();
    world.dojo(&UP).ok();
    assert_eq!(world.dojo(&["down"]).ok(), "dojo is gone\n");
    assert!(world.dojo(&["ls"]).stdout.contains("practice"));
}

/// Runs `dojo` at a terminal at which somebody types.
fn at_a_terminal(world: &World, args: &[&str], typed: &str) -> String {
    let dojo = world.command(args);
    let line = format!("{} {}", dojo.get_program().display(), args.join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    for (name, value) in dojo.get_envs() {
        script.env(name, value.unwrap());
    }
    let child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.as_ref().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn down_without_a_name_asks_whoever_sits_at_a_terminal() {
    let world = World::new();
    world.dojo(&["-q", "up", "--driver", "fake"]).ok();
    let said = at_a_terminal(&world, &["down"], "n\n");
    assert!(said.contains("Remove cluster dojo? [y/N]"), "{said}");
    assert!(said.contains("nothing was removed"), "{said}");
    assert!(world.dojo(&["ls"]).stdout.contains("dojo"));
    // Who says which one, or yes, has said it.
    let said = at_a_terminal(&world, &["down", "dojo"], "");
    assert!(said.contains("dojo is gone") && !said.contains("[y/N]"), "{said}");
    world.dojo(&["-q", "up", "--driver", "fake"]).ok();
    let said = at_a_terminal(&world, &["down", "--yes"], "");
    assert!(said.contains("dojo is gone") && !said.contains("[y/N]"), "{said}");
    world.dojo(&["-q", "up", "--driver", "fake"]).ok();
    assert!(at_a_terminal(&world, &["down"], "y\n").contains("dojo is gone"));
    // Where there is none, there is nothing to ask.
    assert!(!at_a_terminal(&world, &["down"], "").contains("[y/N]"));
}
