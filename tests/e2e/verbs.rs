//! Day two, on one swarm of two machines: `cp`, `ssh --all`, `logs --follow`, `pause`, `kill`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, engine, files, on, until};

#[test]
fn verbs_of_day_two_work_on_real_machines() {
    let mut world = World::new();
    let name = world.name("verbs");
    world.dojo(&["up", &name, "--workers", "1"]).ok();
    copies(&world, &name);
    large_copies_are_cut_off_without_a_trace(&world, &name);
    commands_run_everywhere(&world, &name);
    logs_are_followed(&world, &name);
    a_machine_is_paused(&world, &name);
    a_machine_is_killed(&world, &name);
    world.dojo(&["pause", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

fn sum(path: &std::path::Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

fn copies(world: &World, name: &str) {
    let web = world.path().join("web");
    fs::create_dir_all(web.join("-r a b/empty")).unwrap();
    fs::write(web.join("-r a b/line\nfeed"), "x").unwrap();
    fs::write(web.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(web.join("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("run.sh", web.join("link")).unwrap();
    let big = (0..12_500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes());
    fs::write(web.join("big"), big.collect::<Vec<u8>>()).unwrap();
    let here = |path: &str| world.path().join(path).to_str().unwrap().to_owned();
    let there = |machine: &str, path: &str| format!("{name}/{machine}:{path}");

    world.dojo(&["cp", &here("web"), &there("worker-1", "/srv/site")]).ok();
    world.dojo(&["cp", &there("worker-1", "/srv/site"), &there("manager-1", "/srv/")]).ok();
    world.dojo(&["cp", "-r", &there("manager-1", "/srv/site"), &here("back")]).ok();
    assert_eq!(sum(&web.join("big")), sum(&world.path().join("back/big")));
    let back = world.path().join("back");
    assert_eq!(fs::read_to_string(back.join("-r a b/line\nfeed")).unwrap(), "x");
    assert!(back.join("-r a b/empty").is_dir());
    assert_eq!(fs::read_link(back.join("link")).unwrap().to_str(), Some("run.sh"));
    let (before, after) = (web.join("run.sh"), back.join("run.sh"));
    let (before, after) = (fs::metadata(before).unwrap(), fs::metadata(after).unwrap());
    assert_eq!(after.permissions().mode() & 0o777, 0o750);
    let age = before.modified().unwrap().duration_since(after.modified().unwrap()).unwrap();
    assert!(age < Duration::from_secs(1), "{age:?}");
    assert_eq!(on(name, "worker-1", "ls -A /srv"), "site\n");
    assert_eq!(on(name, "manager-1", "stat -c '%a %U' /srv/site/run.sh"), "750 root\n");

    on(name, "worker-1", "mkdir /tmp/small && mount -t tmpfs -o size=1m none /tmp/small");
    let full = world.dojo(&["cp", &here("web/big"), &there("worker-1", "/tmp/small/")]);
    full.fails(1, &["no space is left"]);
    assert_eq!(on(name, "worker-1", "ls -A /tmp/small"), "");
    on(name, "worker-1", "mount -o remount,ro /tmp/small");
    let locked = world.dojo(&["cp", &here("web/run.sh"), &there("worker-1", "/tmp/small/x")]);
    locked.fails(1, &["is not writable"]);
    on(name, "worker-1", "umount /tmp/small");
    world.dojo(&["cp", &there("worker-1", "/no such"), "."]).fails(1, &["there is no `/no such`"]);
}

/// Ctrl-C in the middle leaves what was there, and nothing else.
fn large_copies_are_cut_off_without_a_trace(world: &World, name: &str) {
    on(name, "worker-1", "truncate -s 20G /srv/huge; mkdir /srv/in; echo old >/srv/in/huge");
    let huge = world.path().join("huge");
    fs::File::create(&huge).unwrap().set_len(20 << 30).unwrap();
    let target = world.path().join("target");
    fs::create_dir(&target).unwrap();
    let there = |path: &str| format!("{name}/worker-1:{path}");
    for (from, to) in [
        (there("/srv/huge"), target.to_str().unwrap().to_owned()),
        (huge.to_str().unwrap().to_owned(), there("/srv/in")),
    ] {
        let mut copy = world.command(&["cp", &from, &to]).stderr(Stdio::null()).spawn().unwrap();
        until("it is under way", 60, || {
            let begun = files(&target).iter().any(|f| f.ends_with("it"));
            begun
                || on(name, "worker-1", "ls /srv/in/.dojo-copy.* 2>/dev/null || true")
                    .contains("it")
        });
        kill_process(Pid::from_child(&copy), Signal::INT).unwrap();
        assert_eq!(copy.wait().unwrap().code(), Some(130));
    }
    assert!(files(&target).iter().all(|path| *path == target), "{:?}", files(&target));
    let left = || on(name, "worker-1", "ls -A /srv/in; cat /srv/in/huge");
    until("the machine has taken it back", 30, || left() == "huge\nold\n");
    on(name, "worker-1", "rm -r /srv/huge /srv/in");
    fs::remove_file(huge).unwrap();
}

fn commands_run_everywhere(world: &World, name: &str) {
    let said = world.dojo(&["ssh", "--all", name, "--", "hostname; cat; echo to-you >&2"]);
    let mut lines: Vec<_> = said.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["manager-1  manager-1", "worker-1   worker-1"]);
    assert!(said.stderr.contains("worker-1   to-you\n"), "{}", said.stderr);
    said.ok();
    let said = world.dojo(&["exec", "--all", name, "--", "test $(hostname) = manager-1"]);
    said.fails(1, &["worker-1", "ended with status 1"]);
}

fn logs_are_followed(world: &World, name: &str) {
    let mut follow = world.command(&["logs", name, "--follow", "--unit", "said"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    // What is written before anybody reads is shown as well.
    for machine in ["manager-1", "worker-1"] {
        on(name, machine, "systemd-run --quiet --unit said echo word of $(hostname)");
        let told_there = format!("]: word of {machine}");
        let told =
            lines.find(|line| line.as_ref().unwrap().ends_with(&told_there)).unwrap().unwrap();
        assert!(told.starts_with(machine), "{told}");
    }
    kill_process(Pid::from_child(&follow), Signal::INT).unwrap();
    assert_eq!(follow.wait().unwrap().code(), Some(0));
    until("nobody reads the journal any more", 30, || {
        on(name, "worker-1", "pgrep -x journalctl || true").is_empty()
    });
}

fn a_machine_is_paused(world: &World, name: &str) {
    let worker = format!("{name}/worker-1");
    assert_eq!(world.dojo(&["pause", &worker]).ok(), format!("{worker} is paused\n"));
    let status = world.dojo(&["status", name]);
    assert_eq!(status.code, Some(1));
    assert!(status.stdout.contains("paused"), "{}", status.stdout);
    assert!(world.dojo(&["ls"]).stdout.contains("degraded"));
    world.dojo(&["pause", &worker]).ok();
    world.dojo(&["unpause", &worker]).ok();
    until("all is well", 60, || world.dojo(&["status", name]).code == Some(0));
    // Whatever brings machines up thaws them.
    for verb in [["start", worker.as_str()], ["up", name], ["restart", worker.as_str()]] {
        world.dojo(&["pause", &worker]).ok();
        world.dojo(&verb).ok();
        let state = ["inspect", "-f", "{{.State.Status}}", &format!("dojo-{name}-worker-1")];
        assert_eq!(engine(&state).ok().trim(), "running", "{verb:?}");
    }
    until("all is well", 60, || world.dojo(&["status", name]).code == Some(0));
}

fn a_machine_is_killed(world: &World, name: &str) {
    let worker = format!("{name}/worker-1");
    on(name, "worker-1", "echo kept >/root/kept; sync");
    world.dojo(&["kill", name]).fails(2, &["is a cluster"]);
    assert_eq!(world.dojo(&["kill", &worker]).ok(), format!("{worker} is off\n"));
    let format = "{{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}}";
    let state = engine(&["inspect", "-f", format, &format!("dojo-{name}-worker-1")]).ok();
    // By SIGKILL; and it stays off when the engine starts again.
    assert_eq!(state.trim(), "137 unless-stopped");
    let status = world.dojo(&["status", name]);
    assert_eq!(status.code, Some(1));
    assert!(status.stdout.contains("stopped"), "{}", status.stdout);
    world.dojo(&["kill", &worker]).ok();
    world.dojo(&["start", &worker]).ok();
    assert_eq!(on(name, "worker-1", "cat /root/kept"), "kept\n");
    until("all is well", 60, || world.dojo(&["status", name]).code == Some(0));
}
