//! What scripts read, and files that are put on machines: in whole or not at all.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use clusterdojo::bundle::{Architecture, BundleWriter, Kind};
use clusterdojo::event::chain;
use clusterdojo::model::Role;
use clusterdojo::remote::{Error, Input};
use tokio::io::{AsyncRead, ReadBuf};

use super::sshd::{Wire, World, machine_at};
use super::{KINDS, dial, script};

const MIB: u64 = 1 << 20;

/// Bytes that look like nothing in particular, and after some of them a failure.
#[derive(Clone)]
struct Noise {
    state: u32,
    left: u64,
}

impl Noise {
    fn failing_after(length: u64) -> Self {
        Self { state: 1, left: length }
    }

    fn endless() -> Self {
        Self::failing_after(u64::MAX)
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (self.state >> 24) as u8;
        }
    }

    fn take(mut self, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        self.fill(&mut bytes);
        bytes
    }
}

impl AsyncRead for Noise {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the disk is on fire")));
        }
        let length = buffer.remaining().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= length as u64;
        let part = buffer.initialize_unfilled_to(length);
        self.fill(part);
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Waits until the other side has taken back what it had begun.
fn settles(directory: &Path, expected: &[&str]) {
    let begin = Instant::now();
    while names(directory) != expected {
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", names(directory));
        thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_arrives_as_it_is() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let path = world.dir.path().join("new/directory/it's here");
    let target = path.to_str().unwrap();
    let begin = Instant::now();
    remote.upload(target, 0o750, Input::new("noise", 100 * MIB, Noise::endless())).await.unwrap();
    let elapsed = begin.elapsed();
    assert!(fs::read(&path).unwrap() == Noise::endless().take(100 * MIB));
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.permissions().mode() & 0o7777, metadata.uid()), (0o750, 0));
    assert_eq!(names(path.parent().unwrap()).len(), 1);
    // The very slowest that may be called working, on a machine that is busy with other tests.
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");

    // Again, over what is there; and empty.
    remote.upload(target, 0o600, Input::new("nothing", 0, io::Cursor::new(""))).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
    let (connections, _) = world.seen();
    assert_eq!(connections, 1);
}

#[tokio::test]
async fn a_source_that_fails_leaves_nothing() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let directory = world.dir.path().join("files");
    fs::create_dir(&directory).unwrap();
    let path = directory.join("kubelet");
    fs::write(&path, "the old one").unwrap();
    for broken_after in [0, 1, 3 * MIB] {
        let noise = Noise::failing_after(broken_after);
        let input = Input::new("bin/kubelet.gz", 5 * MIB, noise);
        let error = remote.upload(path.to_str().unwrap(), 0o755, input).await.unwrap_err();
        let text = chain(&error);
        for word in ["kubelet` on the machine", "bin/kubelet.gz", "practice/worker-1", "on fire"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        settles(&directory, &["kubelet"]);
    }
    let short = Input::new("short", 9, io::Cursor::new("eight by"));
    let error = chain(&remote.upload(path.to_str().unwrap(), 0o755, short).await.unwrap_err());
    assert!(error.contains("it ended after 8 of 9 bytes"), "{error}");
    settles(&directory, &["kubelet"]);
    assert_eq!(fs::read(&path).unwrap(), b"the old one");
    // The connection is as good as before.
    assert_eq!(remote.run(&script("echo up")).await.unwrap(), "up\n");
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_nothing() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let wire = Wire::to(world.port);
    let remote = dial(&world, &machine_at(wire.port)).await.unwrap();
    let directory = world.dir.path().join("files");
    fs::create_dir(&directory).unwrap();
    let watched = directory.clone();
    let cutting = thread::spawn(move || {
        // A part of it has arrived by then.
        let arrived = || {
            let sizes = fs::read_dir(&watched).unwrap().filter_map(|e| e.unwrap().metadata().ok());
            sizes.map(|m| m.len()).sum::<u64>() > MIB
        };
        while !arrived() {
            thread::sleep(Duration::from_millis(1));
        }
        wire.cut();
    });
    let path = directory.join("kubelet");
    let input = Input::new("noise", 1 << 40, Noise::endless());
    let error = remote.upload(path.to_str().unwrap(), 0o755, input).await.unwrap_err();
    cutting.join().unwrap();
    let Error::Upload { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, Error::Connection { .. }), "{error:?}");
    let text = chain(&error);
    assert!(text.contains("kubelet`") && text.contains("`practice/worker-1`"), "{text}");
    settles(&directory, &[]);
}

#[tokio::test]
async fn a_machine_that_refuses_a_file_says_why() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let path = world.dir.path().join("log/kubelet");
    let input = Input::new("noise", 50 * MIB, Noise::endless());
    let begin = Instant::now();
    let error = remote.upload(path.to_str().unwrap(), 0o755, input).await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("status 1") && text.contains("File exists"), "{text}");
    assert!(begin.elapsed() < Duration::from_secs(5), "it was sent all the same");
}

#[tokio::test]
async fn a_script_has_its_inputs_and_reads_its_input() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let count = script("printf '%s' \"$A\"; cat; wc -c <&3; tr '\\0' ' ' </proc/$PPID/cmdline")
        .with("A", "it's ");
    let input = Input::new("noise", 3 * MIB, Noise::endless());
    let output = remote.run_with_input(&count, input).await.unwrap();
    assert!(output.starts_with("it's 3145728\n"), "{output}");
    assert!(!output.contains("it's it"), "{output}");

    let enough = script("head -c 3 <&3; exit 5");
    let input = Input::new("noise", 1 << 40, Noise::endless());
    let error = remote.run_with_input(&enough, input).await.unwrap_err();
    assert!(matches!(error, Error::Script { status: 5, .. }), "{error:?}");

    let several = (0..4).map(|n| {
        let input = Input::new("noise", n * MIB + 1, Noise::endless());
        let remote = remote.clone();
        async move { remote.run_with_input(&script("wc -c <&3"), input).await.unwrap() }
    });
    let counts = futures_util::future::join_all(several).await;
    assert_eq!(counts, ["1\n", "1048577\n", "2097153\n", "3145729\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_needs_of_a_bundle_goes_through_one_tar() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let source = world.dir.path().join("source");
    fs::write(&source, Noise::endless().take(7 * MIB + 3)).unwrap();
    let image = |name: &str| Kind::Image { image: format!("registry.k8s.io/{name}") };
    let bundle = BundleWriter::new("v1.32.4".parse().unwrap(), Architecture::Amd64)
        .with(&source, "images/etcd.tar", image("etcd"), [Role::ControlPlane])
        .with(&source, "images/proxy.tar", image("proxy"), [Role::ControlPlane, Role::Worker])
        .write(&world.dir.path().join("bundle.tar"))
        .unwrap();
    let unpack =
        script("mkdir \"$D\"; tar -x --no-same-owner -C \"$D\" <&3; cd \"$D\"; find -type f")
            .with("D", world.dir.path().join("unpacked").to_str().unwrap());
    let archive = bundle.archive(&bundle.files_for(Role::Worker)).unwrap();
    let input = Input::new(bundle.path().display().to_string(), archive.length(), archive);
    let output = remote.run_with_input(&unpack, input).await.unwrap();
    assert_eq!(output, "./images/proxy.tar\n");
    let arrived = fs::read(world.dir.path().join("unpacked/images/proxy.tar")).unwrap();
    assert!(arrived == fs::read(&source).unwrap());
}
