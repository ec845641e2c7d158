//! The floors of `docs/architecture.md`: which module may use which.

mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module with the modules that it may use.
const FLOORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("pace", &[]),
    ("retry", &["pace"]),
    ("failpoint", &[]),
    ("durable", &["pace"]),
    ("tls", &[]),
    ("marked", &[]),
    ("yaml", &[]),
    ("event", &["model"]),
    (
        "driver",
        &["model", "pace", "retry", "durable", "tls", "event", "failpoint", "marked", "yaml"],
    ),
    ("remote", &["model", "pace", "retry", "durable", "tls", "driver", "marked"]),
    ("pki", &["model", "durable"]),
    ("bundle", &["model", "durable"]),
    ("context", &["model", "durable", "failpoint"]),
    ("report", &["model", "event", "durable"]),
    ("provision", &["model", "event", "driver", "remote", "bundle", "pki", "durable", "failpoint"]),
    ("bootstrap", &["model", "event", "remote", "provision", "driver"]),
    (
        "kind",
        &[
            "model",
            "pace",
            "retry",
            "durable",
            "failpoint",
            "event",
            "driver",
            "pki",
            "bundle",
            "remote",
            "provision",
            "bootstrap",
        ],
    ),
    ("fault", &["model", "driver", "remote", "kind"]),
    ("snapshot", &["model", "driver", "remote", "kind"]),
    ("spec", &["model", "durable", "yaml", "driver", "kind"]),
    ("import", &["model", "durable", "driver"]),
    ("plan", &["model", "spec"]),
    ("store", &["model", "pace", "spec", "durable"]),
    ("observe", &["model", "pace", "event", "driver", "remote", "kind", "store"]),
    ("alarm", &["model", "remote", "observe"]),
    ("lesson", &["model", "yaml", "remote", "kind", "observe", "fault"]),
    (
        "workflow",
        &[
            "model",
            "pace",
            "event",
            "driver",
            "remote",
            "pki",
            "bundle",
            "context",
            "spec",
            "plan",
            "store",
            "provision",
            "bootstrap",
            "kind",
            "observe",
            "fault",
            "snapshot",
            "durable",
            "failpoint",
        ],
    ),
    (
        "learn",
        &[
            "model",
            "pace",
            "event",
            "lab_image",
            "durable",
            "driver",
            "context",
            "remote",
            "kind",
            "spec",
            "store",
            "observe",
            "lesson",
            "fault",
            "report",
            "workflow",
        ],
    ),
    (
        "by_hand",
        &[
            "model", "event", "driver", "context", "report", "remote", "kind", "spec", "store",
            "workflow",
        ],
    ),
    ("lab_image", &[]),
    ("fake", &["model", "event", "driver", "remote", "provision", "bootstrap"]),
    ("view", &["model", "remote", "kind", "observe"]),
    ("watch", &["model", "pace", "remote", "kind", "store", "observe", "alarm"]),
    ("webhook", &["model", "pace", "tls", "event"]),
    (
        "cli",
        &[
            "model",
            "pace",
            "event",
            "driver",
            "remote",
            "bundle",
            "context",
            "report",
            "spec",
            "plan",
            "durable",
            "store",
            "observe",
            "lesson",
            "learn",
            "lab_image",
            "fault",
            "snapshot",
            "workflow",
            "provision",
            "bootstrap",
            "kind",
            "import",
            "fake",
            "by_hand",
            "view",
            "alarm",
            "watch",
            "webhook",
        ],
    ),
];

const API_SERVER: &[&str] = &["src/remote/api_server"];
const EC2: &[&str] = &["src/driver/ec2/"];

/// Which crate only one room may name.
const KEEPERS: &[(&str, &[&str])] = &[
    ("russh", &["src/remote/"]),
    ("indicatif", &["src/report/terminal.rs"]),
    ("hyper", &["src/view/server.rs", "src/webhook/client.rs"]),
    ("ratatui_core", &["src/report/screen/"]),
    ("crossterm", &["src/report/screen/"]),
    ("signal_hook", &["src/report/screen/"]),
    ("rcgen", &["src/pki"]),
    ("aws_config", EC2),
    ("aws_sdk_ec2", EC2),
    ("aws_sdk_pricing", EC2),
    ("aws_sdk_sts", EC2),
    ("aws_smithy_http_client", EC2),
    ("clap", &["src/cli/", "src/report/mod.rs"]),
    ("kube", API_SERVER),
    ("k8s_openapi", API_SERVER),
    ("bollard", &["src/driver/docker/", "src/remote/", "src/kind/swarm/"]),
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    // A program of its own, for containers: no part of the library, without its modules and its limits of time.
    let lab = root.join("src/lab");
    files
        .into_iter()
        .filter(|file| !file.starts_with(&lab))
        .filter(|file| !file.ends_with("tests.rs"))
        .map(|file| {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            // Tests at the end of a file may look anywhere.
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            (name, text)
        })
        .collect()
}

