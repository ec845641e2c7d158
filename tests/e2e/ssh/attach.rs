//! Attaching is about a process's own streams, so each test runs this test program once more, as a
//! child that does nothing but attach.

use std::env;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use clusterdojo::model::SshFiles;
use clusterdojo::remote::{Dialer as _, SshDialer};

use super::sshd::World;
use super::{KINDS, SOON};

/// What the child says before it attaches; the test program has said things before it.
const MARK: &str = "=== attached ===";

/// The child. Run as a test, it does nothing.
#[tokio::test]
async fn child() {
    let (Some(dir), Ok(port)) = (env::var_os("TEST_ATTACH_DIR"), env::var("TEST_ATTACH_PORT"))
    else {
        return;
    };
    let world = World {
        files: SshFiles::in_directory(dir.as_ref()),
        port: port.parse().unwrap(),
        dir: tempfile::tempdir().unwrap(),
    };
    let remote = SshDialer::default().dial(&world.machine(), &world.files, SOON).await.unwrap();
    let mut stdout = std::io::stdout();
    stdout.write_all(MARK.as_bytes()).unwrap();
    stdout.flush().unwrap();
    let command = env::var("TEST_ATTACH_COMMAND").ok();
    let status = remote.attach(command.as_deref()).await;
    // Nothing more may be printed, and the status is what the test is about.
    #[expect(clippy::exit)]
    std::process::exit(match status {
        Ok(status) => i32::try_from(status).unwrap(),
        Err(_) => 255,
    });
}

fn attaching(world: &World, command: Option<&str>) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args(["--exact", "ssh::attach::child", "--nocapture"])
        .env("TEST_ATTACH_DIR", world.dir.path())
        .env("TEST_ATTACH_PORT", world.port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(command) = command {
        child.env("TEST_ATTACH_COMMAND", command);
    }
    child
}

fn run(mut command: Command, input: Vec<u8>) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        // A command may end without reading it all.
        let _ = stdin.write_all(&input);
    });
    let mut output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let mark = output.stdout.windows(MARK.len()).position(|w| w == MARK.as_bytes());
    let mark = mark.unwrap_or_else(|| panic!("it did not attach: {output:?}"));
    output.stdout.drain(..mark + MARK.len());
    output
}

fn random(length: u8) -> Vec<u8> {
    // Every byte value, and no period that a buffer's size could hide in.
    (0..u32::from(length) * 100_003).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn streams_are_passed_on_byte_for_byte_until_their_end() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let input = random(60);
    let output = run(attaching(&world, Some("cat; echo done >&2; exit 7")), input.clone());
    assert!(output.stdout == input, "{} of {} bytes", output.stdout.len(), input.len());
    assert_eq!(output.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("done\n"));
}

#[test]
fn a_command_that_does_not_read_ends_all_the_same() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let output = run(attaching(&world, Some("echo hi; kill -TERM $$")), random(60));
    assert_eq!(output.stdout, b"hi\n");
    assert_eq!(output.status.code(), Some(143));
}

#[test]
fn nobody_reading_the_output_is_no_panic() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let mut child = attaching(&world, Some("yes")).spawn().unwrap();
    let begin = Instant::now();
    std::thread::sleep(Duration::from_secs(1));
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_shell_without_a_terminal_reads_its_commands_from_a_pipe() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let output = run(attaching(&world, None), b"echo $((6*7)); tty; exit 4\n".to_vec());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("42\n") && text.contains("not a tty"), "{text}");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_shell_on_a_terminal_gets_its_size_and_gives_the_terminal_back() {
    let world = World::new();
    let _sshd = world.start(KINDS);
    let child = attaching(&world, None);
    let program = child.get_program().to_string_lossy().into_owned();
    // script(1) runs the child on a terminal of its own.
    let line = format!(
        "stty rows 33 cols 99; {program} --exact ssh::attach::child --nocapture; \
         echo status $?; stty -a"
    );
    let mut script = Command::new("script");
    script
        .args(["-qefc", &line, "/dev/null"])
        .envs(child.get_envs().filter_map(|(key, value)| Some((key, value?))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let output = run(script, b"tty; stty size; exit 5\n".to_vec());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("/dev/pts/") && text.contains("33 99"), "{text}");
    assert!(text.contains("status 5"), "{text}");
    assert!(text.contains(" icanon") && text.contains(" echo "), "{text}");
}
