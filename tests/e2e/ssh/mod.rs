//! SSH against a real sshd: what a boot, a busy network and an impostor do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say where")]

mod attach;
mod forward;
mod sshd;
mod upload;

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clusterdojo::model::{Machine, Secret};
use clusterdojo::remote::{Dialer as _, Error, Remote, Script, SshDialer, keys};

use sshd::{Wire, World, free_port, local, machine_at};

const SOON: Duration = Duration::from_secs(20);
const KINDS: &[&str] = &["ed25519", "ecdsa"];

async fn dial(world: &World, machine: &Machine) -> Result<Arc<dyn Remote>, Error> {
    SshDialer::default().dial(machine, &world.files, SOON).await
}

async fn failure(world: &World, machine: &Machine, deadline: Duration) -> Error {
    match SshDialer::default().dial(machine, &world.files, deadline).await {
        Ok(_) => panic!("the dial succeeded"),
        Err(error) => error,
    }
}

fn script(body: &'static str) -> Script {
    Script::new("try it", "Because.", body)
}

#[tokio::test]
async fn scripts_get_their_inputs_and_give_their_output_over_one_connection() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let hello = script("printf '%s' \"$A$B\"\n").with("A", "it's ").with("B", "$(id)");
    assert_eq!(remote.run(&hello).await.unwrap(), "it's $(id)");
    assert_eq!(remote.run(&script("id -u")).await.unwrap(), "0\n");
    let several = (0..5).map(|_| remote.run(&hello));
    for result in futures_util::future::join_all(several).await {
        assert_eq!(result.unwrap(), "it's $(id)");
    }
    let (connections, logins) = world.seen();
    assert_eq!(connections, 1, "{}", world.log());
    assert!(logins >= 1, "what counts logins sees none: {}", world.log());
}

#[tokio::test]
async fn a_failing_script_gives_its_status_and_last_words() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let failing = script("for n in $(seq 100); do echo \"line $n\" >&2; done; exit 3");
    let Err(Error::Script { status, stderr, title, .. }) = remote.run(&failing).await else {
        panic!("it did not fail as a script");
    };
    assert_eq!((status, title.as_str()), (3, "try it"));
    assert!(stderr.starts_with("line 81\n") && stderr.ends_with("line 100"), "{stderr}");
    let killed = remote.run(&script("kill -9 $$")).await.unwrap_err();
    assert!(matches!(killed, Error::Script { status: 137, .. }), "{killed:?}");
}

#[tokio::test]
async fn a_script_that_hangs_is_named_and_the_login_stays_good() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let hanging = script("exec sleep 30").within(Duration::from_secs(1));
    let error = remote.run(&hanging).await.unwrap_err().to_string();
    assert!(error.contains("try it") && error.contains("within 1 s"), "{error}");
    assert_eq!(remote.run(&script("echo on")).await.unwrap(), "on\n");
}

#[tokio::test]
async fn secrets_are_on_no_command_line_and_in_no_environment() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let secret = "correct-horse-battery-staple";
    let look = script(
        "printf 'length %s\\n' \"${#KEY}\"\n\
         for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null\n\
         tr '\\0' '\\n' <\"/proc/$$/environ\"\n",
    )
    .with_secret("KEY", &Secret::new(secret));
    let output = remote.run(&look).await.unwrap();
    assert!(output.contains(&format!("length {}\n", secret.len())));
    assert!(output.contains("sh -s") && output.contains("SSH_CONNECTION="), "{output}");
    assert!(!output.contains(secret));
    assert!(!world.log().contains(secret));
}

#[tokio::test]
async fn large_inputs_and_outputs_arrive_whole() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let value = "0123456789abcdef".repeat(400_000);
    let echo = script("printf '%s' \"$V\"; printf '%s' \"$V\"").with("V", value.clone());
    let output = remote.run(&echo).await.unwrap();
    assert!(output == value.repeat(2), "{} of {} bytes", output.len(), 2 * value.len());
}

#[tokio::test]
async fn something_left_in_the_background_does_not_hold_a_script_up() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let remote = dial(&world, &world.machine()).await.unwrap();
    let begin = Instant::now();
    let output = remote.run(&script("sleep 60 & echo started $!")).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(10));
    let sleeper = output.trim().strip_prefix("started ").unwrap().to_owned();
    remote.run(&script("kill \"$P\"").with("P", sleeper)).await.unwrap();
}

