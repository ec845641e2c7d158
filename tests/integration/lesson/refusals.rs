//! What is refused, and what lint finds.

use clusterdojo::lesson::{Lesson, lint};
use clusterdojo::model::Language;

const FRONT: &str = r#"---
id: swarm/small
title: { en: Small, ko: 작은 }
cluster: { orchestrator: swarm, managers: 1, workers: 2 }
minutes: 5
params: { app: web }
steps:
  - id: one
    predict: { ask: what, options: [this, that], truth: that }
    check: { swarm.service: { name: "{{app}}", running: 2 } }
    patience: 2.5s
    solve: ["docker stack deploy -c stack.yaml lab"]
    also: [["docker service create --name web dojo/lab:1"]]
    wrong:
      - { do: ["docker service scale web=1"], reason: too-few }
"#;
const TEXT: &str = "Hello.\n\n# one\n## goal\nDo it.\n## why\nSo.\n## ask\nWhat?\n- this: This.\n\
                    - that: That.\n## hint 1\nLook.\n## hint 2 when: too-few\nMore.\n";

fn english() -> String {
    format!("{FRONT}---\n{TEXT}")
}

const STACK: &str = "services:\n  web:\n    image: dojo/lab:1\n";

fn read(english: &str, korean: &str) -> Result<Lesson, String> {
    let files = [("lesson.md", english), ("lesson.ko.md", korean), ("files/stack.yaml", STACK)];
    Lesson::read(files).map_err(|error| error.to_string())
}

