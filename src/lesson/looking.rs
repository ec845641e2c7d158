//! The script that looks at a machine, and what its output says. One script answers all that is to be looked at on one
//! machine.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::remote::quote;

use super::look::{Found, Line, Look};

/// The shell functions.
const LOOK: &str = include_str!("../../templates/look/look.sh");

/// Where the probe of a step writes what it has counted, on the machine from which it asks.
pub const PROBE: &str = "/run/dojo/probe.json";

/// The script that looks at all of a list, for `sh`; of journals, what is newer than a moment.
pub fn script(looks: &[Look], since: Timestamp) -> String {
    let mut script = LOOK.to_owned();
    for (number, look) in looks.iter().enumerate() {
        let line = match look {
            Look::File { path } => format!("look_file {number} {}", quote(path)),
            Look::Probe => format!("look_file {number} {}", quote(PROBE)),
            Look::Unit { unit } => format!("look_unit {number} {}", quote(unit)),
            Look::Journal { unit, pattern } => {
                let (unit, pattern, since) = (quote(unit), quote(pattern), since.as_second());
                format!("look_journal {number} {unit} {since} {pattern}")
            }
            Look::Script { run } => format!("look_script {number} {}", quote(run)),
        };
        script.push_str(&line);
        script.push('\n');
    }
    script
}

/// What the script has told of each of the list; of what it does not tell, that it failed.
pub fn answers(looks: &[Look], output: &str) -> Vec<Found> {
    let mut told = BTreeMap::<(usize, &str), String>::new();
    for line in output.lines() {
        let mut words = line.strip_prefix("look ").unwrap_or_default().splitn(3, ' ');
        let (number, word) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let Ok(number) = number.parse::<usize>() else { continue };
        told.insert((number, word), words.next().unwrap_or_default().trim().to_owned());
    }
    let of = |(number, look): (usize, &Look)| {
        let plain = |word: &'static str| told.get(&(number, word));
        let text = |word: &'static str| {
            let bytes = STANDARD.decode(plain(word)?).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        if let Some(error) = text("error") {
            return Found::Failed { error: error.trim().to_owned() };
        }
        let found = match look {
            Look::File { .. } | Look::Probe if plain("missing").is_some() => Some(Found::Missing),
            Look::File { .. } | Look::Probe => file(plain("lines"), text("text")),
            Look::Unit { .. } => text("unit").as_deref().and_then(unit),
            Look::Journal { .. } => text("journal").map(|text| Found::Journal {
                lines: text.lines().filter_map(journal_line).collect(),
            }),
            Look::Script { .. } => plain("exit").and_then(|exit| {
                let said = text("said").unwrap_or_default().trim().to_owned();
                Some(Found::Script { exit: exit.parse().ok()?, said })
            }),
        };
        found.unwrap_or_else(|| Found::Failed { error: "the machine does not tell".to_owned() })
    };
    looks.iter().enumerate().map(of).collect()
}

fn file(lines: Option<&String>, text: Option<String>) -> Option<Found> {
    Some(Found::File { lines: lines?.parse().ok()?, text: text? })
}

fn unit(text: &str) -> Option<Found> {
    let value = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    };
    let (load, active, sub) = (value("LoadState")?, value("ActiveState")?, value("SubState")?);
    Some(Found::Unit { load, active, sub })
}

/// `1764343842.123456 manager-1 dockerd[77]: …`
fn journal_line(line: &str) -> Option<Line> {
    let (moment, text) = line.split_once(' ')?;
    let (seconds, fraction) = moment.split_once('.').unwrap_or((moment, "0"));
    let fraction = format!("{fraction:0<9}");
    let nanoseconds = fraction.get(..9)?.parse().ok()?;
    let at = Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()?;
    Some(Line { at, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    fn run(looks: &[Look]) -> Vec<Found> {
        let script = script(looks, Timestamp::UNIX_EPOCH);
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        answers(looks, &String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn a_shell_looks_at_files_and_runs_scripts_whatever_their_names_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a 'b' $(c).log");
        fs::write(&path, "look 1 missing\n200 GET\n끝\n").unwrap();
        let path = path.to_string_lossy().into_owned();
        let script = |run: &str| Look::Script { run: run.to_owned() };
        let looks = [
            Look::File { path: path.clone() },
            Look::File { path: format!("{path}.none") },
            Look::File { path: folder.path().to_string_lossy().into_owned() },
            script("echo \"it's $((40 + 2))\"; echo more; exit 10"),
            script("cat"),
        ];
        let found = run(&looks);
        let text = "look 1 missing\n200 GET\n끝\n".to_owned();
        assert_eq!(found[0], Found::File { lines: 3, text });
        assert_eq!(found[1], Found::Missing);
        assert!(matches!(&found[2], Found::Failed { error } if error.contains("no file")));
        assert_eq!(found[3], Found::Script { exit: 10, said: "it's 42".to_owned() });
    }

    #[test]
    fn of_long_files_the_end_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        let text: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        fs::write(&path, &text).unwrap();
        let found = run(&[Look::File { path: path.to_string_lossy().into_owned() }]);
        let Found::File { lines, text: end } = &found[0] else { panic!("{found:?}") };
        assert_eq!((*lines, end.len()), (20_000, 65536));
        assert!(text.ends_with(end.as_str()));
    }

    #[test]
    fn units_and_journals_are_read_as_systemd_writes_them() {
        let encode = |text: &str| STANDARD.encode(text);
        let unit = Look::Unit { unit: "kubelet".to_owned() };
        let journal = Look::Journal { unit: "docker".to_owned(), pattern: "GET".to_owned() };
        let looks = [unit.clone(), journal, unit];
        let output = format!(
            "hello\nlook 0 unit {}\nlook 1 journal {}\n",
            encode("LoadState=loaded\nActiveState=active\nSubState=running\n"),
            encode("1764343842.123456 m dockerd[77]: handling GET /v1.41/info\nnonsense\n"),
        );
        let found = answers(&looks, &output);
        let words = ["loaded", "active", "running"].map(str::to_owned);
        let [load, active, sub] = words;
        assert_eq!(found[0], Found::Unit { load, active, sub });
        let Found::Journal { lines } = &found[1] else { panic!("{found:?}") };
        assert_eq!(lines[0].at.to_string(), "2025-11-28T15:30:42.123456Z");
        assert_eq!((lines.len(), lines[0].text.starts_with("m dockerd")), (1, true));
        assert!(matches!(found[2], Found::Failed { .. }));
    }
}
