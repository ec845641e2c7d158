//! Day two: `kill`, `pause`, `ssh --all`, `cp`, `logs --follow`, `provision`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use crate::cli::{Said, UP, World};

impl World {
    /// A cluster of the fake's: manager-1, worker-1 and worker-2.
    fn with_cluster() -> Self {
        let world = Self::new();
        world.dojo(&UP).ok();
        world
    }

    /// What its machines are doing, as its driver tells it.
    fn states(&self) -> Vec<String> {
        let machines = self.read("fake.json")["machines"].clone();
        let mut states: Vec<_> = machines
            .as_array()
            .unwrap()
            .iter()
            .map(|m| {
                format!("{} {}", m["id"]["name"].as_str().unwrap(), m["state"].as_str().unwrap())
            })
            .collect();
        states.sort();
        states
    }

    fn doing(&self, machine: &str) -> String {
        let states = self.states();
        let found = states.iter().find_map(|s| s.strip_prefix(&format!("{machine} ")));
        found.unwrap().to_owned()
    }

    /// A file of a machine.
    fn on(&self, machine: &str, path: &str) -> PathBuf {
        let directory = self.at("fake.files").join(machine);
        fs::create_dir_all(&directory).unwrap();
        directory.join(path)
    }

    fn cp(&self, from: &str, to: &str) -> Said {
        self.dojo(&["-q", "cp", from, to])
    }

    /// A path of this computer, as an argument.
    fn here(&self, path: &str) -> String {
        self.at(path).to_str().unwrap().to_owned()
    }
}

fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, Some(code), "{}", said.stderr);
    for word in words {
        assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
    }
}

#[test]
fn a_machine_is_killed_and_started_again() {
    let world = World::with_cluster();
    let said = world.dojo(&["kill", "worker-1", "practice/worker-2"]).ok();
    assert_eq!(said, "practice/worker-1 is off\npractice/worker-2 is off\n");
    assert_eq!(world.states(), ["manager-1 running", "worker-1 stopped", "worker-2 stopped"]);
    world.dojo(&["-q", "kill", "worker-1"]).ok();
    world.dojo(&["-q", "start", "worker-1"]).ok();
    assert_eq!(world.states(), ["manager-1 running", "worker-1 running", "worker-2 stopped"]);
}

#[test]
fn a_whole_cluster_is_killed_only_if_that_is_said() {
    let world = World::with_cluster();
    let running = world.states();
    refused(&world.dojo(&["kill"]), 2, &["<TARGETS>"]);
    refused(&world.dojo(&["kill", "practice"]), 2, &["is a cluster", "`dojo kill --all practice`"]);
    refused(&world.dojo(&["kill", "worker-1", "practice"]), 2, &["is a cluster"]);
    refused(&world.dojo(&["kill", "--all", "worker-1"]), 2, &["`worker-1` is a machine"]);
    refused(&world.dojo(&["kill", "nobody"]), 1, &["there is no cluster `nobody`"]);
    refused(&world.dojo(&["kill", "worker-7"]), 1, &["no machine `worker-7`"]);
    assert_eq!(world.states(), running);
    world.dojo(&["kill", "--all", "practice"]).ok();
    assert!(world.states().iter().all(|s| s.ends_with("stopped")), "{:?}", world.states());
}

#[test]
fn a_paused_machine_is_told_of_and_goes_on() {
    let world = World::with_cluster();
    assert_eq!(world.dojo(&["pause", "worker-1"]).ok(), "practice/worker-1 is paused\n");
    assert_eq!(world.doing("worker-1"), "paused");
    let status = world.dojo(&["-q", "status", "practice"]);
    assert!(status.stdout.contains("paused"), "{}", status.stdout);
    assert!(world.dojo(&["ls"]).stdout.contains("degraded"));
    // Twice is as good as once.
    world.dojo(&["-q", "pause", "worker-1"]).ok();
    world.dojo(&["-q", "unpause", "worker-1"]).ok();
    assert_eq!(world.doing("worker-1"), "running");
    world.dojo(&["-q", "unpause", "worker-1"]).ok();
    world.dojo(&["-q", "pause"]).ok();
    assert!(world.dojo(&["ls"]).stdout.contains("paused"));
    world.dojo(&["-q", "start"]).ok();
    assert!(world.states().iter().all(|s| s.ends_with("running")), "{:?}", world.states());
    for verb in [&["-q", "up", "practice"][..], &["-q", "start", "worker-2"]] {
        world.dojo(&["-q", "pause", "worker-2"]).ok();
        world.dojo(verb).ok();
        assert_eq!(world.doing("worker-2"), "running", "{verb:?}");
    }
    world.dojo(&["-q", "pause", "practice"]).ok();
    world.dojo(&["-q", "down", "practice"]).ok();
    assert!(world.states().is_empty());
}

