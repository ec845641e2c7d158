//! `dojo watch`, on machines that are only said to be there.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::{UP, World};
use crate::hook::{Authority, Hook, SECRET};

/// A watch that is under way.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stderr: BufReader<ChildStderr>,
    /// What it has said on standard error by the first look.
    said: String,
}

impl Watching {
    /// Begins to watch the cluster, and waits for the first look at it.
    fn begin(world: &World, environment: &[(&str, &str)], args: &[&str]) -> Self {
        let mut command = world.command(&[&["watch", "practice"], args].concat());
        command.envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("is watched until Ctrl-C") {
            assert!(stderr.read_line(&mut said).unwrap() > 0, "it has ended: {said}");
        }
        Self { child, lines, stderr, said }
    }

    /// The next line.
    fn line(&mut self) -> String {
        self.lines.next().expect("something is told").unwrap()
    }

    /// Whatever else was told, by the end.
    fn end(mut self) -> (Vec<String>, String) {
        wait(&mut self.child);
        self.stderr.read_to_string(&mut self.said).unwrap();
        assert!(!self.said.contains(SECRET), "{}", self.said);
        (self.lines.map(Result::unwrap).collect(), self.said)
    }

    fn ctrl_c(self) -> (Vec<String>, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.end()
    }
}

/// Waits for a good end.
fn wait(child: &mut Child) {
    let end = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A cluster with which nobody has done anything for a while.
fn cluster() -> World {
    let world = World::new();
    world.dojo(&UP).ok();
    let lock = File::options().write(true).open(world.at("state/clusters/practice/lock")).unwrap();
    lock.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    world
}

/// Has a machine be off as if its host had done it.
fn switch(world: &World, machine: &str, state: &str) {
    world.change("fake.json", |fake| {
        let machines = fake["machines"].as_array_mut().unwrap();
        let found = machines.iter_mut().find(|m| m["id"]["name"] == machine).unwrap();
        found["state"] = state.into();
    });
}

/// Whether the secret is in any file below a directory.
fn holds_secret(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds_secret(&path);
        }
        String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(SECRET)
    })
}

#[test]
fn what_nobody_has_asked_for_is_told_here_and_to_a_webhook() {
    let world = cluster();
    let hook = Hook::answering(&[]);
    let file = world.file("hook", &format!("{}\n", hook.url));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut watching = Watching::begin(&world, &[], &["-v", "--webhook-file", &file]);
    switch(&world, "worker-2", "stopped");
    let line = watching.line();
    assert!(line.ends_with("  worker-2 is stopped [off]"), "{line}");
    assert_eq!(hook.next(60).text, "practice: worker-2 is stopped");
    // What is asked for is nobody's news, and `kill` is there to be told.
    world.dojo(&["-q", "stop", "practice/worker-1"]).ok();
    world.dojo(&["-q", "down", "practice"]).ok();
    let (lines, stderr) = watching.end();
    assert_eq!(lines, [""; 0]);
    assert_eq!(hook.all(), [""; 0]);
    let first =
        "practice (swarm of 3) is watched until Ctrl-C; what happens is sent to the webhook, too\n";
    assert!(stderr.contains(first), "{stderr}");
    assert!(stderr.ends_with("practice is gone\n"), "{stderr}");
}

#[test]
fn a_machine_that_is_killed_on_purpose_is_told_once_as_json_and_ctrl_c_is_a_good_end() {
    let world = World::new();
    world.dojo(&UP).ok();
    // `up` was just now, and what follows from it was asked for; `kill` never is.
    let hook = Hook::answering(&[]);
    let mut watching = Watching::begin(&world, &[("DOJO_WEBHOOK", &hook.url)], &["-o", "json"]);
    world.dojo(&["-q", "kill", "practice/worker-2"]).ok();
    let line: Value = serde_json::from_str(&watching.line()).unwrap();
    let of = |key: &str| line[key].as_str().unwrap().to_owned();
    assert_eq!(
        [of("cluster"), of("subject"), of("machine"), of("what"), of("cause"), of("message")],
        ["practice", "worker-2", "worker-2", "down", "off", "is stopped"]
    );
    // What was not told yet is told at the end.
    let (lines, stderr) = watching.ctrl_c();
    assert_eq!(lines, [""; 0]);
    assert_eq!(hook.all(), ["practice: worker-2 is stopped"]);
    assert!(!stderr.contains("the webhook takes no"), "{stderr}");
}

