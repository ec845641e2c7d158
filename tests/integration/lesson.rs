//! Lessons: those that are built in, the format with its refusals, and what the judge says of evidence.

mod engines;
mod families;
mod looks;
mod mutants;
mod objects;
mod refusals;
mod stacks;

use std::collections::BTreeSet;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};

use clusterdojo::lesson::{
    Answer, Evidence, Lesson, Outcome, Reason, Step, Verdict, built_in, judge, lint, sentence,
};
use clusterdojo::model::Language;
use clusterdojo::observe::Facts;
use jiff::Timestamp;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/lesson")
}

/// Where lessons are written.
fn lessons() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/lessons")
}

/// The paths of all files in a folder, from there on.
fn files_below(root: &Path) -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    files
}

fn file_of(lesson: &Lesson, step: &Step, case: &str) -> String {
    format!("{}.{}.{case}.json", lesson.id.replace('/', "-"), step.id)
}

fn evidence(name: &str) -> Evidence {
    let text = fs::read_to_string(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The names of all evidence that is recorded.
pub fn recordings() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name());
    let names = files.filter_map(|file| Some(file.to_str()?.strip_suffix(".json")?.to_owned()));
    names.collect()
}

/// A cluster as it was at each moment of a proof, whose evidence has this name.
pub fn recorded(name: &str) -> Vec<(Facts, Timestamp)> {
    let Evidence { since, seen, .. } = evidence(&format!("{name}.json"));
    let begin = (since.facts, since.at);
    iter::once(begin).chain(seen.into_iter().map(|sample| (sample.facts, sample.at))).collect()
}

fn replicas() -> Lesson {
    built_in().into_iter().find(|lesson| lesson.id == "swarm/replicas").unwrap()
}

#[test]
fn built_in_lessons_lack_nothing() {
    let lessons = built_in();
    let ids: Vec<_> = lessons.iter().map(|lesson| lesson.id.as_str()).collect();
    assert_eq!(ids[0], "engine/machines", "scripts/run names the first one: {ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for lesson in &lessons {
        let flaws: Vec<_> = lint(lesson).iter().map(ToString::to_string).collect();
        assert_eq!(flaws, [""; 0], "{}", lesson.id);
    }
}

#[test]
fn every_file_of_a_built_in_lesson_is_built_in() {
    let source = fs::read_to_string("src/lesson/built_in.rs").unwrap();
    for inside in files_below(&lessons()) {
        let mut words = inside.splitn(3, '/');
        let name = format!("{}/{}", words.next().unwrap(), words.next().unwrap());
        let file = words.next().unwrap();
        let line = source.lines().find(|line| line.contains(&format!("{name:?}")));
        assert!(line.is_some_and(|it| it.contains(&format!("{file:?}"))), "{inside}");
    }
}

#[test]
fn parameters_are_filled_in_and_those_that_dojo_gives_later() {
    let mut lesson = replicas();
    let command = |lesson: &Lesson| lesson.step("kill").unwrap().solve[1].clone();
    assert!(command(&lesson).contains("{{cluster}}/$node -- "), "{}", command(&lesson));
    assert!(command(&lesson).contains("name=lab_web"), "{}", command(&lesson));
    assert!(lesson.step("kill").unwrap().solve[0].contains("'{{.Node}}'"));
    assert!(lesson.files["stack.yaml"].contains("\n  web:\n"));
    lesson.fill(&[("cluster".to_owned(), "practice".to_owned())].into());
    assert!(command(&lesson).starts_with("dojo ssh practice/$node"), "{}", command(&lesson));
    let text = &lesson.texts[&Language::Ko].steps["kill"];
    assert!(text.hints[0].text.contains("dojo ssh practice/NODE"), "{}", text.hints[0].text);
}

