//! Drivers that are programs of their own, and all the ways in which such a program goes wrong: what users
//! read, the exit status, and that nothing of it keeps running.

mod session;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clusterdojo::driver::external::protocol::{Capabilities, Existing, Problem};
use serde_json::Value;
use tempfile::TempDir;

struct World {
    directory: TempDir,
}

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    /// Fails the test unless the command ended with this code and told an error of exactly these words.
    #[track_caller]
    fn fails(&self, code: i32, error: &str) {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        let told = self.stderr.split_once("error: ").map(|(_, told)| told).unwrap_or_default();
        let told = told.split("\nhint: ").next().unwrap_or_default().trim_end();
        assert_eq!(told, error, "in: {}", self.stderr);
    }

    #[track_caller]
    fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        &self.stdout
    }
}

impl World {
    /// A world with the programs of these drivers on its PATH: links to one script that goes by its name.
    fn with(drivers: &[&str]) -> Self {
        let world = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(world.bin()).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/external/plugin.sh");
        for name in drivers {
            symlink(script, world.bin().join(format!("dojo-driver-{name}"))).unwrap();
        }
        world
    }

    fn bin(&self) -> PathBuf {
        self.directory.path().join("bin")
    }

    fn command(&self, args: &[&str]) -> Command {
        let root = self.directory.path();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::iter::once(self.bin()).chain(std::env::split_paths(&path));
        let mut command = Command::new(env!("CARGO_BIN_EXE_dojo"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", root)
            .env("DOJO_HOME", root.join("state"))
            .env("DOCKER_CONFIG", root.join("docker"))
            // Limits of time are what some tests are about.
            .env("DOJO_PATIENCE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn dojo(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| {
            let root = self.directory.path().to_str().unwrap();
            String::from_utf8(bytes).unwrap().replace(root, "/world")
        };
        Said {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The processes that the script has noted.
    fn processes(&self) -> Vec<u32> {
        let noted = fs::read_to_string(self.bin().join("pids")).unwrap_or_default();
        noted.split_whitespace().map(|id| id.parse().unwrap()).collect()
    }

    /// Fails the test if anything that the script has started still runs.
    #[track_caller]
    fn assert_none_runs(&self) {
        let processes = self.processes();
        assert!(!processes.is_empty(), "the script has not noted what it started");
        let end = Instant::now() + Duration::from_secs(10);
        while processes.iter().any(|id| runs(*id)) {
            assert!(Instant::now() < end, "{processes:?} still run");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"));
    // What has ended and waits for a parent to notice does not run.
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// What `dojo doctor` says with a driver that fails when it is to look around.
fn check(driver: &str) -> (World, Said) {
    let world = World::with(&[driver]);
    let said = world.dojo(&["doctor", "--driver", driver]);
    (world, said)
}

#[test]
fn a_crash_is_told_with_the_last_words() {
    let (_, said) = check("crash");
    let error = "cannot check driver `crash`: driver `crash` ended with exit status 3 without a result; \
                 it said last:\n    Traceback: the sky\n    is falling";
    said.fails(1, error);
    let (_, said) = check("killed");
    let error =
        "cannot check driver `killed`: driver `killed` was killed by signal 9 without a result";
    said.fails(1, error);
}

#[test]
fn a_hang_ends_in_time_and_nothing_of_it_is_left() {
    for driver in ["hang", "stubborn"] {
        let begin = Instant::now();
        let (world, said) = check(driver);
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
        let last = if driver == "hang" { "; it said last: looking around" } else { "" };
        let error = format!(
            "cannot check driver `{driver}`: driver `{driver}` did not answer within 1 s{last}"
        );
        said.fails(1, &error);
        world.assert_none_runs();
    }
    let (world, said) = check("mute");
    said.fails(1, "cannot use driver `mute`: driver `mute` did not answer within 10 s");
    world.assert_none_runs();
}

#[test]
fn what_is_no_answer_is_quoted() {
    for (driver, misdeed) in [
        (
            "babble",
            "wrote what is not JSON (expected value at line 1 column 1): `Hello, I am a driver.`",
        ),
        (
            "empty",
            "wrote a line with none of `progress`, `warning`, `result` and `error`: \
             `{\"protocol\":1,\"nothing\":1}`",
        ),
        ("misfit", "answered what does not belong there: missing field `findings`"),
        ("endless", "wrote a line of more than 1048576 bytes"),
        ("silent", "ended with exit status 0 without a result; it said last: looking around"),
        (
            "chatty",
            "went on after its answer with `{\"protocol\":1,\"progress\":\"and another thing\"}`",
        ),
        ("late", "ended with exit status 7 after its result"),
        (
            "odd",
            "answered what does not belong there: unknown variant `melancholy`, expected one of \
             `unreachable`, `no_credentials`, `not_configured`, `foreign`, `taken`, `unsupported`, `failed`",
        ),
    ] {
        let (_, said) = check(driver);
        said.fails(1, &format!("cannot check driver `{driver}`: driver `{driver}` {misdeed}"));
    }
}

#[test]
fn another_version_of_the_protocol_is_refused_before_anything_is_asked() {
    let (_, said) = check("stranger");
    let error = "cannot use driver `stranger`: driver `stranger` speaks version 2 of the protocol, \
                 but this clusterdojo speaks version 1";
    said.fails(1, error);
    let (_, said) = check("numberless");
    let error = "cannot use driver `numberless`: driver `numberless` answered what does not belong \
                 there: a line without `protocol`: `{\"result\":{}}`";
    said.fails(1, error);
}

#[test]
fn a_program_must_end_after_its_answer_but_may_leave_others_running() {
    let (world, said) = check("lingering");
    let error = "cannot check driver `lingering`: driver `lingering` gave its answer and did not end \
                 within 5 s";
    said.fails(1, error);
    world.assert_none_runs();

    let (world, said) = check("parent");
    assert!(said.ok().contains("ok    child: left running"), "{}", said.stdout);
    let processes = world.processes();
    assert!(processes.iter().all(|id| runs(*id)), "{processes:?}");
    for id in processes {
        assert!(Command::new("kill").arg(id.to_string()).status().unwrap().success());
    }
}

#[test]
fn what_a_driver_says_is_told_in_its_name() {
    let (_, said) = check("unwell");
    said.fails(1, "cannot check driver `unwell`: driver `unwell`: the moon is full");
    let (_, said) = check("far");
    said.fails(3, "cannot reach the moon: driver `far`: no route");
    assert!(!said.stderr.contains("Docker"), "{}", said.stderr);

    let (_, said) = check("sick");
    assert_eq!(said.code, Some(3));
    let path = "/world/bin/dojo-driver-sick";
    let findings = format!("ok    driver sick: {path}\nFAIL  sand: wet\n      → wait\n");
    assert_eq!(said.stdout, findings);
    assert!(said.stderr.contains("driver `sick`: the tide is coming"), "{}", said.stderr);

    let world = World::with(&["crash"]);
    let said = world.dojo(&["-v", "--log-format", "plain", "doctor", "--driver", "crash"]);
    assert!(said.stderr.contains("crash: Traceback: the sky"), "{}", said.stderr);
}

#[test]
fn a_driver_that_is_not_there_is_told_with_those_that_are() {
    let world = World::with(&["crash", "hang"]);
    let said = world.dojo(&["up", "--driver", "sandbox"]);
    let error = "there is no driver `sandbox`: `dojo-driver-sandbox` is neither beside `dojo` nor on the PATH; there is `crash`, \
                 `hang`";
    said.fails(2, error);
    let said = World::with(&[]).dojo(&["up", "--driver", "sandbox"]);
    let error = "there is no driver `sandbox`: `dojo-driver-sandbox` is neither beside `dojo` nor on the PATH, nor is any other \
                 program `dojo-driver-NAME`";
    said.fails(2, error);
}

#[test]
fn help_has_the_flags_of_one_driver_and_ends_with_the_options_of_an_external_one() {
    let world = World::with(&["picky", "crash", "stranger"]);
    let help = |driver: &str| world.dojo(&["up", "--workers", "1", "--help", "--driver", driver]);
    let plain = world.dojo(&["up", "--help"]).ok().to_owned();
    let (ec2, ssh, said) = (help("ec2"), help("ssh"), help("picky"));
    let (before, options) = said.ok().split_once("\nOptions of driver picky ").unwrap();
    let shown = [
        (plain.as_str(), "--docker-host <"),
        (ec2.ok(), "--region <"),
        (ssh.ok(), "--host <"),
        (before, "--driver-opt <"),
    ];
    for (index, (text, _)) in shown.iter().enumerate() {
        assert!(text.contains("--driver <") && text.contains("\nExamples:\n"), "{text}");
        for (other, (_, flag)) in shown.iter().enumerate() {
            assert_eq!(text.contains(flag), index == other, "{flag}: {text}");
        }
    }
    let expected = "(Machines of sand):\n      --driver-opt size=<N>\n          grains [default: 7]\n\n      \
                    --driver-opt beach=<TEXT>\n          where the sand is [required]\n\n      \
                    --driver-opt colour=<TEXT>\n          [possible values: red, white]\n";
    assert_eq!(options, expected);
    assert!(help("crash").ok().ends_with("\nThe driver crash (goes wrong) has no options.\n"));
    assert_eq!(help("docker").ok(), plain);

    // What the driver cannot tell is no reason to keep the rest from those who ask.
    let said = help("stranger");
    assert_eq!(said.stdout, before);
    assert!(said.stderr.contains("speaks version 2"), "{}", said.stderr);
    assert_eq!(said.code, Some(1));
    assert_eq!(help("nowhere").code, Some(2));
}

fn up(driver: &str, args: &[&str]) -> (World, Said) {
    let world = World::with(&[driver]);
    let usual = ["-q", "up", "sand", "--engines", "--machines", "1", "--driver", driver];
    let said = world.dojo(&[&usual, args].concat());
    (world, said)
}

#[test]
fn options_are_held_against_what_the_driver_takes() {
    for (option, problem) in [
        ("sise=3", "has no option `sise`; it has `size`, `beach`, `colour`"),
        ("size=big", "takes a whole number for option `size`, not `big`"),
        ("colour=blue", "takes red or white for option `colour`, not `blue`"),
        ("size=3", "needs option `beach`: where the sand is"),
    ] {
        let (world, said) = up("picky", &["--driver-opt", option]);
        said.fails(2, &format!("driver `picky` {problem}"));
        assert!(said.stderr.contains("`dojo up --driver picky --help`"), "{}", said.stderr);
        assert!(!world.directory.path().join("state/clusters/sand").exists());
    }
    let (world, said) = up("picky", &["--driver-opt", "beach=north", "--driver-opt", "colour=red"]);
    said.fails(1, "driver `picky`: seen");
    let request = fs::read_to_string(world.bin().join("request")).unwrap();
    let request: Value = serde_json::from_str(&request).unwrap();
    let expected = serde_json::json!({ "size": 7, "beach": "north", "colour": "red" });
    assert_eq!(request["options"], expected);
    let wanted = &request["requests"][0];
    assert_eq!(wanted["name"], "dojo-sand-machine-1");
    assert_eq!(wanted["labels"]["io.clusterdojo.role"], "machine");
    assert_eq!(wanted["services"], serde_json::json!({ "ssh": 22, "engine": 2376 }));
    assert!(wanted["host_key"].get("private").is_none(), "only `create` needs it");

    // What is to go can go, whatever its driver has come to take meanwhile.
    let (world, _) = up("faint", &[]);
    let record = world.directory.path().join("state/clusters/sand/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    let mut wrong: Value = serde_json::from_str(&text).unwrap();
    let old = serde_json::json!({ "faint": { "old": 1 } });
    wrong["spec"]["external"] = old.clone();
    wrong["pending"][0]["spec"]["external"] = old;
    fs::write(&record, wrong.to_string()).unwrap();
    world.dojo(&["up", "sand"]).fails(2, "driver `faint` has no option `old`; it has none");
    world.dojo(&["down", "sand"]).ok();
    assert!(!record.exists());

    let (_, said) = up("docker", &["--driver-opt", "size=3"]);
    let error =
        "`--driver-opt` is for machines of an external driver, and here they come from `docker`";
    said.fails(2, error);
    let (_, said) = up("picky", &["--driver-opt", "size"]);
    said.fails(2, "`size` is not a driver option: write it as KEY=VALUE");
}

/// The JSON texts of a document, in order.
fn examples(document: &str) -> Vec<Value> {
    let blocks = document.split("```json\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks
        .map(|block| serde_json::from_str(block).unwrap_or_else(|e| panic!("{block}: {e}")))
        .collect()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_protocol_is_what_its_document_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/drivers.md")).unwrap();
    let [capabilities, request, machine, error] = examples(&document).try_into().unwrap();
    let read: Capabilities = serde_json::from_value(capabilities.clone()).unwrap();
    assert_eq!((read.options.len(), read.timeouts["create"], read.host_key), (3, 1200, true));
    let read: Existing = serde_json::from_value(machine.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), machine);
    let _: Problem = serde_json::from_value(error["error"].clone()).unwrap();

    // A request with everything that there can be in one.
    let flags =
        ["--driver-opt", "beach=north", "-p", "8080:80", "--memory", "2GiB", "--cpus", "1.5"];
    let (world, _) = up("picky", &flags);
    let said = fs::read_to_string(world.bin().join("request")).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    let said = &said["requests"][0];
    assert_eq!(keys(said), keys(&request));
    assert_eq!(keys(&said["labels"]), keys(&request["labels"]));
    for key in ["ports", "memory", "cpus", "services"] {
        assert_eq!(said[key], request[key], "{key}");
    }
}

#[test]
fn options_of_a_spec_file_reach_the_driver() {
    let world = World::with(&["picky"]);
    let file = world.directory.path().join("sand.yaml");
    let text = "apiVersion: clusterdojo/v1\nname: sand\norchestrator: none\n\
                machines:\n  - { role: machine, driver: picky }\n\
                external:\n  picky: { beach: north, size: 3 }\n";
    fs::write(&file, text).unwrap();
    let up = ["-q", "up", "-f", file.to_str().unwrap(), "--trust"];
    world.dojo(&up).fails(1, "driver `picky`: seen");
    let request = fs::read_to_string(world.bin().join("request")).unwrap();
    assert!(request.contains(r#""options":{"beach":"north","size":3}"#), "{request}");
    let printed = world.dojo(&[&up[..], &["--dry-run", "-o", "yaml"]].concat());
    assert!(printed.ok().contains("external:\n  picky:\n    beach: north\n"), "{}", printed.stdout);
}

#[test]
fn options_reach_the_driver_where_no_record_has_them() {
    for (command, code) in [
        (["doctor"].as_slice(), 0),
        (&["ls"], 0),
        (&["down", "sand", "--yes"], 0),
        (&["repair", "sand"], 1),
        (&["sweep", "--dry-run"], 0),
    ] {
        let world = World::with(&["picky"]);
        let options = ["--driver", "picky", "--driver-opt", "beach=north"];
        let said = world.dojo(&[command, &options].concat());
        assert_eq!(said.code, Some(code), "{command:?}: {}", said.stderr);
        let request = fs::read_to_string(world.bin().join("asked")).unwrap();
        assert!(request.contains(r#""beach":"north""#), "{command:?}: {request}");
    }
}

/// A world with keys of a cluster `sand` and no record, whose machine is at the beach `north`.
fn without_record() -> World {
    let world = World::with(&["tidal"]);
    let cluster = world.directory.path().join("state/clusters/sand");
    for key in ["ssh/id_ed25519", "pki/ca-key.pem"] {
        fs::create_dir_all(cluster.join(key).parent().unwrap()).unwrap();
        fs::write(cluster.join(key), "").unwrap();
    }
    world
}

#[test]
fn a_rebuilt_record_has_all_options_that_the_next_command_needs() {
    let world = without_record();
    let repair = ["repair", "sand", "--driver", "tidal", "--driver-opt", "beach=north"];
    world.dojo(&repair).ok();
    let inspected: Value = serde_json::from_str(world.dojo(&["inspect", "sand"]).ok()).unwrap();
    let noted = serde_json::json!({ "beach": "north", "depth": "low" });
    assert_eq!(inspected["places"]["tidal"]["options"], noted, "the defaults as well");
    assert_eq!(inspected["spec"]["external"]["tidal"]["beach"], "north");
    world.dojo(&["down", "sand"]).ok();
    assert!(world.bin().join("tide").exists(), "the machine was found and removed");
    assert!(!world.directory.path().join("state/clusters/sand").exists());
}

#[test]
fn a_driver_that_lists_nothing_proves_nothing() {
    let world = without_record();
    let here = ["--driver", "tidal", "--driver-opt", "beach=south"];
    let said = world.dojo(&[&["down", "sand", "--yes"], &here[..]].concat());
    let error = "the keys of cluster `sand` are here without its record, and none of its machines was found; \
                 looked at driver `tidal` with beach=south depth=low";
    said.fails(1, error);

    world.dojo(&["repair", "sand", "--driver", "tidal", "--driver-opt", "beach=north"]).ok();
    let keys = world.directory.path().join("state/clusters/sand/ssh/id_ed25519");
    for flags in [here.as_slice(), &[]] {
        if flags.is_empty() {
            fs::write(world.bin().join("tide"), "").unwrap();
        }
        let said = world.dojo(&[&["down", "sand"], flags].concat());
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        assert!(
            said.stderr.contains("not found: machine-1; looked at driver `tidal`"),
            "{}",
            said.stderr
        );
        assert!(keys.exists());
    }
    world.dojo(&["down", "sand", "--forget"]).ok();
    assert!(!keys.exists());
}

#[test]
fn a_driver_may_refuse_before_anything_is_made() {
    for (driver, error) in [
        ("full", "driver `full`: the beach is full"),
        ("taken", "bucket 1 is already taken by a child"),
        ("foreign", "a castle already exists and was not made by clusterdojo, so it is left alone"),
        (
            "stray",
            "cannot list machines: driver `stray` answered what does not belong there: \
             machine `other/worker-1` of another cluster",
        ),
        (
            "bare",
            "cannot list machines: driver `bare` answered what does not belong there: \
             machine `a` has no label `io.clusterdojo.cluster`",
        ),
    ] {
        let (world, said) = up(driver, &[]);
        said.fails(1, error);
        assert!(!world.directory.path().join("state/clusters/sand").exists());
    }
}

#[test]
fn a_machine_that_cannot_be_made_names_the_driver() {
    for (driver, misdeed) in [
        ("faint", "ended with exit status 3 without a result"),
        ("wrong", "answered what does not belong there: machine `other/worker-1` of `1`"),
    ] {
        let (_, said) = up(driver, &[]);
        let error = format!(
            "1 of 1 machines failed\n  machine-1: cannot create machine `sand/machine-1`: \
             driver `{driver}` {misdeed}"
        );
        said.fails(1, &error);
    }
}

#[test]
fn a_key_that_a_program_blurts_out_is_told_to_nobody() {
    let world = World::with(&["leaking"]);
    let usual = ["-vv", "up", "sand", "--engines", "--machines", "1", "--driver", "leaking"];
    let said = world.dojo(&usual);
    assert_eq!(said.code, Some(1));
    let known = fs::read_dir(world.directory.path().join("state/clusters/sand/logs")).unwrap();
    let logs: String =
        known.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    for text in [&said.stderr, &logs] {
        assert!(text.contains("(a line with a private key in it)"), "{text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");
        // What every ed25519 key of OpenSSH begins with, and the seed follows.
        assert!(!text.contains("b3BlbnNzaC1rZXktdjE"), "{text}");
    }
}

#[test]
fn whoever_presses_ctrl_c_twice_leaves_no_program_behind() {
    let world = World::with(&["patient"]);
    let up = ["up", "sand", "--engines", "--machines", "1", "--driver", "patient"];
    let mut dojo = world.command(&up).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while world.processes().is_empty() {
        assert!(Instant::now() < end, "the program was not started");
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupt = || {
        let id = dojo.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        std::thread::sleep(Duration::from_millis(300));
    };
    interrupt();
    assert!(world.processes().iter().all(|id| runs(*id)), "the step under way may end by itself");
    interrupt();
    assert_eq!(dojo.wait().unwrap().code(), Some(130));
    world.assert_none_runs();
}
