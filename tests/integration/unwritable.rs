//! What becomes of commands that take away, where nothing can be written: read-only file systems, and full
//! ones, in a mount namespace of their own.

use std::fs;
use std::process::Command;

use crate::cli::{Said, World};

/// Runs a script in a mount namespace, in which `dojo` is on the PATH and `$1` is the world's directory.
fn apart(world: &World, script: &str) -> Said {
    let root = world.path();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let dojo = std::path::Path::new(env!("CARGO_BIN_EXE_dojo")).parent().unwrap();
    let path = format!("{}:{}", dojo.display(), std::env::var("PATH").unwrap());
    let output = command
        .args(["--mount", "sh", "-ec", script, "sh"])
        .arg(root)
        .env_clear()
        .env("PATH", path)
        .env("HOME", root)
        .env("DOJO_HOME", root.join("state"))
        .env("DOCKER_CONFIG", root.join("docker"))
        .env("DOJO_FAKE_STATE", root.join("fake.json"))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).unwrap().replace(root.to_str().unwrap(), "/world")
    };
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Makes a path read-only: a file or a directory.
const READ_ONLY: &str = "ro() { mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; }\n";

fn up(world: &World) {
    world.dojo(&["-q", "up", "practice", "--driver", "fake"]).ok();
}

fn machines(world: &World) -> usize {
    let text = fs::read_to_string(world.path().join("fake.json")).unwrap_or_default();
    text.matches("\"handle\"").count()
}

#[test]
fn machines_go_where_files_cannot() {
    for (path, words) in [
        (
            "state",
            &["`/world/state/clusters/practice`", "Read-only", "dojo down practice --forget"][..],
        ),
        (
            "docker",
            &["docker context `dojo-practice`", "Read-only", "`dojo down practice` removes"],
        ),
        ("docker/config.json", &["docker context `dojo-practice`", "config.json"]),
    ] {
        let world = World::new();
        up(&world);
        assert_eq!(machines(&world), 3);
        let said = apart(&world, &format!("{READ_ONLY} ro \"$1/{path}\"; dojo down practice"));
        assert_eq!(machines(&world), 0, "{path}: {}", said.stderr);
        assert_eq!(said.code, Some(1), "{path}: {}", said.stderr);
        assert!(said.stderr.contains("are gone, but not all"), "{path}: {}", said.stderr);
        for word in words {
            assert!(said.stderr.contains(word), "{path}: {word}: {}", said.stderr);
        }
        // As it was told.
        let forget = if path == "state" { &["--forget"][..] } else { &[] };
        world.dojo(&[&["-q", "down", "practice"], forget].concat()).ok();
        assert_eq!(fs::read_dir(world.path().join("state/clusters")).unwrap().count(), 0, "{path}");
        let docker = world.path().join("docker");
        assert!(!docker.join("config.json").exists(), "{path}");
        assert!(!docker.join("contexts/meta").exists(), "{path}");
    }
}

#[test]
fn a_full_disk_keeps_no_machine() {
    let world = World::new();
    let said = apart(
        &world,
        "mkdir \"$1/state\" \"$1/docker\"
        mount -t tmpfs -o size=512k tmpfs \"$1/state\"; mount -t tmpfs -o size=64k tmpfs \"$1/docker\"
        dojo -q up practice --driver fake
        # One half of them, the lock included, can not even be begun.
        rm \"$1/state/clusters/practice/lock\"
        for disk in state docker; do cat /dev/zero >\"$1/$disk/full\" 2>/dev/null || true; done
        dojo stop practice >&2
        dojo down practice || echo \"code $?\" >&2
        ls -A \"$1/state/clusters\"",
    );
    assert_eq!(machines(&world), 0, "{}", said.stderr);
    assert!(said.stderr.contains("practice is stopped"), "{}", said.stderr);
    if said.stderr.contains("code 1") {
        assert!(said.stderr.contains("docker context `dojo-practice`"), "{}", said.stderr);
    } else {
        assert_eq!(said.stdout, "practice is gone\n", "{}", said.stderr);
    }
}

#[test]
fn stopping_takes_nothing_but_the_machines() {
    let world = World::new();
    up(&world);
    let script = format!("{READ_ONLY} ro \"$1/state\"; ro \"$1/docker\"; dojo stop practice");
    let said = apart(&world, &script);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("no log is kept"), "{}", said.stderr);
    // What makes something is refused, and says why.
    let script = format!("{READ_ONLY} ro \"$1/state\"; dojo up practice");
    let said = apart(&world, &script);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("Read-only"), "{}", said.stderr);
}

#[test]
fn machines_without_a_record_go_where_no_directory_can_be_made() {
    let world = World::new();
    up(&world);
    fs::remove_dir_all(world.path().join("state/clusters")).unwrap();
    let script = format!("{READ_ONLY} ro \"$1/state\"; dojo down practice --yes --driver fake");
    let said = apart(&world, &script);
    assert_eq!((said.code, machines(&world)), (Some(0), 0), "{}", said.stderr);
}