#[test]
fn what_is_off_is_not_paused() {
    let world = World::with_cluster();
    world.dojo(&["-q", "stop", "worker-1"]).ok();
    let said = world.dojo(&["pause", "worker-1"]);
    refused(&said, 1, &["it is stopped", "`dojo start practice/worker-1`"]);
    refused(&world.dojo(&["unpause", "worker-1"]), 1, &["cannot unpause", "it is stopped"]);
    world.dojo(&["-q", "pause"]).ok();
    assert_eq!(world.states(), ["manager-1 paused", "worker-1 stopped", "worker-2 paused"]);
    world.dojo(&["-q", "unpause"]).ok();
    assert_eq!(world.states(), ["manager-1 running", "worker-1 stopped", "worker-2 running"]);
}

#[test]
fn a_driver_that_cannot_pause_says_so_before_anything_is_paused() {
    let world = World::with_cluster();
    let unable = [("DOJO_FAKE_FAIL", "admit-pause:worker-2")];
    let said = world.dojo_with(&unable, &["pause"]);
    refused(&said, 1, &["none can pause it"]);
    assert!(world.states().iter().all(|s| s.ends_with("running")), "{:?}", world.states());
}

#[test]
fn a_command_runs_on_all_machines_and_fails_if_it_fails_on_one() {
    let world = World::with_cluster();
    let said = world.dojo(&["ssh", "--all", "--", "uptime", "-p"]).ok();
    let mut lines: Vec<_> = said.lines().collect();
    lines.sort_unstable();
    let wanted = [
        "manager-1  at practice/manager-1",
        "manager-1  uptime -p",
        "worker-1   at practice/worker-1",
        "worker-1   uptime -p",
        "worker-2   at practice/worker-2",
        "worker-2   uptime -p",
    ];
    assert_eq!(lines, wanted);
    let workers = world.dojo(&["exec", "--role", "worker", "practice", "--", "true"]).ok();
    assert!(!workers.contains("manager-1") && workers.contains("worker-2"), "{workers}");

    let failing = [("DOJO_FAKE_FAIL", "command:worker-2")];
    let said = world.dojo_with(&failing, &["ssh", "--all", "--", "x"]);
    let words = ["worker-2   the test wants it so\n", "worker-2", "ended with status 3"];
    refused(&said, 1, &words);
    assert!(said.stdout.contains("worker-1   x\n"), "{}", said.stdout);

    world.dojo(&["-q", "stop", "worker-1"]).ok();
    let said = world.dojo(&["ssh", "--all", "--", "x"]);
    refused(&said, 1, &["worker-1", "the machine is stopped"]);
    assert!(said.stdout.contains("worker-2   x\n"), "{}", said.stdout);
}

#[test]
fn a_command_for_all_machines_is_one_and_names_a_cluster() {
    let world = World::with_cluster();
    refused(&world.dojo(&["ssh", "--all"]), 2, &["COMMAND"]);
    refused(&world.dojo(&["ssh"]), 2, &["MACHINE"]);
    let said = world.dojo(&["ssh", "--all", "practice/worker-1", "--", "x"]);
    refused(&said, 2, &["`practice/worker-1` is a machine"]);
    let said = world.dojo(&["ssh", "--role", "control-plane", "--", "x"]);
    refused(&said, 2, &["has no control-plane"]);
    refused(&world.dojo(&["ssh", "--role", "chief", "--", "x"]), 2, &["`chief` is no role"]);
    refused(&world.dojo(&["ssh", "--all", "nobody", "--", "x"]), 1, &["no cluster `nobody`"]);
}