#[test]
fn a_webhook_that_fails_ends_no_watch_and_its_url_is_nowhere() {
    let world = World::new();
    world.dojo(&UP).ok();
    let hook = Hook::answering(&[Some("403 Forbidden"), Some("403 Forbidden")]);
    let file = world.file("hook", &hook.url);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let args = ["-vv", "--log-format", "json", "--webhook-file", &file];
    let mut watching = Watching::begin(&world, &[("DOJO_WEBHOOK", "is not looked at")], &args);
    world.dojo(&["-q", "kill", "practice/worker-1"]).ok();
    watching.line();
    hook.next(60);
    world.dojo(&["-q", "kill", "practice/worker-2"]).ok();
    watching.line();
    hook.next(60);
    let (_, stderr) = watching.ctrl_c();
    let count = |text: &str| stderr.matches(text).count();
    assert_eq!(count("the webhook takes no message: it answers 403 Forbidden"), 1, "{stderr}");
    assert_eq!(count("2 messages were not sent to the webhook"), 1, "{stderr}");
    assert_eq!(count("chmod 600"), 1, "{stderr}");
    assert!(!holds_secret(&world.at("state")));
}

#[test]
fn https_goes_to_whoever_a_trusted_authority_has_signed() {
    let world = World::new();
    world.dojo(&UP).ok();
    let authority = Authority::new("ours");
    let trusted = world.file("authority.pem", &authority.pem);
    let hook = Hook::secure(&authority, "127.0.0.1");
    let environment = [("DOJO_WEBHOOK", &*hook.url), ("SSL_CERT_FILE", &trusted)];
    let mut watching = Watching::begin(&world, &environment, &[]);
    world.dojo(&["-q", "kill", "practice/worker-1"]).ok();
    watching.line();
    let posted = hook.next(60);
    assert_eq!(posted.text, "practice: worker-1 is stopped");
    assert!(posted.head.starts_with("POST /hooks/hunter2?key=hunter2 HTTP/1.1\r\n"), "{posted:?}");
    let (_, stderr) = watching.ctrl_c();
    assert!(!stderr.contains("the webhook takes no message"), "{stderr}");
}

#[test]
fn what_no_trusted_authority_has_signed_gets_nothing_and_is_told_once() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    for (authority, name, why) in [
        (&other, "127.0.0.1", "its certificate is signed by no authority that is trusted here"),
        (&ours, "chat.example", "its certificate is for another host"),
    ] {
        let world = World::new();
        world.dojo(&UP).ok();
        let trusted = world.file("authority.pem", &ours.pem);
        let hook = Hook::secure(authority, name);
        let environment = [("DOJO_WEBHOOK", &*hook.url), ("SSL_CERT_FILE", &trusted)];
        let mut watching = Watching::begin(&world, &environment, &["-vv"]);
        for machine in ["practice/worker-1", "practice/worker-2"] {
            let before = hook.calls();
            world.dojo(&["-q", "kill", machine]).ok();
            watching.line();
            let end = Instant::now() + Duration::from_secs(60);
            while hook.calls() == before {
                assert!(Instant::now() < end, "nobody asks");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        // Whoever tried again would do so within a second, at first.
        std::thread::sleep(Duration::from_secs(4));
        assert_eq!(hook.calls(), 2, "{name}: once for each message");
        let (_, stderr) = watching.ctrl_c();
        let count = |text: &str| stderr.matches(text).count();
        assert_eq!(count(&format!("the webhook takes no message: {why}\n")), 1, "{stderr}");
        assert_eq!(count("2 messages were not sent to the webhook"), 1, "{stderr}");
        assert!(!stderr.contains("chat.example") && !stderr.contains("127.0.0.1"), "{stderr}");
        assert_eq!(hook.all(), [""; 0]);
        assert!(!holds_secret(&world.at("state")));
    }
}

#[test]
fn bad_urls_are_refused_before_anything_is_done_and_never_repeated() {
    let world = World::new();
    let empty = world.file("empty", "\n");
    for (environment, args, why) in [
        (&[][..], &["--webhook", SECRET][..], "has to begin with https:// or http://"),
        (&[], &["--webhook", "https://me:hunter2@chat.example/"], "names a user"),
        (&[], &["--webhook", "ftp://hunter2"], "has to begin with"),
        (&[("DOJO_WEBHOOK", SECRET)], &[], "has to begin with"),
        (&[], &["--webhook-file", &empty], "is empty"),
        (&[], &["--webhook-file", "/nowhere"], "cannot read the webhook's URL from `/nowhere`"),
        (&[], &["--webhook", SECRET, "--webhook-file", &empty], "cannot be used with"),
    ] {
        let said = world.dojo_with(environment, &[&["watch", "practice"], args].concat());
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains(why), "{}", said.stderr);
        assert!(!said.stderr.contains(SECRET), "{}", said.stderr);
    }
    let said = world.dojo(&["watch", "practice"]);
    assert!(said.stderr.contains("practice"), "{}", said.stderr);
    assert_eq!(said.code, Some(1));
}

#[test]
fn who_has_read_enough_ends_it() {
    let world = cluster();
    let Watching { mut child, lines, .. } = Watching::begin(&world, &[], &[]);
    drop(lines);
    world.dojo(&["-q", "kill", "practice/worker-1"]).ok();
    wait(&mut child);
}

/// The files of a machine of the fake world.
fn on(world: &World, machine: &str) -> PathBuf {
    world.at("fake.files").join(machine)
}