/// Red, wrong and green of every step.
#[test]
fn the_steps_of_built_in_lessons_are_judged_right() {
    let (mut used, mut incomplete) = (BTreeSet::new(), Vec::new());
    for lesson in &built_in() {
        for step in &lesson.steps {
            let mut told = |case: &str| -> Verdict {
                let name = file_of(lesson, step, case);
                let verdict = judge(step, &evidence(&name));
                used.insert(name);
                verdict
            };
            let red = told("red");
            assert_eq!(red.verdict, Outcome::NotYet, "{} {}: {red:#?}", lesson.id, step.id);
            for (number, wrong) in (1..).zip(&step.wrong) {
                let verdict = told(&format!("wrong-{number}"));
                let at = format!("{} {} wrong-{number}: {verdict:#?}", lesson.id, step.id);
                assert_ne!(verdict.verdict, Outcome::Passed, "{at}");
                assert_eq!(verdict.reason, Some(wrong.reason), "{at}");
                let deciding = verdict.told.deciding();
                assert_eq!(deciding.reason, Some(wrong.reason), "{at}");
                for language in Language::ALL {
                    let said = sentence(deciding, language).unwrap();
                    if said.contains('–') {
                        incomplete
                            .push(format!("{} {} wrong-{number}: {said}", lesson.id, step.id));
                    }
                }
            }
            let others = (1..=step.also.len()).map(|number| format!("also-{number}"));
            // Of some lessons, nobody has recorded these.
            let recorded =
                others.filter(|case| folder().join(file_of(lesson, step, case)).exists());
            for case in recorded.chain(["green".to_owned()]) {
                let verdict = told(&case);
                let at = format!("{} {} {case}: {verdict:#?}", lesson.id, step.id);
                assert_eq!((verdict.verdict, verdict.reason), (Outcome::Passed, None), "{at}");
            }
        }
    }
    assert_eq!(incomplete, [""; 0], "a sentence lacks what was seen");
    let there: BTreeSet<_> = recordings().iter().map(|name| format!("{name}.json")).collect();
    let stray: Vec<_> = there.symmetric_difference(&used).collect();
    assert_eq!(stray, [""; 0], "evidence of no step, or missing");
}

#[test]
fn what_a_learner_expected_is_kept_beside_the_verdict() {
    let lessons = built_in();
    let judged = |lesson: &str, step: &str| {
        let lesson = lessons.iter().find(|it| it.id == lesson).unwrap();
        let step = lesson.step(step).unwrap();
        judge(step, &evidence(&file_of(lesson, step, "green"))).prediction
    };
    assert!(judged("swarm/replicas", "kill").unwrap().right);
    let wrong = judged("swarm/zero-downtime", "update").unwrap();
    assert_eq!((wrong.right, wrong.said), (false, vec!["one".to_owned()]));
    // In another order.
    let lesson = lessons.iter().find(|it| it.id == "kubernetes/liveness").unwrap();
    let step = lesson.step("make-it-ill").unwrap();
    let mut seen = evidence(&file_of(lesson, step, "green"));
    let said = ["restart-count", "start-time"].map(str::to_owned).to_vec();
    let ask = step.predict.as_ref().unwrap().ask.clone();
    seen.answers.insert(ask, Answer { at: seen.since.at, said });
    assert!(judge(step, &seen).prediction.unwrap().right);
    assert_eq!(judged("swarm/zero-downtime", "bad-release"), None);
}

#[test]
fn a_verdict_is_json_without_sentences() {
    let lesson = replicas();
    let step = lesson.step("kill").unwrap();
    let verdict = judge(step, &evidence(&file_of(&lesson, step, "wrong-1")));
    let said = serde_json::to_value(&verdict).unwrap();
    assert_eq!(
        (&said["verdict"], &said["reason"]),
        (&"not-yet".into(), &"replaced-by-update".into())
    );
    let [first, second] = &said["told"]["parts"].as_array().unwrap()[..] else { panic!("{said}") };
    assert_eq!(first["condition"], "swarm.replaced");
    assert_eq!(first["look"], "docker service ps --no-trunc lab_web");
    assert_eq!(first["since"], "2026-03-09T14:00:20Z");
    assert_eq!(first["wanted"]["because"], "killed");
    assert_eq!(second["reason"], "waits");
    let korean = sentence(verdict.told.deciding(), Language::Ko).unwrap();
    assert!(korean.contains("업데이트되어 교체되었습니다"), "{korean}");
}

#[test]
fn evidence_reads_back_as_written_and_of_another_step_it_tells_nothing() {
    let lesson = replicas();
    let step = lesson.step("kill").unwrap();
    let mut evidence = evidence(&file_of(&lesson, step, "green"));
    let text = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    evidence.step = "scale".to_owned();
    let verdict = judge(step, &evidence);
    assert_eq!((verdict.verdict, verdict.reason), (Outcome::CannotTell, Some(Reason::OtherStep)));
}