/// The modules that a source text names after `crate::`, also within `use crate::{a, b::c}`.
fn used(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut modules = BTreeSet::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    word.push(c);
                }
            }
            modules
                .extend(word.split(',').map(|m| m.trim().split("::").next().unwrap().to_owned()));
        } else {
            modules.insert(
                rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap().to_owned(),
            );
        }
    }
    modules.remove("");
    modules
}

/// Whether a source text names a library: `kube::…` or `use kube;`, but not `kubernetes::…`.
fn names(text: &str, library: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(library).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + library.len()..]);
        let whole = !before.ends_with(in_word) && !before.ends_with("::");
        whole
            && (after.starts_with("::") || before.ends_with("use ") && !after.starts_with(in_word))
    })
}

#[test]
fn every_module_keeps_to_its_floor() {
    let mut wrong = Vec::new();
    for (file, text) in all_sources() {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        if ["lib", "main", "bin"].contains(&module.as_str()) {
            continue;
        }
        let (_, allowed) = FLOORS
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{file}: module `{module}` has no floor"));
        for used in used(&text) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{file} may not use `{used}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_imports_in_circles() {
    let edges = imports::edges(&all_sources());
    let circles = imports::circles(&edges);
    let wrong: Vec<_> = circles.iter().map(|circle| imports::told(circle, &edges)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is told of the circles in made-up sources.
fn circles_in(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> =
        files.iter().map(|(f, text)| ((*f).to_owned(), (*text).to_owned())).collect();
    let edges = imports::edges(&files);
    imports::circles(&edges).iter().map(|circle| imports::told(circle, &edges)).collect()
}

#[test]
fn the_look_at_circles_follows_what_is_handed_on_and_tells_the_names() {
    let door = ("src/room/mod.rs", "mod error; mod work; pub use self::error::Error;");
    let root = ("src/lib.rs", "pub mod room; pub mod other;");
    let error = ("src/room/error.rs", "pub enum Error { Io }");
    let work = ("src/room/work.rs", "use super::Error; pub fn work() -> Result<(), Error> {}");
    assert_eq!(circles_in(&[root, door, error, work]), [""; 0], "a door is no import");

    let helping = (
        "src/room/mod.rs",
        "mod error; mod work; pub use error::Error; fn help() { work::work() }",
    );
    let helped = ("src/room/work.rs", "use super::{Error, help};\npub fn work() { help() }");
    let told = "a circle of imports:\n  \
                src/room/mod.rs names of src/room/work.rs: work::work\n  \
                src/room/work.rs names of src/room/mod.rs: help, super::help";
    assert_eq!(circles_in(&[root, helping, error, helped]), [told]);

    // Through another room, and through what that hands on of this one.
    let error = ("src/room/error.rs", "use crate::other::Other; pub struct Error(Other);");
    let other = ("src/other.rs", "pub use crate::room::Error; pub struct Other;");
    assert_eq!(circles_in(&[root, door, error, work, other]).len(), 1);
    let other = ("src/other.rs", "pub struct Other;");
    assert_eq!(circles_in(&[root, door, error, work, other]), [""; 0]);
}

#[test]
fn the_look_at_circles_sees_what_it_must() {
    let circles = |one: &str, two: &str| {
        circles_in(&[("src/lib.rs", "mod one; mod two;"), ("src/one.rs", one), ("src/two.rs", two)])
            .len()
    };
    let one = "use crate::two::Two; pub struct One; pub fn make() -> Two {}";
    for two in [
        "use crate::one::One;",
        "use crate::{one::{self, One as Other}};",
        "use super::one::*; fn f() { make() }",
        "use super::one; fn f() { one::make() }",
        "fn f() { crate::one::make() }",
        "impl super::one::One {}",
        "fn f<'a>(c: char) { if c == '\\'' || c == '\"' { let a: &'a super::one::One; } }",
        r##"const A: &str = r#"a " b"#; use crate::one::One;"##,
    ] {
        assert_eq!(circles(one, &format!("pub struct Two; {two}")), 1, "{two}");
    }
    for two in [
        "// use crate::one::One;",
        "/* use crate::one::One; */",
        "const A: &str = \"crate::one::One\";",
        r##"const A: &str = r#"crate::one::One"#;"##,
        "use one::One; use tokio::one; fn f() { one::make() }",
        // That names nothing of it.
        "use crate::one;",
        "fn one() {} fn f() { self.one(); one() }",
    ] {
        assert_eq!(circles(one, &format!("pub struct Two; {two}")), 0, "{two}");
    }
}

/// What knows the kinds of cluster by their names: the kinds themselves, and what makes their names of texts.
const KINDS: &[&str] = &["src/kind/", "src/model/orchestrator.rs"];
/// Where one is chosen: by flags, or because nothing else makes sense there.
const CHOICES: &[&str] =
    &["src/cli/up.rs", "src/cli/place.rs", "src/cli/bundle.rs", "src/cli/import.rs"];

/// The lines of a source text that name a kind of cluster, without its tests.
fn naming_kinds(text: &str) -> Vec<&str> {
    let code = text.split("mod tests {").next().unwrap();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter(|line| line.split("Orchestrator::").skip(1).any(starts_variant))
        .collect()
}

fn starts_variant(rest: &str) -> bool {
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase)
}

/// A kind of cluster is asked, not asked for: whoever wants to know something of it has `Kind` for that.
#[test]
fn nobody_else_asks_which_kind_a_cluster_is() {
    let mut wrong = Vec::new();
    for (file, text) in all_sources() {
        if KINDS.iter().any(|room| file.starts_with(room)) {
            continue;
        }
        let chooses = CHOICES.contains(&file.as_str());
        let asks =
            |line: &str| ["=>", "==", "!=", "matches!", " | "].iter().any(|w| line.contains(w));
        let lines = naming_kinds(&text).into_iter().filter(|line| !chooses || asks(line));
        wrong.extend(lines.map(|line| format!("{file}: {}", line.trim())));
    }
    assert!(wrong.is_empty(), "ask `kind::of`:\n{}", wrong.join("\n"));
}

#[test]
fn the_look_at_kinds_sees_what_it_must() {
    let lines =
        ["Orchestrator::Swarm => 1,", "kind == Orchestrator::Kubernetes", "a(Orchestrator::K3s)"];
    assert_eq!(naming_kinds(&lines.join("\n")), lines);
    for other in
        ["Orchestrator::default()", "Orchestrator::ALL", "// Orchestrator::Swarm", "Orchestrator"]
    {
        assert_eq!(naming_kinds(other), Vec::<&str>::new(), "{other}");
    }
    assert!(naming_kinds("mod tests {\nOrchestrator::Swarm").is_empty());
}

#[test]
fn a_library_is_named_only_where_it_is_kept() {
    for (library, rooms) in KEEPERS {
        for (file, text) in all_sources() {
            let named = names(&text, library);
            let allowed = rooms.iter().any(|room| file.starts_with(room));
            assert!(!named || allowed, "{file} names `{library}`");
        }
    }
}

/// Sources outside of `src/driver/` that may name a driver, each with the reason.
const NAMING: &[(&str, &str)] = &[
    ("src/bin/", "the program of one driver"),
    ("src/cli/image.rs", "images are Docker's, wherever machines come from"),
    ("src/cli/own_images.rs", "the same"),
    ("src/cli/import.rs", "what other programs manage are hosts of the user's, which SSH reaches"),
    ("src/import/", "the same"),
    ("src/model/driver_name.rs", "records of the time when there was one driver do not name it"),
];

/// The drivers inside that users can choose: folders that say what the rest of the program knows of them.
fn drivers() -> Vec<String> {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/driver")).unwrap();
    let kinds =
        folders.map(|folder| folder.unwrap().path().join("kind.rs")).filter(|kind| kind.exists());
    let name =
        |kind: PathBuf| kind.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    // That is all the others, and no driver.
    let mut names: Vec<_> = kinds.map(name).filter(|name| name != "external").collect();
    names.sort();
    names
}

#[test]
fn no_source_but_that_of_drivers_names_a_driver() {
    let drivers = drivers();
    assert_eq!(drivers, ["docker", "ec2", "ssh"]);
    let mut wrong = Vec::new();
    for (file, text) in all_sources() {
        if file.starts_with("src/driver/") || NAMING.iter().any(|(at, _)| file.starts_with(at)) {
            continue;
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let is_driver = |word: &str| {
                let name = word
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or_default();
                drivers.iter().any(|driver| driver == name)
            };
            let of_module = line.split("driver::").skip(1).any(is_driver);
            let by_name = line.contains("DriverName::fixed(")
                || drivers.iter().any(|driver| line.contains(&format!("\"--driver {driver}")));
            let type_of = ["Docker", "Ec2", "Ssh"].iter().any(|name| {
                ["Driver", "Options", "Flags"]
                    .iter()
                    .any(|of| names_word(line, &format!("{name}{of}")))
            });
            if of_module || by_name || type_of {
                wrong.push(format!("{file}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "say it in the driver's own folder:\n{}", wrong.join("\n"));
}

/// Whether a line has a word that is not a part of another.
fn names_word(line: &str, wanted: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == wanted)
}

#[test]
fn every_limit_of_time_is_longer_where_everything_takes_longer() {
    // The two that know how much longer.
    let keepers = ["src/pace.rs", "src/retry.rs"];
    let mut fixed = Vec::new();
    for (file, text) in all_sources() {
        if keepers.contains(&file.as_str()) {
            continue;
        }
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let moment = line.split("Instant::now() + ").nth(1);
            let names_timeout = line.contains("time::timeout(")
                || line.contains("use tokio::time::") && names_word(line, "timeout");
            if names_timeout || moment.is_some_and(|limit| !limit.starts_with("stretch(")) {
                fixed.push(format!("{file}: {}", line.trim()));
            }
        }
    }
    assert!(fixed.is_empty(), "use `pace::within` and `pace::stretch`:\n{}", fixed.join("\n"));
}

#[test]
fn the_look_at_libraries_sees_whole_words() {
    for text in ["use kube::Api;", "use kube;", "use kube as k;", "fn f() -> kube::Result<()>"] {
        assert!(names(text, "kube"), "{text}");
    }
    for text in ["use kubernetes::A;", "super::kube::a()", "mod kube;", "minikube::a()", "a kube"] {
        assert!(!names(text, "kube"), "{text}");
    }
}

#[test]
fn the_look_at_imports_sees_what_it_must() {
    let seen = used(
        "use crate::{cli, model::Name, store::{Home, Entry}};\n// crate::fake\ncrate::plan::x()",
    );
    let expected = ["cli", "model", "plan", "store"].map(str::to_owned).into();
    assert_eq!(seen, expected);
}

/// Packages are installed in one way only: it waits for whoever else does so, the first boot among them, and
/// keeps what is installed from starting. `restore.sh` removes some, and `probe.sh` looks whether there is apt.
#[test]
fn packages_are_installed_by_apt_sh_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut scripts = Vec::new();
    let mut directories = vec![root.join("templates")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "sh") {
                scripts.push(path);
            }
        }
    }
    let mut installing = Vec::new();
    for script in &scripts {
        let name = script.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(script).unwrap();
        let code: Vec<_> = text.lines().filter(|l| !l.trim_start().starts_with('#')).collect();
        let by_itself = code.iter().any(|line| line.contains("apt-get"));
        let known = ["templates/apt.sh", "templates/ssh/restore.sh", "templates/ssh/probe.sh"];
        assert!(!by_itself || known.contains(&name.as_str()), "{name} calls apt-get itself");
        if code.iter().any(|line| line.contains("apt install ")) && name != "templates/apt.sh" {
            assert!(text.contains("begin_to_install"), "{name} does not wait for its turn");
            installing.push(name);
        }
    }
    assert!(installing.len() >= 5, "{installing:?}");
    let mut seen = BTreeSet::new();
    for (name, text) in all_sources() {
        for script in &installing {
            for (at, _) in text.match_indices(&format!("{script}\")")) {
                let ahead = &text[..at];
                let group = &ahead[ahead.rfind("concat!(").unwrap_or(at)..];
                assert!(group.contains("templates/apt.sh"), "{name} runs {script} without apt.sh");
                seen.insert(script.clone());
            }
        }
    }
    assert_eq!(seen.len(), installing.len(), "{installing:?} but {seen:?}");
}
