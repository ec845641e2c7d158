//! What stands on the terminal: one row a machine, in name order, and below them one for the
//! cluster. No terminal is touched here; events and times go in, lines come out.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::layout::{Line, Mark, Size, lay_out};
use super::line::{one_line, width};
use super::paint::{Paint, Tone};
use crate::event::{Event, Kind, Subject};

/// Shorter times would only flicker while a step is under way.
const SHOWN_FROM: Duration = Duration::from_secs(1);

/// The column for machines' steps while they are under way: wide enough for most, so that it seldom
/// moves, and no wider than a detail beside it can bear.
const STEP_WIDTH: RangeInclusive<usize> = 16..=32;

/// Every subject and how far it is.
#[derive(Debug, Default)]
pub(super) struct Board {
    rows: BTreeMap<Subject, Row>,
    // Only grows, so that columns stay where they are.
    step_width: usize,
}

/// One subject.
#[derive(Debug)]
struct Row {
    begun: Instant,
    ended: Instant,
    // Steps may be nested or run at once; the latest is shown.
    open: Vec<Step>,
    last: Option<Closed>,
    ready: bool,
    // Steps that took long enough to be worth remembering at the end.
    long: Vec<Closed>,
}

/// A step under way.
#[derive(Debug)]
struct Step {
    name: String,
    since: Instant,
    detail: String,
}

/// A step that ended.
#[derive(Debug, Clone)]
struct Closed {
    name: String,
    took: Duration,
    error: Option<String>,
}

impl Board {
    /// Takes one event. Warnings stand on no row.
    pub(super) fn apply(&mut self, event: &Event, now: Instant) {
        if matches!(event.kind, Kind::Warning { .. }) {
            return;
        }
        let row = self.rows.entry(event.subject).or_insert_with(|| Row {
            begun: now,
            ended: now,
            open: Vec::new(),
            last: None,
            ready: false,
            long: Vec::new(),
        });
        row.ended = now;
        match &event.kind {
            Kind::Started { step } => {
                let name = one_line(step);
                if event.subject != Subject::Cluster {
                    self.step_width = self.step_width.max(width(&name));
                }
                row.ready = false;
                // A new attempt at what failed.
                row.last = row.last.take().filter(|last| last.error.is_none());
                row.open.push(Step { name, since: now, detail: String::new() });
            }
            Kind::Detail { text } => {
                if let Some(step) = row.open.last_mut() {
                    step.detail = one_line(text);
                }
            }
            Kind::Finished { step, elapsed } => row.close(step, *elapsed, None),
            Kind::Failed { step, error, elapsed } => {
                row.close(step, *elapsed, Some(one_line(error)));
            }
            Kind::Ready => row.ready = true,
            Kind::Warning { .. } => {}
        }
    }

    /// The lines while work goes on. `turn` counts the pictures of the wheel.
    pub(super) fn live(&self, now: Instant, turn: usize, size: Size, paint: Paint) -> Vec<String> {
        let mut lines: Vec<Line> =
            self.rows.iter().map(|(subject, row)| row.live(*subject, now)).collect();
        // The cluster stands last, so that it can come and go without moving the machines.
        if lines.len() > 1 && lines[0].subject == Subject::Cluster {
            lines.rotate_left(1);
            lines.pop_if(|cluster| matches!(cluster.mark, Mark::Waiting | Mark::Done));
        }
        let all = lines.len();
        // The terminal's last line stays free for the cursor.
        let room = size.rows.saturating_sub(1).max(1);
        if all > room {
            // What is done can best be spared.
            let mut spare = all + 1 - room;
            lines.retain(|line| {
                let drop = spare > 0 && line.mark == Mark::Done;
                spare -= usize::from(drop);
                !drop
            });
            lines.truncate(room - 1);
        }
        let more = all - lines.len();
        let step_width = self.step_width.clamp(*STEP_WIDTH.start(), *STEP_WIDTH.end());
        let mut drawn = lay_out(&lines, step_width, turn, size.columns, paint);
        if more > 0 {
            drawn.push(paint.tone(Tone::Dim, &format!("  … {more} more")));
        }
        drawn
    }

    /// The lines that remain: how each machine ended, and the cluster's longer steps.
    pub(super) fn record(&self, columns: usize, paint: Paint) -> Vec<String> {
        let machines = self.rows.keys().any(|subject| *subject != Subject::Cluster);
        let lines: Vec<Line> =
            self.rows.iter().flat_map(|(subject, row)| row.record(*subject, machines)).collect();
        let steps = lines.iter().map(|line| width(&line.text)).max();
        lay_out(&lines, steps.unwrap_or(0), 0, columns, paint)
    }
}

impl Row {
    fn close(&mut self, step: &str, took: Duration, error: Option<String>) {
        let name = one_line(step);
        if let Some(at) = self.open.iter().rposition(|open| open.name == name) {
            self.open.remove(at);
        }
        let closed = Closed { name, took, error };
        if took >= SHOWN_FROM && closed.error.is_none() {
            self.long.push(closed.clone());
        }
        self.last = Some(closed);
    }

