//! Moments of a lesson, as a learner may see them.

use std::time::Duration;

use clusterdojo::model::Language;
use clusterdojo::report::screen::{
    Choice, Happening, Health, Line, Machine, Panel, Prediction, Sign, Tile, Truth, View,
};

fn line(sign: Sign, words: &str, seen: &str) -> Line {
    let seen = (!seen.is_empty()).then(|| seen.to_owned());
    Line { sign, words: words.to_owned(), seen, depth: 0 }
}

fn happening(at: &str, place: &str, words: &str) -> Happening {
    Happening { at: at.to_owned(), place: place.to_owned(), words: words.to_owned() }
}

fn machine(name: &str, health: Health, tiles: &[(&str, Health)]) -> Machine {
    let tile =
        |(label, health): &(&str, Health)| Tile { label: (*label).to_owned(), health: *health };
    Machine { name: name.to_owned(), health, tiles: tiles.iter().map(tile).collect() }
}

const WORDS: [&str; 4] = [
    "a health check took longer than 3 s",
    "swarm replaced that replica",
    "both replicas are healthy again",
    "no request was lost",
];

/// A step has begun.
pub fn started() -> View {
    let conditions = [Sign::NotYet, Sign::Waiting, Sign::Waiting, Sign::Passed].iter().zip(WORDS);
    View {
        lesson: "swarm/healthcheck".to_owned(),
        title: "Ill, and replaced".to_owned(),
        step: 3,
        of: 4,
        step_title: "Too slow".to_owned(),
        goal: "Make one of the two replicas answer `/health` after 5 seconds. Touch nothing else."
            .to_owned(),
        conditions: conditions.map(|(sign, words)| line(*sign, words, "")).collect(),
        machines: vec![
            machine("manager-1", Health::Good, &[]),
            machine("worker-1", Health::Good, &[("web.2", Health::Good)]),
            machine("worker-2", Health::Good, &[("web.1", Health::Good)]),
        ],
        hints: (0, 4),
        ..View::default()
    }
}

/// Half of it is met.
pub fn met_by_half() -> View {
    let mut view = started();
    view.conditions = vec![
        line(Sign::Passed, WORDS[0], "worker-1, 14:02:09, exit -1 after 3.0 s"),
        line(Sign::Unmet, WORDS[1], "its task is still running (8 s)"),
        line(Sign::Waiting, WORDS[2], ""),
        line(Sign::Passed, WORDS[3], "412 served, 0 dropped"),
    ];
    view.look = Some("docker service ps --no-trunc lab_web".to_owned());
    view.patience_left = Some(Duration::from_secs(52));
    view.prediction = Some(Prediction { said: "replaced".to_owned(), truth: None });
    view.happenings = vec![
        happening("14:02:04", "", "you: GET /health?health=sick&delay=5000"),
        happening("14:02:09", "worker-1", "lab_web.2 unhealthy"),
    ];
    view.machines[1] = machine("worker-1", Health::Good, &[("web.2", Health::Bad)]);
    view.hints = (2, 4);
    view
}

/// All of it is met.
pub fn passed() -> View {
    let mut view = met_by_half();
    for line in &mut view.conditions {
        line.sign = Sign::Passed;
    }
    view.conditions[1].seen = Some("web.2 failed at 14:02:41, its successor runs".to_owned());
    view.conditions[2].seen = Some("since 14:02:50".to_owned());
    view.look = None;
    view.patience_left = None;
    let truth = Truth { words: "replaced".to_owned(), right: true };
    view.prediction = Some(Prediction { said: "replaced".to_owned(), truth: Some(truth) });
    view.happenings.push(happening(
        "14:02:41",
        "worker-1",
        "lab_web.2 failed: unhealthy container",
    ));
    view.happenings.push(happening("14:02:50", "worker-2", "lab_web.2 healthy"));
    view.machines[1] = machine("worker-1", Health::Good, &[("web.2", Health::Off)]);
    let both = [("web.1", Health::Good), ("web.2", Health::Good)];
    view.machines[2] = machine("worker-2", Health::Good, &both);
    view.can_next = true;
    view
}

/// A part of it can never be met.
pub fn lost() -> View {
    let mut view = met_by_half();
    view.conditions[3] = line(Sign::Lost, WORDS[3], "408 served, 4 dropped");
    view.patience_left = None;
    let truth = Truth { words: "restarted".to_owned(), right: false };
    view.prediction = Some(Prediction { said: "replaced".to_owned(), truth: Some(truth) });
    view
}

