//! What is not a file is not read as one, and of what is one only so much.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::cli::{Said, UP, World};

/// A pipe that nobody writes to: whoever opens it as a file waits for ever.
fn pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Runs `dojo` and fails the test if it waits for something.
fn soon(world: &World, environment: &[(&str, &str)], args: &[&str]) -> Said {
    let mut child = world
        .command(args)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(5) {
            child.kill().unwrap();
            panic!("{args:?} waits");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn files_that_a_user_names_are_files() {
    let world = World::new();
    let root = world.directory.path();
    pipe(&root.join("pipe"));
    let pipe = root.join("pipe").display().to_string();
    let directory = root.display().to_string();
    let kubernetes = ["up", "k8s", "--kubernetes", "--driver", "fake"];
    let repository = ["--kubernetes-repository", "https://k8s.example"];
    for (file, what) in
        [(pipe.as_str(), "a pipe"), (&directory, "a directory"), ("/dev/zero", "a device")]
    {
        let manifest = [&kubernetes[..], &repository, &["--cni", file]].concat();
        for args in [
            ["up", "-f", file].as_slice(),
            &["bundle", "inspect", file],
            &["bundle", "verify", file],
            &[&kubernetes[..], &["--bundle", file]].concat(),
            &manifest,
        ] {
            let said = soon(&world, &[], args);
            assert_ne!(said.code, Some(0), "{args:?}");
            assert!(
                said.stderr.contains(&format!("it is {what}, not a file")),
                "{args:?}: {}",
                said.stderr
            );
        }
    }
    let long = world.file("long.yaml", &"#".repeat(2 << 20));
    assert!(soon(&world, &[], &["up", "-f", &long]).stderr.contains("larger than 1 MiB"));
}

#[test]
fn files_that_the_environment_names_are_files() {
    let world = World::new();
    world.dojo(&UP).ok();
    let root = world.directory.path();
    pipe(&root.join("elsewhere/config.json"));
    pipe(&root.join("kubeconfig"));
    let docker = root.join("elsewhere").display().to_string();
    let kubeconfig = root.join("kubeconfig").display().to_string();
    for environment in [("DOCKER_CONFIG", docker.as_str()), ("KUBECONFIG", &kubeconfig)] {
        for args in [
            ["ls"].as_slice(),
            &["use", "--none"],
            &["status"],
            &["up", "fresh", "--driver", "fake"],
            &["down", "fresh"],
        ] {
            drop(soon(&world, &[environment], args));
        }
        let said = soon(&world, &[environment], &["use", "--none"]);
        assert!(
            said.stderr.contains("it is a pipe, not a file"),
            "{environment:?}: {}",
            said.stderr
        );
    }
    // DOCKER_CONFIG itself.
    drop(soon(&world, &[("DOCKER_CONFIG", &kubeconfig)], &["use", "--none"]));
}

#[cfg(feature = "ec2")]
#[test]
fn files_that_aws_shares_are_files() {
    let world = World::new();
    let path = world.directory.path().join("aws");
    pipe(&path);
    let path = path.display().to_string();
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        let environment = [(variable, path.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")];
        let said = soon(&world, &environment, &["ls", "--driver", "ec2"]);
        for words in ["configuration of AWS", &path, "it is a pipe, not a file"] {
            assert!(said.stderr.contains(words), "{variable}: {}", said.stderr);
        }
    }
}

#[test]
fn files_of_the_state_are_files() {
    for file in [
        "cluster.json",
        "lock",
        "ssh/id_ed25519",
        "ssh/known_hosts",
        "pki/ca.pem",
        "pki/client/key.pem",
    ] {
        let world = World::new();
        world.dojo(&UP).ok();
        pipe(&world.directory.path().join("state/clusters/practice").join(file));
        let bundle = world.directory.path().join("logs.tar.gz").display().to_string();
        for args in [
            ["ls"].as_slice(),
            &["status"],
            &["certs", "show"],
            &["up", "practice"],
            &["logs", "--bundle", &bundle],
            &["down", "practice", "--yes"],
        ] {
            drop(soon(&world, &[], args));
        }
    }
    let world = World::new();
    world.dojo(&UP).ok();
    pipe(&world.directory.path().join("state/previous-context.json"));
    drop(soon(&world, &[], &["use", "--previous"]));
    // What the user has agreed to is looked up for a spec from elsewhere.
    pipe(&world.directory.path().join("state/trusted-specs"));
    let spec = world.file(
        "spec.yaml",
        "apiVersion: clusterdojo/v1\nname: practice\nmachines:\n  - { role: manager, driver: fake }\n\
         engine: { registry-mirrors: ['https://mirror.example'] }\n",
    );
    assert!(soon(&world, &[], &["up", "-f", &spec]).stderr.contains("with your rights"));
    let said = soon(&world, &[], &["up", "-f", &spec, "--trust"]);
    assert!(said.stderr.contains("it is a pipe, not a file"), "{}", said.stderr);
}

#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    use std::os::unix::fs::FileTypeExt as _;
    let world = World::new();
    world.dojo(&UP).ok();
    let path = world.directory.path().join("pipe");
    pipe(&path);
    let said = soon(&world, &[], &["logs", "--bundle", path.to_str().unwrap()]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("it is a pipe, not a file"), "{}", said.stderr);
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
}

#[test]
fn a_spec_may_come_from_a_pipe_that_the_shell_hands_over() {
    let world = World::new();
    let spec = "apiVersion: clusterdojo/v1\nname: practice\nmachines:\n  - { role: manager, driver: fake }\n";
    for file in ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let mut child = world
            .command(&["up", "-f", file, "--dry-run"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(spec.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "create  manager-1\n", "{file}");
    }
}