    fn live(&self, subject: Subject, now: Instant) -> Line {
        if let Some(step) = self.open.last() {
            return Line {
                mark: Mark::Working,
                subject,
                text: step.name.clone(),
                time: Some(now.saturating_duration_since(step.since)).filter(|t| *t >= SHOWN_FROM),
                tail: step.detail.clone(),
            };
        }
        let mut line = self.end(subject);
        if line.mark == Mark::Done && !self.ready {
            line.mark = Mark::Waiting;
            line.time = None;
        }
        line
    }

    fn record(&self, subject: Subject, machines: bool) -> Vec<Line> {
        if let Some(step) = self.open.last() {
            return vec![Line {
                mark: Mark::Unfinished,
                subject,
                text: step.name.clone(),
                time: None,
                tail: "unfinished".to_owned(),
            }];
        }
        let end = self.end(subject);
        if subject != Subject::Cluster {
            return vec![end];
        }
        let mut lines: Vec<Line> = self.long.iter().map(|step| step.line(subject)).collect();
        // With machines to speak for it, the cluster's last step says nothing.
        if end.mark == Mark::Failed || (lines.is_empty() && !machines) {
            lines.extend(self.last.as_ref().map(|last| last.line(subject)));
        }
        lines
    }

    /// The row when nothing is under way.
    fn end(&self, subject: Subject) -> Line {
        let failed = self.last.as_ref().filter(|last| last.error.is_some());
        if let Some(failed) = failed {
            return failed.line(subject);
        }
        let total = self.ended.saturating_duration_since(self.begun);
        let last = self.last.as_ref().map(|last| last.name.clone());
        Line {
            mark: Mark::Done,
            subject,
            text: last.filter(|_| !self.ready).unwrap_or("ready".to_owned()),
            // One that was ready before took no time, and 0.0 s would be odd.
            time: Some(total).filter(|_| self.last.is_some()),
            tail: String::new(),
        }
    }
}

impl Closed {
    fn line(&self, subject: Subject) -> Line {
        Line {
            mark: if self.error.is_some() { Mark::Failed } else { Mark::Done },
            subject,
            text: self.name.clone(),
            time: Some(self.took),
            tail: self.error.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MachineName, Role};

    const WIDE: Size = Size { columns: 60, rows: 24 };

    /// A board, and a clock that a test moves.
    struct Scene {
        board: Board,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Self { board: Board::default(), now: Instant::now() }
        }

        fn say(&mut self, subject: Subject, kind: Kind) {
            self.board.apply(&Event { subject, kind }, self.now);
        }

        fn start(&mut self, subject: Subject, step: &str) {
            self.say(subject, Kind::Started { step: step.into() });
        }

        /// Time goes by, and the step is done.
        fn finish(&mut self, subject: Subject, step: &str, millis: u64) {
            let elapsed = self.pass(millis);
            let step = step.to_owned();
            self.say(subject, Kind::Finished { step, elapsed });
        }

        fn fail(&mut self, subject: Subject, step: &str, error: &str) {
            let (step, error) = (step.to_owned(), error.to_owned());
            let elapsed = Duration::from_secs(2);
            self.say(subject, Kind::Failed { step, error, elapsed });
        }

        fn pass(&mut self, millis: u64) -> Duration {
            let elapsed = Duration::from_millis(millis);
            self.now += elapsed;
            elapsed
        }

        fn live(&self, size: Size) -> String {
            let paint = Paint { colour: false };
            self.board.live(self.now, 0, size, paint).join("\n")
        }

        fn record(&self) -> String {
            self.board.record(60, Paint { colour: false }).join("\n")
        }
    }

    fn machine(role: Role, number: u16) -> Subject {
        Subject::Machine(MachineName::new(role, number))
    }