/// A machine does not answer.
pub fn cannot_tell() -> View {
    let mut view = met_by_half();
    let why = "worker-1 has not answered for 20 s: connection refused";
    view.conditions[1] = line(Sign::CannotTell, WORDS[1], why);
    view.machines[1] = machine("worker-1", Health::Unknown, &[("web.2", Health::Unknown)]);
    view.notice = Some("Checked at 14:02:30.".to_owned());
    view
}

/// A hint is shown.
pub fn hinted() -> View {
    let text = "Swarm kills a container only when its health check has failed `retries` times in a row.\n\n\
                - How often does it look? See `--health-interval`.\n\
                - How long does it wait? See `--health-timeout`.\n\n\
                ```sh\n\
                docker service inspect --format '{{json .Spec}}' lab_web\n\
                ```\n";
    let panel =
        Panel { title: "Hint 2 of 4".to_owned(), text: text.to_owned(), ..Panel::default() };
    View { panel: Some(panel), ..met_by_half() }
}

/// A question is asked.
pub fn asked() -> View {
    let choice = |words: &str| Choice { words: words.to_owned(), chosen: None };
    let panel = Panel {
        title: "Before you do it".to_owned(),
        text: "The container becomes ill. What will Swarm do?".to_owned(),
        choices: vec![
            choice("It starts the same container again."),
            choice("It replaces the container by another one, perhaps on another machine."),
            choice("Nothing."),
        ],
        first: 0,
    };
    View { panel: Some(panel), ..started() }
}

/// All lessons.
pub fn listed() -> View {
    let choice = |at| Choice { words: format!("swarm/lesson-{at}  Lesson"), chosen: None };
    let panel = Panel {
        title: "Lessons".to_owned(),
        choices: (1..=30).map(choice).collect(),
        ..Panel::default()
    };
    View { panel: Some(panel), ..started() }
}

/// There are more machines than rows.
pub fn many_machines() -> View {
    let mut view = met_by_half();
    view.machines = (1..=19)
        .map(|at| {
            let web = format!("web.{at}");
            let health = if at == 17 { Health::Bad } else { Health::Good };
            let tiles = [(web.as_str(), health), ("api.1", Health::Good), ("db.1", Health::Off)];
            machine(&format!("worker-{at}"), Health::Good, &tiles[..=at % 3])
        })
        .collect();
    view.machines[11] = machine("worker-12", Health::Off, &[]);
    view.machines[12] = machine("worker-13", Health::Changing, &[("web.13", Health::Changing)]);
    view
}

/// The same to a Korean learner.
pub fn in_korean(mut view: View) -> View {
    view.language = Language::Ko;
    view.title = String::from("아픈 컨테이너는 교체된다");
    view.step_title = String::from("너무 느린 응답");
    view.goal = String::from(
        "replica 두 개 중 하나가 `/health`에 5초 뒤에 응답하게 만드세요. 다른 것은 건드리지 마세요.",
    );
    let words = [
        "health check가 3초보다 오래 걸렸다",
        "Swarm이 그 replica를 교체했다",
        "두 replica가 다시 정상이다",
        "잃어버린 요청이 없다",
    ];
    let seen = [
        "worker-1, 14:02:09, 3.0초 뒤 exit -1",
        "task가 아직 실행 중 (8초)",
        "",
        "412개 응답, 0개 손실",
    ];
    for (at, line) in view.conditions.iter_mut().enumerate() {
        line.words = String::from(words[at]);
        line.seen = line.seen.is_some().then(|| seen[at].to_owned());
    }
    if let Some(prediction) = &mut view.prediction {
        prediction.said = String::from("교체된다");
    }
    if let Some(panel) = &mut view.panel {
        panel.title = String::from("힌트 2/4");
        panel.text = String::from(
            "Swarm은 health check가 `retries`번 연속으로 실패해야 컨테이너를 죽입니다.\n\n\
                      - 얼마나 자주 보나요? `--health-interval`을 보세요.",
        );
    }
    for happening in &mut view.happenings {
        happening.words = happening.words.replace("unhealthy", "비정상").replace("you:", "나:");
    }
    view
}