#[test]
fn a_small_lesson_is_read() {
    let lesson = read(&english(), TEXT).unwrap();
    assert_eq!(lint(&lesson).iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(lesson.steps[0].patience.0.as_millis(), 2500);
    assert_eq!((lesson.cluster.leading, lesson.cluster.workers), (1, 2));
}

#[test]
fn a_lesson_from_another_system_is_the_same() {
    let other = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(read(&other(&english()), &other(TEXT)).unwrap(), read(&english(), TEXT).unwrap());
}

#[test]
fn what_undoes_a_lesson_is_filled_in_and_on_machines_that_there_are() {
    let with = |on: &str| {
        let undo = format!("undo:\n  - {{ on: {on}, run: \"rm -f /etc/{{{{app}}}}\" }}\n");
        read(&format!("{FRONT}{undo}---\n{TEXT}"), TEXT)
    };
    let lesson = with("worker-2").unwrap();
    assert_eq!(lesson.undo[0].on.to_string(), "worker-2");
    assert_eq!(lesson.undo[0].run, "rm -f /etc/web");
    for (on, words) in [("worker-3", "no machine `worker-3`"), ("any", "any")] {
        let error = with(on).unwrap_err();
        assert!(error.starts_with("lesson.md:17:5:") && error.contains(words), "{error}");
    }
}

#[test]
fn wrong_lessons_are_refused_where_they_are_wrong() {
    // What is there, what is put in its place, where that is refused, and words of the refusal.
    let table: &[(&str, &str, &str, &[&str])] = &[
        ("minutes: 5", "minuets: 5", "lesson.md:5:1:", &["minuets", "minutes"]),
        ("minutes: 5\n", "", "lesson.md:", &["minutes"]),
        (
            "minutes: 5\n",
            "minutes: 5\nminutes: 6\n",
            "lesson.md:6:1: duplicate mapping key",
            &["minutes"],
        ),
        ("minutes: 5", "minutes: five", "lesson.md:5:10:", &["whole number"]),
        ("minutes: 5", "minutes: 0", "lesson.md:5:10:", &["1 to 240"]),
        ("minutes: 5", "minutes: 5\nminutes: 6", "lesson.md:6:1:", &["minutes"]),
        ("id: swarm/small", "id: small", "lesson.md:2:5:", &["small", "swarm/replicas"]),
        ("en: Small", "fr: Petit", "lesson.md:3:", &["fr", "en"]),
        ("orchestrator: swarm", "orchestrator: nomad", "lesson.md:4:", &["nomad", "kubernetes"]),
        ("managers: 1", "control-planes: 1", "lesson.md:4:10:", &["control-planes", "managers"]),
        ("managers: 1, ", "", "lesson.md:4:10:", &["managers"]),
        ("app: web", "app: \"a b\"", "lesson.md:6:", &["a b", "letters"]),
        ("app: web", "cluster: web", "lesson.md:6:", &["given by dojo"]),
        ("  - id: one", "  - id: One", "lesson.md:8:9:", &["One", "lower-case"]),
        ("truth: that", "truth: those", "lesson.md:9:14:", &["those", "this, that"]),
        ("options: [this, that]", "options: [that]", "lesson.md:9:14:", &["two options"]),
        ("swarm.service", "swarm.servant", "lesson.md:10:", &["swarm.servant", "swarm.service"]),
        ("running: 2", "runing: 2", "lesson.md:10:", &["runing", "running"]),
        ("running: 2", "running: many", "lesson.md:10:", &["many", ">=2"]),
        ("name: \"{{app}}\", ", "", "lesson.md:10:", &["name"]),
        ("{{app}}", "{{ap}}", "lesson.md:10:38:", &["`ap`", "app, cluster"]),
        ("{ swarm.service", "{ all: [] } #", "lesson.md:10:", &["no condition"]),
        ("patience: 2.5s", "patience: 2.5", "lesson.md:11:15:", &["2.5s"]),
        ("reason: too-few", "reason: to-few", "lesson.md:15:", &["to-few", "too-few"]),
        ("---\nHello", "Hello", "lesson.md:1:1:", &["front matter"]),
        ("# one\n", "# two\n", "lesson.md:19:3:", &["`two`", "one"]),
        ("## goal", "## aim", "lesson.md:20:4:", &["aim", "goal"]),
        ("## why\nSo.", "## goal\nSo.", "lesson.md:22:4:", &["goal", "twice"]),
        ("## why\nSo.", "## why", "lesson.md:22:1:", &["nothing below"]),
        ("# one\n", "# one\nNow.\n", "lesson.md:20:1:", &["before the first"]),
        ("## hint 2 when: too-few", "## hint 3", "lesson.md:30:4:", &["hint 2"]),
        ("when: too-few", "when: few", "lesson.md:30:4:", &["few", "too-few"]),
        ("- that: That.", "- those: Those.", "lesson.md:24:4:", &["this, those", "this, that"]),
        ("- that: That.", "- that", "lesson.md:27:3:", &["- OPTION: words"]),
        ("# one\n", "#one\n", "lesson.md:19:1:", &["# STEP"]),
    ];
    assert!(table.len() >= 15);
    let mut other = Vec::new();
    for (from, to, place, words) in table {
        let text = english().replacen(from, to, 1);
        assert_ne!(text, english(), "{from}");
        let refused = read(&text, TEXT).err().unwrap_or_else(|| "it was read".to_owned());
        if !refused.starts_with(place) || !words.iter().all(|word| refused.contains(word)) {
            other.push(format!("{from} -> {to}: {refused}"));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

#[test]
fn the_other_language_and_files_are_looked_at_too() {
    let korean = TEXT.replace("# one", "# two");
    let refused = read(&english(), &korean).unwrap_err();
    assert!(refused.starts_with("lesson.ko.md:3:3: unknown step `two`"), "{refused}");
    let english = english();
    let stray = [("lesson.md", english.as_str()), ("notes.md", "")];
    let refused = Lesson::read(stray).unwrap_err().to_string();
    assert!(refused.starts_with("notes.md: unknown file"), "{refused}");
    let stray = [("lesson.md", english.as_str()), ("files/a.yaml", "a: {{b}}\n")];
    let refused = Lesson::read(stray).unwrap_err().to_string();
    assert!(refused.starts_with("files/a.yaml:1:4: unknown parameter `b`"), "{refused}");
    let refused = Lesson::read([("lesson.ko.md", "")]).unwrap_err().to_string();
    assert!(refused.starts_with("lesson.md: it is missing"), "{refused}");
}

#[test]
fn what_scripts_say_is_in_the_language_of_the_text() {
    let check = "swarm.service: { name: \"{{app}}\", running: 2 }";
    let script = r#"script: { on: manager-1, run: 'f={{app}}; [ -e $f ] || { echo "no $f yet"; exit 10; }' }"#;
    let text = english().replacen(check, script, 1);
    assert_ne!(text, english());
    let flaws = |korean: &str| {
        let flaws = lint(&read(&text, korean).unwrap());
        let of_sayings = |flaw: &String| flaw.starts_with("lesson.ko.md:3: no ");
        flaws.iter().map(ToString::to_string).filter(of_sayings).collect::<Vec<_>>()
    };
    assert_eq!(flaws(TEXT), ["lesson.ko.md:3: no `- no * yet = …` below `## says`"]);
    let korean = format!("{TEXT}## says\n- no * yet = 아직 *이 없습니다\n");
    assert_eq!(flaws(&korean), [""; 0]);
    let more = format!("{korean}- gone = 사라졌습니다\n");
    assert_eq!(flaws(&more), ["lesson.ko.md:3: no script says `gone`"]);
    let says = &read(&text, &korean).unwrap().texts[&Language::Ko].steps["one"].says;
    assert_eq!(says[0].of("no web yet").as_deref(), Some("아직 web이 없습니다"));
}

#[test]
fn lint_finds_what_a_lesson_lacks() {
    let hints = "## hint 2 when: too-few\nMore.\n";
    let table: &[(&str, &str, &str)] = &[
        (
            "    solve: [\"docker stack deploy -c stack.yaml lab\"]\n",
            "",
            "lesson.md:8: step `one` has no `solve`",
        ),
        ("    also: [[\"docker service create --name web dojo/lab:1\"]]\n", "", "has no `also`"),
        (
            "reason: too-few",
            "reason: another-pod",
            "lesson.md:15: the check of `one` never says `another-pod`",
        ),
        (
            "docker service scale web=1",
            "kubectl set image deployment/web web=nginx:1",
            "lesson.md:8: image `nginx:1`",
        ),
        ("dojo/lab:1\"]]", "nginx:1\"]]", "lesson.md:8: `docker service create"),
        ("-c stack.yaml", "-c other.yaml", "lesson.md:8: there is no `files/other.yaml`"),
        ("-c stack.yaml", "-c other.yaml", "files/stack.yaml:1: no command names it"),
        ("running: 2 }", "image: nginx }", "lesson.md:8: image `nginx`"),
        (
            "swarm.service: { name: \"{{app}}\", running: 2 }",
            "k8s.pods: { pods: web, ready: 2 }",
            "`k8s.pods` cannot be told",
        ),
        ("en: Small, ", "", "lesson.md:1: no title for `lesson.md`"),
        ("## goal\nDo it.\n", "", "lesson.md:19: step `one` has no `## goal`"),
        ("## why\nSo.\n", "", "lesson.md:19: step `one` has no `## why`"),
        (hints, "", "lesson.md:19: step `one` has 1 hints"),
        (hints, "", "lesson.ko.md:3: step `one` has other headings"),
        ("when: too-few", "when: another-pod", "lesson.md:30: the check of `one` never says"),
        ("Hello.", "", "lesson.md:1: no introduction"),
    ];
    for (from, to, wanted) in table {
        let text = english().replacen(from, to, 1);
        assert_ne!(text, english(), "{from}");
        let lesson = read(&text, TEXT).unwrap_or_else(|error| panic!("{from}: {error}"));
        let flaws: Vec<_> = lint(&lesson).iter().map(ToString::to_string).collect();
        assert!(flaws.iter().any(|flaw| flaw.contains(wanted)), "{from} -> {to}: {flaws:#?}");
    }
    let files = [("lesson.md", english())];
    let lesson = Lesson::read(files.iter().map(|(name, text)| (*name, text.as_str()))).unwrap();
    let flaws: Vec<_> = lint(&lesson).iter().map(ToString::to_string).collect();
    assert!(flaws.contains(&"lesson.ko.md:1: it is missing".to_owned()), "{flaws:#?}");
}
