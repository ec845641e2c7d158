//! What progress looks like in logs, to programs and in the cluster's log file.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clusterdojo::event::{Event, Kind, Progress, Reporter, Subject};
use clusterdojo::model::{MachineName, Role};
use clusterdojo::report::{self, Json, LogFile, Plain, Quiet, Tee};

/// Something to write to that a test can read.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A reader that has gone away.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// One event of each kind.
fn events() -> Vec<Event> {
    let worker = Subject::Machine(MachineName::new(Role::Worker, 2));
    let step = "start Docker".to_owned();
    let kinds = [
        (worker, Kind::Started { step: step.clone() }),
        (worker, Kind::Detail { text: "systemctl \u{1b}[31mrestart\u{1b}[0m docker".to_owned() }),
        (worker, Kind::Finished { step: step.clone(), elapsed: Duration::from_micros(420_499) }),
        (
            worker,
            Kind::Failed {
                step: "join swarm".to_owned(),
                error: "exit status 1\ncluster: warning: forged\u{1b}[2J".to_owned(),
                elapsed: Duration::from_secs(2),
            },
        ),
        (Subject::Cluster, Kind::Warning { text: "no IPVS in this kernel".to_owned() }),
        (worker, Kind::Ready),
        (Subject::Cluster, Kind::Ready),
    ];
    kinds.into_iter().map(|(subject, kind)| Event { subject, kind }).collect()
}

fn replay(reporter: &dyn Reporter) {
    for event in events() {
        reporter.report(&event);
    }
}

/// Times differ between runs.
fn without_time(text: &str) -> String {
    let mut redacted = String::new();
    for line in text.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let time = object["time"].as_str().unwrap();
        let parsed: jiff::Timestamp = time.parse().unwrap();
        assert_eq!(format!("{parsed:.3}"), time);
        assert!(parsed.duration_until(jiff::Timestamp::now()).as_secs() < 60);
        redacted += &line.replacen(time, "NOW", 1);
        redacted.push('\n');
    }
    redacted
}

#[test]
fn plain_tells_how_steps_ended() {
    let output = Output::default();
    replay(&Plain::new(output.clone(), false));
    insta::assert_snapshot!(output.text(), @r"
    worker-2: start Docker: ok (0.42 s)
    worker-2: join swarm: failed (2.00 s): exit status 1
        cluster: warning: forged
    cluster: warning: no IPVS in this kernel
    worker-2: ready
    ");
}

#[test]
fn plain_tells_everything_when_asked() {
    let output = Output::default();
    replay(&Plain::new(output.clone(), true));
    insta::assert_snapshot!(output.text(), @r"
    worker-2: start Docker …
    worker-2:   systemctl restart docker
    worker-2: start Docker: ok (0.42 s)
    worker-2: join swarm: failed (2.00 s): exit status 1
        cluster: warning: forged
    cluster: warning: no IPVS in this kernel
    worker-2: ready
    ");
}

#[test]
fn quiet_tells_failures_and_warnings() {
    let output = Output::default();
    replay(&Quiet(Arc::new(Plain::new(output.clone(), false))));
    insta::assert_snapshot!(output.text(), @r"
    worker-2: join swarm: failed (2.00 s): exit status 1
        cluster: warning: forged
    cluster: warning: no IPVS in this kernel
    ");
}

#[test]
fn json_is_one_object_an_event() {
    let output = Output::default();
    replay(&Json::new(output.clone()));
    insta::assert_snapshot!(without_time(&output.text()), @r#"
    {"time":"NOW","subject":"worker-2","event":"started","step":"start Docker"}
    {"time":"NOW","subject":"worker-2","event":"detail","text":"systemctl \u001b[31mrestart\u001b[0m docker"}
    {"time":"NOW","subject":"worker-2","event":"finished","step":"start Docker","seconds":0.42}
    {"time":"NOW","subject":"worker-2","event":"failed","step":"join swarm","seconds":2.0,"error":"exit status 1\ncluster: warning: forged\u001b[2J"}
    {"time":"NOW","subject":"cluster","event":"warning","text":"no IPVS in this kernel"}
    {"time":"NOW","subject":"worker-2","event":"done"}
    {"time":"NOW","subject":"cluster","event":"done"}
    "#);
}

#[test]
fn reader_that_has_gone_away_does_not_stop_the_work() {
    replay(&Plain::new(Closed, true));
    replay(&Json::new(Closed));
}

#[test]
fn lines_of_many_tasks_do_not_mix() {
    let output = Output::default();
    let json = Json::new(output.clone());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| replay(&json)));
        }
    });
    assert_eq!(without_time(&output.text()).lines().count(), 8 * 50 * 7);
}

#[test]
fn log_file_has_every_event_as_soon_as_it_happens() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("logs");
    let output = Output::default();
    let log = Arc::new(LogFile::create(&dir, "up").unwrap());
    let plain = Arc::new(Plain::new(output.clone(), false));
    let tee: Arc<dyn Reporter> = Arc::new(Tee(vec![plain, log.clone()]));

    let progress = Progress::new(tee.clone()).machine(MachineName::new(Role::Manager, 1));
    progress.detail("booting");
    // Nothing was closed or flushed.
    let text = fs::read_to_string(log.path()).unwrap();
    insta::assert_snapshot!(without_time(&text), @r#"{"time":"NOW","subject":"manager-1","event":"detail","text":"booting"}"#);
    assert_eq!(output.text(), "");

    report::finish(&*tee);
    let text = fs::read_to_string(log.path()).unwrap();
    assert_eq!(text.lines().count(), 2);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(log.path()), 0o600);
    assert_eq!(mode(&dir), 0o700);
}

#[test]
fn newest_logs_are_kept_and_nothing_else_is_touched() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("0000-notes.txt"), "mine").unwrap();
    let mut made = Vec::new();
    for _ in 0..report::log::KEPT + 5 {
        // Several in one millisecond have names of their own.
        let log = LogFile::create(root.path(), "up").unwrap();
        assert!(log.path().exists());
        made.push(log.path().to_owned());
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut left: Vec<_> =
        fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    assert_eq!(left.remove(0), root.path().join("0000-notes.txt"));
    assert_eq!(left, made[5..]);
    let name = left[0].file_name().unwrap().to_str().unwrap();
    assert!(name.ends_with("Z-up.jsonl") && !name.contains(':'), "{name}");
}
