//! The evidence tells a check from one that is not as careful: without one of its conditions, without a field of one, in any order
//! instead of one after the other, or with what was before the step.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use clusterdojo::lesson::{Evidence, Lesson, Outcome, Reason, Step, built_in, judge};
use serde_json::{Value, json};

use super::{evidence, file_of, files_below, folder, lessons};

type Told = (Outcome, Option<Reason>);

/// The files of a built-in lesson, by their paths in its folder.
fn files(lesson: &str) -> BTreeMap<String, String> {
    let root = lessons().join(lesson);
    let read = |name: String| (name.clone(), fs::read_to_string(root.join(name)).unwrap());
    files_below(&root).into_iter().map(read).collect()
}

/// The front matter of a lesson, and what follows it.
fn split(files: &BTreeMap<String, String>) -> (&str, &str) {
    files["lesson.md"].strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap()
}

/// A lesson whose front matter is somewhat otherwise; none, if it is refused so.
fn changed(files: &BTreeMap<String, String>, front: &Value) -> Option<Lesson> {
    // JSON is YAML.
    let text = format!("---\n{front}\n---\n{}", split(files).1);
    let mut files = files.clone();
    files.insert("lesson.md".to_owned(), text);
    Lesson::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).ok()
}

fn front(files: &BTreeMap<String, String>) -> Value {
    serde_saphyr::from_str(split(files).0).unwrap()
}

/// A check with one thing less, in each way, and what that is.
fn mutants(check: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let Some((name, inner)) = check.as_object().and_then(|map| map.iter().next()) else {
        return all;
    };
    match (name.as_str(), inner) {
        ("all" | "any" | "then", Value::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let mut fewer = parts.clone();
                fewer.remove(index);
                if !fewer.is_empty() {
                    let condition = part.as_object().and_then(|map| map.keys().next());
                    let what = format!("without {}", condition.map_or("", String::as_str));
                    all.push((what, json!({ name: fewer })));
                }
                for (what, part) in mutants(part) {
                    let mut other = parts.clone();
                    other[index] = part;
                    all.push((what, json!({ name: other })));
                }
            }
            if name == "then" {
                all.push(("in any order".to_owned(), json!({ "all": parts })));
            }
        }
        ("never" | "hold", _) => {
            // `hold` has its condition inside.
            let of = inner.get("of").filter(|_| name == "hold");
            for (what, part) in mutants(of.unwrap_or(inner)) {
                let other = match of {
                    Some(_) => json!({ "hold": { "for": inner["for"], "of": part } }),
                    None => json!({ "never": part }),
                };
                all.push((what, other));
            }
            if let Some(of) = of {
                all.push(("for a moment".to_owned(), of.clone()));
            }
        }
        (_, Value::Object(fields)) => {
            for key in fields.keys() {
                let mut fewer = fields.clone();
                fewer.remove(key);
                all.push((format!("{name} without {key}"), json!({ name: fewer })));
            }
        }
        _ => {}
    }
    all
}

/// What is recorded of a step.
fn recorded(lesson: &Lesson, step: &Step) -> Vec<Evidence> {
    let number = |word: &'static str, count| (1..=count).map(move |it| format!("{word}-{it}"));
    let cases = ["red".to_owned(), "green".to_owned()].into_iter();
    let cases =
        cases.chain(number("also", step.also.len())).chain(number("wrong", step.wrong.len()));
    let there =
        cases.map(|case| file_of(lesson, step, &case)).filter(|it| folder().join(it).exists());
    there.map(|name| evidence(&name)).collect()
}

fn told(step: &Step, recorded: &[Evidence]) -> Vec<Told> {
    let judged = recorded.iter().map(|evidence| judge(step, evidence));
    judged.map(|verdict| (verdict.verdict, verdict.reason)).collect()
}

/// Whether it is a field of a condition that was left out.
fn is_field(what: &str) -> bool {
    what.contains(" without ")
}

/// What no recorded evidence tells apart from the right check yet.
const NOT_TRIED: [&str; 2] = ["for a moment", "without k8s.nodes"];

#[test]
fn a_check_that_is_less_careful_is_found_out() {
    // By what was left out. Not each one matters in each step.
    let (mut caught, mut missed) = (BTreeSet::new(), BTreeSet::new());
    let mut idle = Vec::new();
    for lesson in built_in() {
        let files = files(&lesson.id);
        let front = front(&files);
        for (number, step) in lesson.steps.iter().enumerate() {
            let recorded = recorded(&lesson, step);
            let right = told(step, &recorded);
            let (mut has_parts, mut matters) = (false, false);
            let all = mutants(&front["steps"][number]["check"]);
            for (what, check) in all {
                let mut front = front.clone();
                front["steps"][number]["check"] = check;
                let Some(other) = changed(&files, &front) else { continue };
                let is_caught = told(&other.steps[number], &recorded) != right;
                has_parts |= !is_field(&what);
                matters |= is_caught;
                if is_caught { &mut caught } else { &mut missed }.insert(what);
            }
            if has_parts && !matters {
                idle.push(format!("{} {}", lesson.id, step.id));
            }
        }
    }
    let (fields, others): (Vec<_>, Vec<_>) =
        missed.difference(&caught).partition(|what| is_field(what));
    assert_eq!(others, NOT_TRIED, "no evidence needs these, and no others");
    assert!(caught.len() > fields.len(), "caught: {caught:#?}, not: {fields:#?}");
    assert_eq!(idle, [""; 0], "no part of these checks matters");
}

#[test]
fn what_was_before_the_step_does_not_count() {
    let mut caught = Vec::new();
    for lesson in built_in() {
        for step in &lesson.steps {
            for evidence in recorded(&lesson, step) {
                let right = told(step, std::slice::from_ref(&evidence));
                let mut other = evidence.clone();
                // As if all that came had been there when the step began.
                let Some(last) = evidence.seen.last() else { continue };
                (other.since.facts, other.since.looks) = (last.facts.clone(), last.looks.clone());
                if told(step, &[other]) != right {
                    caught.push(step.id.as_str().to_owned());
                }
            }
        }
    }
    assert!(caught.len() > 5, "{caught:?}");
}