#[test]
fn a_watch_is_installed_on_one_machine_and_removed_again() {
    let world = World::new();
    world.dojo(&UP).ok();
    let url = format!("https://chat.example/hooks/{SECRET}");
    let file = world.file("hook", &url);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let none = world.dojo(&["watch", "practice", "--uninstall"]).ok();
    assert_eq!(none, "no watch was installed on machines of practice\n");

    let authority = world.file("authority.pem", &Authority::new("ours").pem);
    let args = ["watch", "practice", "--install", "--webhook-file", &file];
    let said = world.dojo_with(&[("SSL_CERT_FILE", &authority)], &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(
        said.stdout,
        "practice is watched on manager-1; what happens is sent to the webhook\n\
         `dojo logs practice -m manager-1 -u clusterdojo-watch --follow` shows what it tells\n"
    );
    assert!(!said.stderr.contains(SECRET), "{}", said.stderr);
    let sent = fs::read(on(&world, "manager-1").join("watch")).unwrap();
    let is_in = |text: &str| sent.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(is_in(&url) && is_in("BEGIN CERTIFICATE"), "it has what it needs");
    assert!(!holds_secret(&world.at("state")), "nothing of it stays here");
    let told = "watched on manager-1: dojo logs practice -m manager-1 -u clusterdojo-watch\n";
    let status = world.dojo(&["status", "practice"]).stdout;
    assert!(status.contains(told), "{status}");
    assert!(!status.contains("--install"), "{status}");

    // Another one takes its place.
    world.dojo(&["-q", "watch", "practice", "--install", "--on", "worker-2"]).ok();
    assert!(!on(&world, "manager-1").join("watch").exists());
    assert!(on(&world, "worker-2").join("watch").exists());
    // It has not seen what has changed since.
    world.dojo(&["-q", "scale", "practice", "--workers", "3"]).ok();
    let status = world.dojo(&["status", "practice"]).stdout;
    assert!(status.contains("watched on worker-2"), "{status}");
    assert!(status.contains("! the watch knows practice as it was before"), "{status}");

    let removed = world.dojo(&["watch", "practice", "--uninstall"]).ok();
    assert_eq!(removed, "the watch is removed from worker-2\n");
    assert!(!on(&world, "worker-2").join("watch").exists());
    let status = world.dojo(&["status", "practice"]).stdout;
    assert!(!status.contains("watch"), "{status}");
}

#[test]
fn a_watch_that_cannot_be_installed_leaves_the_one_before() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["watch", "practice", "--install"]).ok();
    let failing = [("DOJO_FAKE_FAIL", "watch:worker-1")];
    let said = world.dojo_with(&failing, &["watch", "practice", "--install", "--on", "worker-1"]);
    assert_eq!(said.code, Some(1));
    let why = "machine `practice/worker-1` cannot watch its cluster: the test wants it so";
    assert!(said.stderr.contains(why), "{}", said.stderr);
    assert!(said.stderr.contains("hint: `systemd-run --user"), "{}", said.stderr);
    assert!(on(&world, "manager-1").join("watch").exists());
    assert!(world.dojo(&["status", "practice"]).stdout.contains("watched on manager-1"));

    // One that is off has it still when it is started.
    switch(&world, "manager-1", "stopped");
    for (args, verb) in [
        (&["--install", "--on", "worker-1"][..], "remove the watch of"),
        (&["--uninstall"], "remove the watch of"),
        (&["--install", "--on", "manager-1"], "install a watch on"),
    ] {
        let said = world.dojo(&[&["watch", "practice"], args].concat());
        let why = format!("cannot {verb} machine `practice/manager-1`: it is stopped");
        assert!(said.stderr.contains(&why), "{}", said.stderr);
        assert!(said.stderr.contains("`dojo start practice/manager-1`"), "{}", said.stderr);
        assert_eq!(said.code, Some(1));
    }
    assert!(on(&world, "manager-1").join("watch").exists());
    assert!(!on(&world, "worker-1").join("watch").exists());
}

#[test]
fn what_makes_no_sense_for_an_installed_watch_is_refused() {
    let world = World::new();
    world.dojo(&UP).ok();
    for (args, why) in [
        (
            &["--install", "--webhook", "http://localhost:8065/hunter2"][..],
            "to this computer alone",
        ),
        (&["--install", "--uninstall"], "cannot be used with"),
        (&["--on", "worker-1"], "--install"),
        (&["--uninstall", "--webhook", "https://chat.example/hunter2"], "cannot be used with"),
        (&["--install", "-o", "json"], "cannot be used with"),
    ] {
        let said = world.dojo(&[&["watch", "practice"], args].concat());
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains(why), "{}", said.stderr);
        assert!(!said.stderr.contains(SECRET), "{}", said.stderr);
    }
    let said = world.dojo(&["watch", "practice", "--install", "--on", "worker-9"]);
    assert!(
        said.stderr.contains("cluster `practice` has no machine `worker-9`"),
        "{}",
        said.stderr
    );
}