#[tokio::test]
async fn a_changed_host_key_ends_it_at_once_and_nothing_is_sent() {
    let world = World::new();
    let _sshd = world.start(&["ed25519"]);
    let other = keys::generate_host_key().unwrap();
    let machine = world.machine();
    let pins = [(machine.id.alias(), other.public.clone())];
    keys::pin(&world.files.known_hosts, &pins).unwrap();
    let error = failure(&world, &machine, SOON).await;
    let Error::HostKeyMismatch { pinned, offered, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(pinned.ends_with(&keys::fingerprint(&other.public).unwrap()), "{pinned}");
    let real = std::fs::read_to_string(world.dir.path().join("ed25519.pub")).unwrap();
    assert!(offered.ends_with(&keys::fingerprint(&real).unwrap()), "{offered}");
    assert_eq!(world.seen(), (1, 0), "{}", world.log());
}

#[tokio::test]
async fn a_host_key_of_another_type_is_a_mismatch_too() {
    let world = World::new();
    let _sshd = world.start(&["ecdsa"]);
    let error = failure(&world, &world.machine(), SOON).await;
    let Error::HostKeyMismatch { offered, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(offered.contains("ecdsa-sha2-nistp256"), "{offered}");
    assert_eq!(world.seen(), (1, 0), "{}", world.log());
}

#[tokio::test]
async fn of_several_host_keys_the_pinned_one_is_asked_for() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    for kind in KINDS {
        world.pin(kind);
        dial(&world, &world.machine()).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_pin_no_connection_is_made() {
    let world = World::new();
    let listener = TcpListener::bind(local(world.port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    keys::unpin(&world.files.known_hosts, &world.machine().id.alias()).unwrap();
    let error = failure(&world, &world.machine(), SOON).await;
    assert!(matches!(error, Error::NoHostKey { .. }), "{error:?}");
    assert!(listener.accept().is_err(), "somebody connected");
}

#[tokio::test]
async fn a_late_sshd_is_waited_for_and_sees_one_connection() {
    let world = Arc::new(World::new());
    let direct = world.machine();
    // As a published port does, the wire accepts connections before anything listens behind it.
    let wire = Wire::to(world.port);
    let published = machine_at(wire.port);
    let late = Arc::clone(&world);
    let sshd = thread::spawn(move || {
        thread::sleep(Duration::from_secs(1));
        (late.start(KINDS), Instant::now())
    });
    let published = dial(&world, &published).await.unwrap();
    let ready = Instant::now();
    let (_sshd, started) = sshd.join().unwrap();
    assert_eq!(world.seen().0, 1, "{}", world.log());
    assert!(ready.saturating_duration_since(started) < Duration::from_secs(1));
    assert_eq!(published.run(&script("echo up")).await.unwrap(), "up\n");
    dial(&world, &direct).await.unwrap();
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let world = Arc::new(World::new());
    let late = Arc::clone(&world);
    let sshd = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        late.start(KINDS)
    });
    dial(&world, &world.machine()).await.unwrap();
    drop(sshd.join().unwrap());
}

#[tokio::test]
async fn a_peer_that_never_speaks_times_out_in_time() {
    let world = World::new();
    let _silent = TcpListener::bind(local(world.port)).unwrap();
    let begin = Instant::now();
    let error = failure(&world, &world.machine(), Duration::from_secs(1)).await;
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    let elapsed = begin.elapsed();
    assert!(
        elapsed > Duration::from_millis(900) && elapsed < Duration::from_secs(2),
        "{elapsed:?}"
    );
    let nobody = machine_at(free_port());
    let error = failure(&world, &nobody, Duration::from_millis(300)).await;
    let text = clusterdojo::event::chain(&error);
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_key_that_is_not_authorized_is_denied() {
    let world = World::new();
    std::fs::write(world.dir.path().join("authorized_keys"), "").unwrap();
    let _sshd = world.start(KINDS);
    let error = failure(&world, &world.machine(), Duration::from_secs(1)).await;
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
}

#[tokio::test]
async fn a_key_that_is_authorized_a_little_later_is_waited_for() {
    let world = World::new();
    let path = world.dir.path().join("authorized_keys");
    let key = std::fs::read(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    let _sshd = world.start(KINDS);
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_secs(1));
        std::fs::write(path, key).unwrap();
    });
    dial(&world, &world.machine()).await.unwrap();
    late.join().unwrap();
}

#[tokio::test]
async fn a_connection_cut_within_a_script_is_an_error_at_once() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let wire = Wire::to(world.port);
    let remote = dial(&world, &machine_at(wire.port)).await.unwrap();
    let begin = Instant::now();
    let cutting = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        wire.cut();
    });
    let error = remote.run(&script("sleep 30")).await.unwrap_err();
    cutting.join().unwrap();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    let again = remote.run(&script("true")).await.unwrap_err();
    assert!(matches!(again, Error::Connection { .. }), "{again:?}");
}