#[test]
fn a_file_goes_to_a_machine_and_back_and_to_another_machine() {
    let world = World::with_cluster();
    let odd = "-r a\nb 'c'.txt";
    fs::write(world.at(odd), "text").unwrap();
    fs::set_permissions(world.at(odd), fs::Permissions::from_mode(0o640)).unwrap();
    let time = fs::metadata(world.at(odd)).unwrap().modified().unwrap();
    world.cp(&world.here(odd), "worker-1:").ok();
    assert_eq!(fs::read_to_string(world.on("worker-1", odd)).unwrap(), "text");
    world.cp(&format!("worker-1:{odd}"), "practice/worker-2:other name").ok();
    world.cp("worker-2:./other name", &world.here("back")).ok();
    assert_eq!(fs::read_to_string(world.at("back")).unwrap(), "text");
    let metadata = fs::metadata(world.at("back")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    let age = time.duration_since(metadata.modified().unwrap()).unwrap();
    assert!(age.as_secs() < 1, "{age:?}");
    // What is there gives way, whole.
    fs::write(world.at("back"), "new").unwrap();
    world.cp(&world.here("back"), "worker-2:other name").ok();
    assert_eq!(fs::read_to_string(world.on("worker-2", "other name")).unwrap(), "new");
    assert_eq!(left(&world.on("worker-2", "")), ["other name"]);
}

/// What is in a folder, hidden things too.
fn left(folder: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
    let mut names: Vec<_> = names.map(|n| n.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_goes_with_all_that_is_in_it() {
    let world = World::with_cluster();
    fs::create_dir_all(world.at("web/a b/-r")).unwrap();
    fs::write(world.at("web/a b/-r/line\nfeed"), "x").unwrap();
    fs::write(world.at("web/.hidden"), "y").unwrap();
    symlink("nowhere", world.at("web/link")).unwrap();
    world.cp(&world.here("web"), "worker-1:site").ok();
    world.dojo(&["-q", "cp", "-r", "worker-1:site", "worker-2:"]).ok();
    // Again: into the folder that is there, beside what is in it.
    fs::write(world.on("worker-2", "site/own"), "mine").unwrap();
    world.cp("worker-1:site/.", "worker-2:site").ok();
    world.cp("worker-2:site", &world.here("back")).ok();
    assert_eq!(left(&world.at("back")), [".hidden", "a b", "link", "own"]);
    assert_eq!(fs::read_to_string(world.at("back/a b/-r/line\nfeed")).unwrap(), "x");
    assert_eq!(fs::read_link(world.at("back/link")).unwrap(), PathBuf::from("nowhere"));
    // Into a folder of this computer that is there.
    world.cp("worker-1:site", &world.here("back")).ok();
    assert_eq!(left(&world.at("back/site")), [".hidden", "a b", "link"]);
    assert_eq!(left(&world.on("worker-2", "site")), [".hidden", "a b", "link", "own"]);
}

#[test]
fn what_cannot_be_copied_is_refused_and_leaves_what_was_there() {
    let world = World::with_cluster();
    fs::write(world.at("f"), "text").unwrap();
    fs::create_dir(world.at("d")).unwrap();
    fs::create_dir_all(world.on("worker-1", "folder/f")).unwrap();
    fs::write(world.on("worker-1", "file"), "as it was").unwrap();
    let (f, d) = (world.here("f"), world.here("d"));
    for (from, to, code, words) in [
        ("worker-1:absent", &*f, 1, &["there is no `absent` on machine `practice/worker-1`"][..]),
        ("/absent", "worker-1:x", 1, &["there is no `/absent` on this computer"]),
        ("/dev/null", "worker-1:x", 1, &["neither a file nor a folder"]),
        ("worker-1:/dev/null", &f, 1, &["neither a file nor a folder"]),
        (&*f, "worker-1:absent/", 1, &["there is no folder"]),
        (&f, "worker-1:absent/x", 1, &["there is no folder"]),
        (&f, "worker-1:folder", 1, &["folder/f` is a folder"]),
        (&d, "worker-1:file", 1, &["file` is no folder"]),
        ("worker-1:folder", &f, 1, &["is no folder"]),
        (&f, &d, 2, &["MACHINE:PATH"]),
        (&f, "wroker:x", 2, &["`wroker` is no machine's name"]),
        (&f, "worker-9:x", 1, &["no machine `worker-9`"]),
        (&f, "nobody/worker-1:x", 1, &["no cluster `nobody`"]),
    ] {
        let said = world.cp(from, to);
        assert_eq!(said.code, Some(code), "{from} {to}: {}", said.stderr);
        for word in words {
            assert!(said.stderr.contains(word), "{from} {to}: {}", said.stderr);
        }
    }
    assert_eq!(left(&world.on("worker-1", "")), ["file", "folder"]);
    assert_eq!(left(&world.on("worker-1", "folder")), ["f"]);
    assert_eq!(fs::read_to_string(world.on("worker-1", "file")).unwrap(), "as it was");
    assert_eq!(fs::read_to_string(world.at("f")).unwrap(), "text");
}

#[test]
fn followed_journals_have_the_names_of_their_machines() {
    let world = World::with_cluster();
    world.dojo(&["-q", "stop", "worker-2"]).ok();
    // Journals of the fake come to an end.
    let said = world.dojo(&["logs", "-f"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let mut lines: Vec<_> = said.stdout.lines().collect();
    lines.sort_unstable();
    let text = "2026-01-02T03:04:05+0000 all is well";
    assert_eq!(lines, [format!("manager-1  {text}"), format!("worker-1   {text}")]);
    assert!(said.stderr.contains("the machine is stopped"), "{}", said.stderr);
    refused(&world.dojo(&["logs", "-f", "--bundle"]), 2, &["cannot be used with"]);
}

#[test]
fn a_folder_is_mounted_by_sshfs_with_the_keys_of_the_cluster() {
    let world = World::with_cluster();
    let folder = world.here("srv");
    let bare =
        world.dojo_with(&[("PATH", &world.here("nothing"))], &["mount", "worker-1:/srv", "."]);
    refused(&bare, 3, &["needs sshfs", "apt-get install sshfs"]);
    refused(&world.dojo(&["mount", "worker-1:/srv"]), 2, &["<FOLDER>"]);
    refused(&world.dojo(&["mount", "worker-1:/srv", &folder]), 2, &["there is no folder"]);
    fs::create_dir(world.at("srv")).unwrap();
    refused(&world.dojo(&["mount", "/srv", &folder]), 2, &["of this computer already"]);
    fs::create_dir(world.at("bin")).unwrap();
    let program = world.file("bin/sshfs", "#!/bin/sh\necho \"$@\"\n");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = [("PATH", &*format!("{}:/usr/bin:/bin", world.here("bin")))];
    let said = world.dojo_with(&path, &["mount", "worker-1:/srv", &folder]).ok();
    for word in [
        "root@192.0.2.1:/srv /world/srv -F /dev/null -p 22 ",
        "-o HostKeyAlias=dojo-practice-worker-1 ",
        "-o StrictHostKeyChecking=yes ",
        "-o UserKnownHostsFile=\"/world/state/clusters/practice/ssh/known_hosts\" ",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn provision_starts_what_is_off_and_makes_nothing() {
    let world = World::with_cluster();
    world.dojo(&["-q", "stop", "worker-1"]).ok();
    assert_eq!(world.dojo(&["provision", "worker-1"]).ok(), "practice/worker-1 is provisioned\n");
    assert_eq!(world.doing("worker-1"), "running");
    world.dojo(&["-q", "provision"]).ok();
    world.lose(&["worker-2"]);
    let said = world.dojo(&["provision"]);
    assert_ne!(said.code, Some(0));
    assert!(said.stderr.contains("worker-2"), "{}", said.stderr);
    assert_eq!(world.states(), ["manager-1 running", "worker-1 running"]);
}
