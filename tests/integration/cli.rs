//! The command line, on a driver that touches nothing but a file.

use std::fs;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(super) struct World {
    pub(super) directory: TempDir,
}

#[must_use]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    #[track_caller]
    pub(super) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Exit code and standard error together, for snapshots.
    pub(super) fn failure(self) -> String {
        assert_eq!(self.stdout, "", "errors do not belong on standard output");
        format!("exit {}\n{}", self.code.unwrap(), self.stderr)
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// `dojo` with arguments, not started yet.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let root = self.directory.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dojo"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", root)
            .env("DOJO_HOME", root.join("state"))
            .env("DOCKER_CONFIG", root.join("docker"))
            .env("DOJO_FAKE_STATE", root.join("fake.json"))
            .env("DOJO_DOCKER_HOST", "unix:///nonexistent/docker.sock")
            // Limits are as they are said to be, however busy the computer is.
            .env("DOJO_PATIENCE", "1")
            .stdin(Stdio::null());
        command
    }

    pub(super) fn dojo_with(&self, environment: &[(&str, &str)], args: &[&str]) -> Said {
        let root = self.directory.path();
        let output = self.command(args).envs(environment.iter().copied()).output().unwrap();
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(root.to_str().unwrap(), "/world")
        };
        Said {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub(super) fn dojo(&self, args: &[&str]) -> Said {
        self.dojo_with(&[], args)
    }

    pub(super) fn at(&self, file: &str) -> PathBuf {
        self.path().join(file)
    }

    pub(super) fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(file)).unwrap()).unwrap()
    }

    /// Changes a file as somebody or something has done it.
    pub(super) fn change(&self, file: &str, change: impl FnOnce(&mut Value)) {
        let mut value = self.read(file);
        change(&mut value);
        fs::write(self.at(file), value.to_string()).unwrap();
    }

    /// Has machines disappear, as `docker rm -f` does.
    pub(super) fn lose(&self, names: &[&str]) {
        self.change("fake.json", |world| {
            let machines = world["machines"].as_array_mut().unwrap();
            let before = machines.len();
            machines.retain(|m| !names.contains(&m["id"]["name"].as_str().unwrap()));
            assert_eq!(machines.len(), before - names.len());
        });
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// The record of the cluster that [`UP`] makes.
pub(super) const RECORD: &str = "state/clusters/practice/cluster.json";

pub(super) const UP: [&str; 5] = ["-q", "up", "practice", "--driver", "fake"];

#[test]
fn up_says_what_to_try_next() {
    let world = World::new();
    let said = world.dojo(&["up", "practice", "--driver", "fake"]).ok();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d+\.\d s", "[time]");
    settings.bind(|| {
        insta::assert_snapshot!(said, @r"
        practice is ready: swarm of 3, [time]

          docker node ls              see the nodes
          dojo ssh practice/worker-2  look inside a machine
          dojo down practice          remove all of it
        ");
    });
}

#[test]
fn a_dry_run_tells_the_plan_and_does_nothing() {
    let world = World::new();
    let plan = world.dojo(&["up", "practice", "--driver", "fake", "--dry-run"]).ok();
    insta::assert_snapshot!(plan, @r"
    create  manager-1
    create  worker-1
    create  worker-2
    ");
    assert!(!world.directory.path().join("fake.json").exists());
    assert!(!world.directory.path().join("state").exists());

    world.dojo(&UP).ok();
    let more = ["up", "practice", "--workers", "3", "--dry-run"];
    insta::assert_snapshot!(world.dojo(&more).ok(), @r"
    keep    manager-1
    keep    worker-1
    keep    worker-2
    create  worker-3
    ");
}

#[test]
fn the_printed_spec_is_a_spec_file() {
    let world = World::new();
    let flags = [
        "up",
        "practice",
        "--managers",
        "3",
        "-p",
        "8080:80",
        "--memory",
        "2GiB",
        "--engine-label",
        "disk=ssd",
        "--engine-opt",
        "debug=true",
    ];
    let yaml = world.dojo(&[flags.as_slice(), &["--dry-run", "-o", "yaml"]].concat()).ok();
    insta::assert_snapshot!(yaml, @r#"
    apiVersion: clusterdojo/v1
    name: practice
    orchestrator: swarm
    machines:
    - role: manager
      count: 3
      driver: docker
      memory: 2GiB
      ports:
      - 8080:80
    - role: worker
      count: 2
      driver: docker
      memory: 2GiB
    engine:
      channel: distro
      labels:
      - disk=ssd
      daemon:
        debug: true
    docker:
      bare: false
    "#);
    let file = world.file("spec.yaml", &yaml);
    let again = world.dojo(&["up", "-f", &file, "--dry-run", "-o", "yaml"]).ok();
    assert_eq!(again, yaml);
}

#[test]
fn bad_input_is_refused_with_what_would_be_right() {
    let world = World::new();
    for (args, words) in [
        (["up", "Two Words"].as_slice(), ["not a cluster name", "lower-case"]),
        (&["up", ";$(reboot)"], ["not a cluster name", "letters"]),
        (&["up", "default"], ["reserved", "another name"]),
        (&["up", &"a".repeat(64)], ["not a cluster name", "2 to 40"]),
        (&["up", "--managers", "2"], ["no more failures than 1", "1, 3 or 5"]),
        (&["up", "--managers", "0"], ["at least one manager", ""]),
        (&["up", "-p", "80"], ["not a port mapping", "8080:80"]),
        (&["up", "-p", "80:80@worker-9"], ["worker-9", "not in the cluster"]),
        (&["up", "--memory", "lots"], ["not an amount of memory", "2GiB"]),
        (&["up", "--engine-opt", "hosts=[]"], ["hosts", "decides where the engine listens"]),
        (&["up", "--engine-opt", "live-restore=true"], ["live-restore", "swarm"]),
        (&["up", "--engine-repository", "https://d.example"], ["docker-ce", "repository"]),
        (&["up", "--kubernetes", "--engine-channel", "docker-ce"], ["no Docker", "channel"]),
        (&["up", "--driver", "magic"], ["no driver `magic`", "docker"]),
        (&["ip", "boss-1"], ["not a machine name", "worker-N"]),
    ] {
        let said = world.dojo(args);
        assert_eq!(said.code, Some(2), "{args:?}: {}", said.stderr);
        for word in words {
            assert!(said.stderr.contains(word), "{args:?}: {}", said.stderr);
        }
    }
    assert!(!world.directory.path().join("state").exists(), "nothing was written");
}

#[test]
fn a_spec_file_is_refused_with_line_and_column() {
    let world = World::new();
    let file = world.file(
        "spec.yaml",
        "apiVersion: clusterdojo/v1\nname: practice\nmachines:\n  - { role: manager, cuont: 1 }\n",
    );
    let said = world.dojo(&["up", "-f", &file]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr.contains("spec.yaml:4:") && said.stderr.contains("cuont"),
        "{}",
        said.stderr
    );
}

#[test]
fn without_an_engine_the_exit_code_says_so() {
    let world = World::new();
    let said = world.dojo(&["up"]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    assert!(said.stderr.contains("hint:"), "{}", said.stderr);
}

#[test]
fn unknown_clusters_and_machines_are_named() {
    let world = World::new();
    let unknown = world.dojo(&["status", "nowhere"]).failure();
    insta::assert_snapshot!(unknown, @r"
    exit 1
    error: there is no cluster `nowhere`
    hint: `dojo ls` lists the clusters, `dojo up nowhere` makes one of that name
    ");
    for args in [["ip", "nowhere/worker-1"], ["start", "nowhere"], ["use", "nowhere"]] {
        assert_eq!(world.dojo(&args).failure(), unknown, "{args:?}");
    }
    world.dojo(&UP).ok();
    insta::assert_snapshot!(world.dojo(&["ip", "worker-7"]).failure(), @r"
    exit 1
    error: cluster `practice` has no machine `worker-7`
    hint: `dojo status practice` lists its machines
    ");
}

#[test]
fn machines_that_fail_leave_the_others_and_up_again_completes() {
    let world = World::new();
    for (operation, kept) in [
        ("create:worker-1", "manager-1, worker-2"),
        ("boot:worker-1", "manager-1, worker-1, worker-2"),
    ] {
        let said = world.dojo_with(&[("DOJO_FAKE_FAIL", operation)], &UP);
        assert_eq!(said.code, Some(1));
        let told = [
            "error: 1 of 3 machines failed".to_owned(),
            "the test wants it so".to_owned(),
            format!("kept: {kept}"),
            "hint: the same command again".to_owned(),
        ];
        for words in told {
            assert!(said.stderr.contains(&words), "{operation}: {}", said.stderr);
        }
        assert!(world.dojo(&["ls"]).stdout.contains("unfinished"));
        world.dojo(&UP).ok();
        assert!(world.dojo(&["ls"]).stdout.contains("running"));
        world.dojo(&["-q", "down", "practice"]).ok();
    }
}

#[test]
fn a_join_that_fails_is_resumed() {
    let world = World::new();
    let said = world.dojo_with(&[("DOJO_FAKE_FAIL", "join:worker-2")], &UP);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("practice/worker-2"), "{}", said.stderr);
    let inside = world.dojo(&["ip", "practice/worker-2"]);
    assert!(inside.stdout.starts_with("192.0.2."), "one can look inside: {}", inside.stderr);
    world.dojo(&UP).ok();
}

#[test]
fn up_takes_no_machine_away() {
    let world = World::new();
    world.dojo(&UP).ok();
    insta::assert_snapshot!(world.dojo(&["-q", "up", "practice", "--workers", "1"]).failure(), @r"
    exit 1
    error: cluster `practice` has machines that were not asked for: worker-2
    hint: `up` takes no machine away; `dojo scale practice` does, after emptying it
    hint: `dojo down practice` removes the whole cluster
    ");
    let other = world.dojo(&["-q", "up", "practice", "--engines", "--driver", "fake"]);
    assert!(other.failure().contains("another kind: a swarm, not plain Docker hosts"));
}

/// The machines of the fake's world, the members of its swarm, and what `ls` calls the cluster.
fn there_is(world: &World) -> (Vec<String>, Vec<String>, String) {
    let text = fs::read(world.directory.path().join("fake.json")).unwrap();
    let fake: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let mut members: Vec<String> =
        fake["members"].as_array().unwrap().iter().map(text_of).collect();
    members.sort();
    let machines = fake["machines"].as_array().unwrap().iter();
    let mut machines: Vec<String> = machines.map(|m| text_of(&m["id"]["name"])).collect();
    machines.sort();
    let list: serde_json::Value =
        serde_json::from_str(&world.dojo(&["ls", "-o", "json"]).ok()).unwrap();
    (machines, members, text_of(&list[0]["state"]))
}

fn text_of(value: &serde_json::Value) -> String {
    value.as_str().unwrap().trim_start_matches("practice/").to_owned()
}

#[test]
fn scale_takes_away_the_highest_numbers_and_up_agrees_afterwards() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["-q", "scale", "--workers", "3", "--managers", "3"]).ok();
    world.dojo(&["-q", "scale", "practice", "--workers", "1", "--managers", "1"]).ok();
    let left = ["manager-1", "worker-1"].map(str::to_owned).to_vec();
    assert_eq!(there_is(&world), (left.clone(), left.clone(), "running".to_owned()));
    assert!(world.dojo(&["up", "practice"]).ok().contains("was ready already"));
    // More of one and fewer of the other at once; the last worker may go.
    world.dojo(&["-q", "scale", "--workers", "0", "--managers", "3"]).ok();
    let managers = ["manager-1", "manager-2", "manager-3"].map(str::to_owned).to_vec();
    assert_eq!(there_is(&world), (managers.clone(), managers, "running".to_owned()));
}

#[test]
fn certs_show_tells_whose_there_are_and_how_long_they_last() {
    let world = World::new();
    world.dojo(&UP).ok();
    let pki = world.directory.path().join("state/clusters/practice/pki");
    fs::write(pki.join("worker-1/cert.pem"), "nothing").unwrap();
    fs::remove_file(pki.join("worker-2/cert.pem")).unwrap();
    let table = world.dojo(&["certs", "show"]).ok();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\d", "[date]");
    settings.add_filter(r"practice [0-9a-f]{16}", "practice [id]");
    settings.add_filter(r" {2,}", "  ");
    settings.bind(|| {
        insta::assert_snapshot!(table, @r"
        OWNER  EXPIRES  DAYS LEFT  SUBJECT  NAMES
        authority  [date]  364  clusterdojo practice [id] CA
        client  [date]  89  clusterdojo practice [id]
        manager-1  [date]  89  dojo-practice-manager-1  manager-1 dojo-practice-manager-1 localhost 127.0.0.1 192.0.2.1 ::1
        worker-1  -  -  (not a certificate: no items found)
        worker-2  -  -  (there is none)
        ");
    });
    let list: serde_json::Value =
        serde_json::from_str(&world.dojo(&["certs", "show", "-o", "json"]).ok()).unwrap();
    assert_eq!(list[4]["problem"], "there is none", "{list}");
    let expires: jiff::Timestamp = list[1]["expires"].as_str().unwrap().parse().unwrap();
    let hours = expires.duration_since(jiff::Timestamp::now()).as_hours();
    assert_eq!(list[1]["days_left"].as_i64().unwrap(), hours / 24);
    let new = world.dojo(&["certs", "renew"]).ok();
    assert_eq!(new, "practice has new certificates: its client and 3 machines\n");
    let renewed = world.dojo(&["certs", "show"]).ok();
    assert!(!renewed.contains('('), "{renewed}");
}

#[test]
fn scale_refuses_what_no_cluster_can_be() {
    let world = World::new();
    world.dojo(&UP).ok();
    for (args, word) in [
        (["--managers", "2"].as_slice(), "no more failures than 1"),
        (&["--managers", "0"], "at least one manager"),
        (&["--control-planes", "1"], "does not belong"),
        (&["--machines", "3"], "does not belong"),
        (&[], "--workers"),
    ] {
        let said = world.dojo(&[&["scale", "practice"], args].concat());
        assert_eq!(said.code, Some(2), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(word), "{args:?}: {}", said.stderr);
    }
    assert_eq!(there_is(&world).0.len(), 3);
    assert!(world.dojo(&["scale", "nowhere", "--workers", "1"]).failure().contains("no cluster"));
    assert!(!world.directory.path().join("state/clusters/nowhere").exists());
}

#[test]
fn only_kubernetes_is_upgraded() {
    let world = World::new();
    let upgrade = ["upgrade", "practice", "--kubernetes-version", "1.37"];
    let said = world.dojo(&upgrade).failure();
    assert!(said.starts_with("exit 1") && said.contains("there is no cluster"), "{said}");
    for (kind, what) in [("--swarm", "a swarm"), ("--engines", "plain Docker hosts")] {
        world.dojo(&["-q", "up", "practice", "--driver", "fake", kind]).ok();
        let before = fs::read(world.directory.path().join("fake.json")).unwrap();
        let said = world.dojo(&upgrade).failure();
        let words = format!("is {what}, and only a Kubernetes cluster can be upgraded");
        assert!(said.starts_with("exit 1") && said.contains(&words), "{said}");
        assert_eq!(fs::read(world.directory.path().join("fake.json")).unwrap(), before);
        world.dojo(&["-q", "down", "practice"]).ok();
    }
    for args in [
        ["--kubernetes-version", "latest"].as_slice(),
        &["--kubernetes-repository", "http://k8s.example"],
        &["--bundle", "x", "--kubernetes-version", "1.37", "--kubernetes-repository", "http://x"],
    ] {
        let said = world.dojo(&[&["upgrade", "practice"], args].concat()).failure();
        assert!(said.starts_with("exit 2"), "{said}");
    }
}

#[test]
fn a_scale_that_fails_is_ended_by_the_same_command_or_by_up() {
    let world = World::new();
    let scale = ["-q", "scale", "practice", "--workers", "1"];
    for (failing, again) in [
        ("leave:worker-3", scale.as_slice()),
        ("destroy:worker-3", &["-q", "up", "practice"]),
        ("destroy:worker-2", &["-q", "start", "practice"]),
    ] {
        world.dojo(&[UP.as_slice(), &["--workers", "3"]].concat()).ok();
        let said = world.dojo_with(&[("DOJO_FAKE_FAIL", failing)], &scale);
        assert_eq!(said.code, Some(1), "{failing}: {}", said.stderr);
        assert!(said.stderr.contains("the test wants it so"), "{failing}: {}", said.stderr);
        assert_eq!(there_is(&world).2, "unfinished", "{failing}");
        world.dojo(again).ok();
        let left = ["manager-1", "worker-1"].map(str::to_owned).to_vec();
        assert_eq!(there_is(&world), (left.clone(), left, "running".to_owned()), "{failing}");
    }
    // One that wants something else ends it first, and then does that.
    let failing = [("DOJO_FAKE_FAIL", "destroy:worker-2")];
    world.dojo(&[UP.as_slice(), &["--workers", "3"]].concat()).ok();
    assert_eq!(world.dojo_with(&failing, &scale).code, Some(1));
    let said = world.dojo(&["--log-format", "plain", "up", "practice", "--workers", "2"]);
    assert!(said.stderr.contains("finishing an interrupted `scale` first"), "{}", said.stderr);
    assert!(said.stderr.contains("worker-2: create"), "it is made anew: {}", said.stderr);
    assert_eq!(there_is(&world).0, ["manager-1", "worker-1", "worker-2"]);
}

#[test]
fn scale_says_what_did_not_move_in_time() {
    let world = World::new();
    world.dojo(&UP).ok();
    let busy = [("DOJO_FAKE_FAIL", "drain:worker-2")];
    let said = world.dojo_with(&busy, &["scale", "practice", "--workers", "1"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let words = "worker-2 still runs 1 of its tasks and goes all the same";
    assert!(said.stderr.contains(words), "{}", said.stderr);
}

#[test]
fn down_keeps_a_cluster_that_cannot_be_removed_and_ends_it_later() {
    let world = World::new();
    let docker = world.directory.path().join("docker");
    let current = || fs::read_to_string(docker.join("config.json")).unwrap_or_default();
    world.dojo(&UP).ok();
    assert!(current().contains("dojo-practice"), "{}", current());

    let said =
        world.dojo_with(&[("DOJO_FAKE_FAIL", "destroy:worker-1")], &["-q", "down", "practice"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("kept: worker-1"), "{}", said.stderr);
    assert!(!current().contains("dojo-practice"), "{}", current());
    assert!(world.dojo(&["ls"]).stdout.contains("half removed"));
    world.dojo(&["-q", "down", "practice"]).ok();
    assert_eq!(world.dojo(&["ls"]).stdout.lines().count(), 1, "only the header is left");
}

#[test]
fn env_speaks_the_language_of_every_shell() {
    let world = World::new();
    world.dojo(&UP).ok();
    for (shell, line) in [
        ("bash", "export DOCKER_HOST='tcp://192.0.2.1:2376'"),
        ("zsh", "export DOCKER_TLS_VERIFY='1'"),
        ("fish", "set -gx DOCKER_HOST 'tcp://192.0.2.1:2376';"),
        ("tcsh", "setenv DOCKER_CERT_PATH '/world/state/clusters/practice/pki/client';"),
        ("powershell", "$Env:DOCKER_HOST = 'tcp://192.0.2.1:2376'"),
        ("cmd", "SET DOJO_MACHINE=practice/worker-1"),
    ] {
        let said = world.dojo(&["env", "worker-1", "--shell", shell]).ok();
        assert!(said.lines().any(|l| l == line), "{shell}: {said}");
        let unset = world.dojo(&["env", "--unset", "--shell", shell]).ok();
        assert!(unset.contains("DOCKER_HOST") && !unset.contains("192.0.2.1"), "{unset}");
    }
}

#[test]
fn which_engine_is_meant_is_told_when_it_cannot_be() {
    let world = World::new();
    let doctor = |variables: &[(&str, &str)]| {
        world.dojo_with(&[&[("DOJO_DOCKER_HOST", "")], variables].concat(), &["doctor"]).failure()
    };
    let certs = world.directory.path().display().to_string();
    let with_tls = [
        ("DOCKER_HOST", "tcp://127.0.0.1:1"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", &certs),
    ];
    for (variables, code, words) in [
        (
            &[("DOCKER_HOST", "ssh://me@host")][..],
            1,
            ["`ssh://me@host`", "--driver ssh", "DOCKER_HOST"],
        ),
        (&[("DOCKER_CONTEXT", "gone")], 1, ["docker context `gone`", "does not exist", "error"]),
        (
            &with_tls,
            3,
            ["cannot reach the Docker engine at `tcp://127.0.0.1:1`", "ca.pem", "DOCKER_HOST"],
        ),
    ] {
        let said = doctor(variables);
        assert!(said.starts_with(&format!("exit {code}\n")), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn address_ranges_that_cannot_hold_machines_are_refused() {
    let world = World::new();
    let said = world.dojo(&["up", "practice", "--subnet", "127.0.0.0/8", "--dry-run"]).failure();
    insta::assert_snapshot!(said, @r"
    exit 2
    error: machine subnet 127.0.0.0/8 (--subnet) cannot be used: 127.0.0.0/8 is for loopback; take a private range, as in 10.201.7.0/24
    ");
    let said = world.dojo(&["up", "practice", "--kubernetes", "--service-subnet", "224.0.0.0/16"]);
    assert!(
        said.failure().starts_with("exit 2\nerror: service subnet 224.0.0.0/16 (--service-subnet)")
    );
}

#[test]
fn explaining_needs_nothing_and_shows_every_step() {
    let world = World::new();
    let said = world.dojo(&["up", "practice", "--explain"]).ok();
    for words in [
        "# 1. make the cluster's keys",
        "openssl x509 -req",
        "# 2. make the machines manager-1, worker-1, worker-2",
        "docker run",
        "install Docker",
        "--tlsverify",
        "docker swarm init --listen-addr 0.0.0.0:2377 --advertise-addr ${manager_1}",
        "docker context use dojo-practice",
    ] {
        assert!(said.contains(words), "{words} is missing in:\n{said}");
    }
}

#[test]
fn explaining_shows_no_password_of_a_proxy() {
    let world = World::new();
    let proxy = [("HTTPS_PROXY", "http://me:hunter2@192.0.2.9:3128")];
    let said = world.dojo_with(&proxy, &["up", "practice", "--explain"]).ok();
    assert!(said.contains("use the proxies"), "{said}");
    assert!(said.contains("VARIABLES='(secret)'") && !said.contains("hunter2"), "{said}");
}

#[test]
fn completions_and_the_manual_know_the_verbs() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(world.dojo(&["completions", shell]).ok().contains("doctor"), "{shell}");
    }
    assert!(world.dojo(&["man"]).ok().contains("doctor"));
}

#[test]
fn stopped_clusters_are_listed_as_such_and_start_again() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["-q", "stop", "practice"]).ok();
    assert!(world.dojo(&["ls"]).stdout.contains("stopped"));
    world.dojo(&["-q", "start", "practice"]).ok();
    world.dojo(&["-q", "stop", "practice/worker-1"]).ok();
    let list = world.dojo(&["ls"]).stdout;
    assert!(list.contains("degraded") && list.contains("2/3"), "{list}");
    world.dojo(&["-q", "restart", "worker-1"]).ok();
    assert!(world.dojo(&["ls"]).stdout.contains("running"));
}

#[test]
fn a_newer_record_is_left_alone() {
    let world = World::new();
    world.dojo(&UP).ok();
    let record = world.directory.path().join("state/clusters/practice/cluster.json");
    fs::write(&record, "{\"schema\": 99}").unwrap();
    for verb in ["up", "down", "status"] {
        let said = world.dojo(&[verb, "practice"]);
        assert_ne!(said.code, Some(0), "{verb}");
    }
    assert_eq!(fs::read_to_string(&record).unwrap(), "{\"schema\": 99}");
}

#[test]
fn what_a_machine_was_given_at_birth_cannot_be_changed_and_is_not_recorded_as_if() {
    let world = World::new();
    world.dojo(&UP).ok();
    let before = world.dojo(&["inspect"]).ok();
    for (flags, what) in [
        (["-p", "18080:80@worker-1"], "the ports of machine `worker-1`"),
        (["--memory", "2GiB"], "the limits of machine `manager-1`"),
        (["--subnet", "10.9.0.0/24"], "the subnet"),
    ] {
        let said = world.dojo(&[["-q", "up", "practice"].as_slice(), &flags].concat()).failure();
        assert!(said.starts_with("exit 1\n") && said.contains(what), "{said}");
    }
    assert_eq!(world.dojo(&["inspect"]).ok(), before);
    // A machine that is yet to be made can still be given something.
    world.dojo(&["-q", "up", "practice", "--workers", "3", "-p", "18080:80@worker-3"]).ok();
}

#[test]
fn a_lost_record_costs_no_keys_and_lost_keys_are_told() {
    let world = World::new();
    world.dojo(&UP).ok();
    let cluster = world.directory.path().join("state/clusters/practice");
    fs::remove_file(cluster.join("cluster.json")).unwrap();
    let said = world.dojo(&UP).failure();
    assert!(said.contains("not the record of it") && said.contains("dojo repair"), "{said}");
    assert!(cluster.join("ssh/id_ed25519").exists());
    world.dojo(&["repair", "practice", "--driver", "fake"]).ok();
    world.dojo(&UP).ok();

    fs::remove_file(cluster.join("cluster.json")).unwrap();
    fs::remove_dir_all(cluster.join("ssh")).unwrap();
    let said = world.dojo(&["-q", "repair", "practice", "--driver", "fake"]).failure();
    assert!(said.contains("keys of cluster `practice`") && said.contains("--yes"), "{said}");
}

/// Of a cluster with machines of several drivers, only one driver's are found at a time.
#[test]
fn machines_that_no_record_tells_of_and_that_are_elsewhere_keep_their_keys() {
    let world = World::new();
    world.dojo(&UP).ok();
    let all = world.read("fake.json");
    for (how, text) in [("lost", None), ("damaged", Some("{"))] {
        let record = fs::read(world.at(RECORD)).unwrap();
        match text {
            None => fs::remove_file(world.at(RECORD)).unwrap(),
            Some(text) => fs::write(world.at(RECORD), text).unwrap(),
        }
        world.lose(&["worker-1"]);
        let said = world.dojo(&["-q", "repair", "practice", "--driver", "fake"]).failure();
        for words in ["`practice`", "worker-1", "no record", "repair practice --forget"] {
            assert!(said.contains(words), "{how}: {words}: {said}");
        }
        assert_eq!(fs::read(world.at(RECORD)).ok().as_deref(), text.map(str::as_bytes), "{how}");
        world.change("fake.json", |world| *world = all.clone());
        fs::write(world.at(RECORD), record).unwrap();
    }
    fs::remove_file(world.at(RECORD)).unwrap();
    world.lose(&["worker-1"]);
    let down = ["-q", "down", "practice", "--yes", "--driver", "fake"];
    let said = world.dojo(&down).failure();
    for words in ["`practice`", "worker-1", "no record", "down practice --yes --forget"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("manager-1"), "{said}");
    // The next place has it.
    world.change("fake.json", |world| {
        let mut all = all.clone();
        all["machines"].as_array_mut().unwrap().retain(|m| m["id"]["name"] == "worker-1");
        *world = all;
    });
    world.dojo(&down).ok();
    assert!(!world.at("state/clusters/practice").exists());
}

#[test]
fn a_repair_can_do_without_machines_that_are_gone() {
    let world = World::new();
    world.dojo(&UP).ok();
    fs::remove_file(world.at(RECORD)).unwrap();
    world.lose(&["worker-1"]);
    world.dojo(&["repair", "practice", "--driver", "fake", "--forget"]).ok();
    assert_eq!(world.read(RECORD)["machines"].as_array().unwrap().len(), 2);
    world.dojo(&UP).ok();
}

#[test]
fn whoever_waits_for_another_command_can_be_interrupted() {
    let world = World::new();
    world.dojo(&UP).ok();
    let root = world.directory.path();
    let lock = fs::File::open(root.join("state/clusters/practice/lock")).unwrap();
    lock.lock().unwrap();
    let mut waiting = Command::new(env!("CARGO_BIN_EXE_dojo"))
        .args(["up", "practice"])
        .env("HOME", root)
        .env("DOJO_HOME", root.join("state"))
        .env("DOCKER_CONFIG", root.join("docker"))
        .env("DOJO_FAKE_STATE", root.join("fake.json"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(waiting.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("waiting for another command")));
    // The task that listens for signals is on its way; before that a signal simply ends the process.
    std::thread::sleep(Duration::from_millis(500));
    let pid = rustix::process::Pid::from_child(&waiting);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let status = loop {
        match waiting.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > end => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let _ = waiting.kill();
    assert_eq!(status.expect("it went on waiting").code(), Some(130));
}

#[test]
fn a_bundle_is_looked_into_and_checked() {
    use clusterdojo::bundle::{Architecture, BundleWriter, Kind};
    use clusterdojo::model::Role;

    let world = World::new();
    let both = [Role::ControlPlane, Role::Worker];
    let binary = Kind::Binary { target: "/usr/bin/kubelet".to_owned() };
    let image = Kind::Image { image: "registry.k8s.io/etcd:3.5".to_owned() };
    let path = world.directory.path().join("bundle.tar");
    BundleWriter::new("1.32.4".parse().unwrap(), Architecture::Arm64)
        .with(world.file("kubelet", "k"), "bin/kubelet.gz", binary, both)
        .with(world.file("etcd", &"e".repeat(3_000_000)), "etcd.tar", image, [Role::ControlPlane])
        .with(world.file("deb", "p"), "kubeadm_1.32.4-1.1_arm64.deb", Kind::Package, both)
        .write(&path)
        .unwrap();
    let file = path.to_str().unwrap();
    insta::with_settings!({ filters => [(r"id [0-9a-f]{16}", "id [id]")] }, {
        insta::assert_snapshot!(world.dojo(&["bundle", "inspect", file]).ok(), @r"
        Kubernetes 1.32.4 for arm64, 3 files, 2.9 MiB, id [id]
        each control-plane needs 2.9 MiB
        each worker needs 1 KiB

        KIND     WHAT                          SIZE     FOR
        binary   /usr/bin/kubelet              1 KiB    control-plane, worker
        image    registry.k8s.io/etcd:3.5      2.9 MiB  control-plane
        package  kubeadm_1.32.4-1.1_arm64.deb  1 KiB    control-plane, worker

        not in it, and needed from elsewhere:
          kubectl: the cluster cannot be asked from its own machines
          kube-apiserver: no control plane can start
          kube-controller-manager: no control plane can start
          kube-scheduler: no control plane can start
          pause: no pod can start
          kube-proxy: services have no addresses
          coredns: services have no names
          local-path-provisioner: volumes that are claimed are never made
        ");
    });
    let json = world.dojo(&["bundle", "inspect", file, "-o", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["kubernetes"], "v1.32.4");
    assert_eq!(json["files"][1]["image"], "registry.k8s.io/etcd:3.5");
    assert_eq!(json["missing"][0]["what"], "kubectl");
    let said = world.dojo(&["bundle", "verify", file]).ok();
    assert_eq!(said, "/world/bundle.tar: OK (3 files, 2.9 MiB)\n");

    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..2_000_000]).unwrap();
    insta::assert_snapshot!(world.dojo(&["bundle", "inspect", file]).failure(), @r"
    exit 1
    error: bundle `/world/bundle.tar` is truncated: it ends after 2000000 of 3005440 bytes, before the end of `etcd.tar`
    hint: copy or download it once more
    ");
    fs::write(&path, [&whole[..2_000_000], b"E", &whole[2_000_001..]].concat()).unwrap();
    world.dojo(&["bundle", "inspect", file]).ok();
    let said = world.dojo(&["bundle", "verify", file]).failure();
    assert!(
        said.starts_with("exit 1\nerror: file `etcd.tar` of bundle `/world/bundle.tar` is"),
        "{said}"
    );
    assert!(said.contains(" is expected\nhint: copy or download it once more"), "{said}");
}

#[test]
fn a_patience_that_is_no_factor_is_refused_before_anything_is_done() {
    let world = World::new();
    for wrong in ["abc", "0", "-1", "1000"] {
        let said = world.dojo_with(&[("DOJO_PATIENCE", wrong)], &["ls"]).failure();
        let begin = format!("exit 2\nerror: `DOJO_PATIENCE={wrong}` is not a factor");
        assert!(said.starts_with(&begin), "{said}");
    }
    world.dojo_with(&[("DOJO_PATIENCE", "2.5")], &UP).ok();
}