    #[test]
    fn machines_stand_in_name_order_with_the_cluster_below() {
        let mut scene = Scene::new();
        let [manager, first, second] =
            [machine(Role::Manager, 1), machine(Role::Worker, 1), machine(Role::Worker, 10)];
        scene.start(Subject::Cluster, "initialise swarm");
        for subject in [second, first, manager] {
            scene.start(subject, "boot");
        }
        scene.finish(manager, "boot", 1900);
        scene.say(manager, Kind::Ready);
        scene.finish(first, "boot", 0);
        let text = "Step 7/12: RUN apt-get install --yes systemd openssh-server".to_owned();
        scene.say(second, Kind::Detail { text });
        insta::assert_snapshot!(scene.live(WIDE), @r"
        ✓ manager-1  ready              1.9 s
        · worker-1   boot
        ⠋ worker-10  boot               1.9 s  Step 7/12: RUN apt-…
        ⠋ cluster    initialise swarm   1.9 s
        ");
        scene.finish(Subject::Cluster, "initialise swarm", 100);
        insta::assert_snapshot!(scene.live(WIDE), @r"
        ✓ manager-1  ready              1.9 s
        · worker-1   boot
        ⠋ worker-10  boot               2.0 s  Step 7/12: RUN apt-…
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut scene = Scene::new();
        let worker = machine(Role::Worker, 1);
        scene.start(worker, "wait until the engine answers over mutual TLS 準備完了");
        let text = "準備完了".repeat(30);
        scene.say(worker, Kind::Detail { text });
        scene.start(Subject::Cluster, &"long ".repeat(40));
        scene.pass(3000);
        for columns in 1..120 {
            let size = Size { columns, rows: 24 };
            for line in scene.live(size).lines() {
                // Below that not even the name fits.
                assert!(width(line) < columns.max(15), "{columns}: {line}");
            }
        }
    }

    #[test]
    fn low_terminal_shows_what_is_under_way() {
        let mut scene = Scene::new();
        for number in 1..=9 {
            scene.start(machine(Role::Worker, number), "boot");
        }
        for number in [1, 2, 3, 9] {
            scene.finish(machine(Role::Worker, number), "boot", 0);
            scene.say(machine(Role::Worker, number), Kind::Ready);
        }
        let low = |rows| Size { columns: 60, rows };
        insta::assert_snapshot!(scene.live(low(7)), @r"
        ⠋ worker-4   boot
        ⠋ worker-5   boot
        ⠋ worker-6   boot
        ⠋ worker-7   boot
        ⠋ worker-8   boot
          … 4 more
        ");
        for rows in 1..12 {
            let lines = scene.live(low(rows)).lines().count();
            assert!(lines <= rows.saturating_sub(1).max(1), "{rows}: {lines}");
        }
    }

    #[test]
    fn record_tells_how_each_machine_ended_and_what_took_long() {
        let mut scene = Scene::new();
        let workers = [1, 2, 3].map(|number| machine(Role::Worker, number));
        scene.start(Subject::Cluster, "build machine image");
        scene.finish(Subject::Cluster, "build machine image", 65_000);
        scene.start(Subject::Cluster, "create network");
        scene.finish(Subject::Cluster, "create network", 300);
        for worker in workers {
            scene.start(worker, "boot");
        }
        scene.finish(workers[0], "boot", 1900);
        scene.say(workers[0], Kind::Ready);
        scene.fail(
            workers[1],
            "boot",
            "exit status 1\n\u{1b}[31mmore than fits on this line, and then some",
        );
        // The machine is through, but it is not well.
        scene.say(workers[1], Kind::Ready);
        scene.say(Subject::Cluster, Kind::Ready);
        insta::assert_snapshot!(scene.record(), @r"
        ✓ cluster    build machine image  1 min 05 s
        ✓ worker-1   ready                     1.9 s
        ✗ worker-2   boot                      2.0 s  exit status…
        – worker-3   boot                             unfinished
        ");
    }

    #[test]
    fn new_attempt_takes_a_failure_back() {
        let mut scene = Scene::new();
        let worker = machine(Role::Worker, 1);
        scene.start(worker, "join swarm");
        scene.fail(worker, "join swarm", "timed out");
        assert!(scene.live(WIDE).starts_with("✗ worker-1   join swarm"));
        scene.start(worker, "join swarm");
        assert!(scene.live(WIDE).starts_with("⠋ worker-1   join swarm"));
        scene.finish(worker, "join swarm", 400);
        scene.say(worker, Kind::Ready);
        assert_eq!(scene.record(), "✓ worker-1   ready   0.4 s");
    }

    #[test]
    fn steps_within_steps_show_the_inner_one_and_then_the_outer() {
        let mut scene = Scene::new();
        let worker = machine(Role::Worker, 1);
        scene.start(worker, "provision");
        scene.start(worker, "start Docker");
        assert_eq!(scene.live(WIDE), "⠋ worker-1   start Docker");
        scene.finish(worker, "start Docker", 100);
        assert_eq!(scene.live(WIDE), "⠋ worker-1   provision");
    }

    #[test]
    fn machine_that_was_ready_before_shows_no_time() {
        let mut scene = Scene::new();
        scene.say(machine(Role::Manager, 1), Kind::Ready);
        assert_eq!(scene.record(), "✓ manager-1  ready");
    }

    #[test]
    fn cluster_alone_tells_its_last_step() {
        let mut scene = Scene::new();
        scene.start(Subject::Cluster, "load image");
        scene.finish(Subject::Cluster, "load image", 300);
        assert_eq!(scene.record(), "✓ cluster    load image   0.3 s");
    }

    #[test]
    fn colour_is_there_only_when_asked_for() {
        let mut scene = Scene::new();
        scene.say(machine(Role::Manager, 1), Kind::Ready);
        assert!(!scene.record().contains('\u{1b}'));
        let coloured = scene.board.record(60, Paint { colour: true });
        assert_eq!(coloured, ["\u{1b}[32m✓\u{1b}[0m manager-1  ready"]);
    }
}
