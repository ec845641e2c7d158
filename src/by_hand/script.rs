//! From what was noted to a text that a person reads, and a shell runs.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::model::{ClusterName, MachineName};
use crate::remote::by_hand::{Commands, Step, with_variables};
use crate::remote::{HIDDEN, Script, quote};
use crate::report::wrap;

/// Where a machine keeps for a moment what a script of it reads.
const INPUT: &str = "/run/clusterdojo-input";
/// How wide reasons are.
const WIDTH: usize = 78;
/// Stands for the name of the machine that a script runs on, until it is known whether several of them can share a
/// loop.
const THIS: &str = "\u{1}";

/// The text so far.
pub(super) struct Text {
    written: String,
    number: usize,
    /// Where `up` keeps the cluster's files.
    files: PathBuf,
    /// The files that hold scripts, by their contents.
    scripts: BTreeMap<String, String>,
}

/// A section: what has one title.
struct Section {
    title: String,
    why: String,
    parts: Vec<Part>,
}

enum Part {
    Commands(String),
    Script { machine: MachineName, script: Script, input: Option<String> },
}

impl Text {
    pub(super) fn new(cluster: &ClusterName, files: PathBuf) -> Self {
        let text = format!(
            "# What `dojo up {cluster}` does, by hand. Everything runs on this computer, from top to bottom and in one\n\
             # shell, in a directory of its own, where its files stay:\n\
             mkdir -p {context}\n\
             cd {context}\n\n",
            context = cluster.context()
        );
        Self { written: text, number: 0, files, scripts: BTreeMap::new() }
    }

    pub(super) fn finish(self) -> String {
        self.written
    }

    /// Adds what was noted in a phase, and what was done on this computer.
    pub(super) fn add(
        &mut self,
        steps: Vec<Step>,
        local: Option<Commands>,
        addresses: &[(MachineName, IpAddr)],
    ) {
        let mut sections: Vec<Section> = Vec::new();
        let mut add = |title: String, why: String, part: Part| match sections
            .iter_mut()
            .find(|section| section.title == title)
        {
            Some(section) => section.parts.push(part),
            None => sections.push(Section { title, why, parts: vec![part] }),
        };
        for step in steps {
            match step {
                Step::Machines(Commands { title, why, text }) => {
                    add(title, why, Part::Commands(text));
                }
                Step::Commands(Commands { title, why, text }) => {
                    add(title, why, Part::Commands(named(&text, addresses)));
                }
                Step::Script { machine, script, input } => {
                    let (title, why) = (script.title.to_string(), script.why.to_string());
                    add(title, why, Part::Script { machine, script, input });
                }
            }
        }
        if let Some(Commands { title, why, text }) = local {
            add(title, why, Part::Commands(named(&text, addresses)));
        }
        for section in sections {
            self.section(section, addresses);
        }
    }

    fn section(&mut self, section: Section, addresses: &[(MachineName, IpAddr)]) {
        self.number += 1;
        self.written.push_str(&format!("# {}. {}\n", self.number, section.title));
        for line in wrap(&section.why, WIDTH, "") {
            self.written.push_str(&format!("#    {line}\n"));
        }
        self.written.push('\n');
        let mut runs: Vec<(String, Vec<MachineName>)> = Vec::new();
        for part in section.parts {
            match part {
                Part::Commands(text) => {
                    self.loops(&mut runs);
                    self.written.push_str(text.trim_end());
                    self.written.push('\n');
                }
                Part::Script { machine, script, input } => {
                    let file = self.file(&script);
                    let run = self.run(&file, &script, input.as_deref(), machine, addresses);
                    match runs.iter_mut().find(|(text, _)| *text == run) {
                        Some((_, machines)) => machines.push(machine),
                        None => runs.push((run, vec![machine])),
                    }
                }
            }
        }
        self.loops(&mut runs);
        self.written.push('\n');
    }

    /// Adds what is run on machines: once for each, or in a loop where it is the same for several.
    fn loops(&mut self, runs: &mut Vec<(String, Vec<MachineName>)>) {
        for (run, machines) in runs.drain(..) {
            if let [machine] = machines.as_slice() {
                self.written.push_str(&run.replace(THIS, &machine.to_string()));
            } else {
                let names: Vec<_> = machines.iter().map(ToString::to_string).collect();
                self.written.push_str(&format!("for machine in {}; do\n", names.join(" ")));
                self.written.push_str(&run.replace(THIS, "$machine"));
                self.written.push_str("done\n");
            }
        }
    }

    /// The file that holds a script; the first time, the commands that write it are added.
    fn file(&mut self, script: &Script) -> String {
        if let Some(file) = self.scripts.get(script.body()) {
            return file.clone();
        }
        let words: String = script
            .title
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let words = words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
        let taken = |file: &String| self.scripts.values().any(|other| other == file);
        let mut file = format!("{words}.sh");
        for number in 2.. {
            if !taken(&file) {
                break;
            }
            file = format!("{words}-{number}.sh");
        }
        let end = "END_OF_SCRIPT";
        let body = script.body().trim_end();
        self.written.push_str(&format!("cat >{file} <<'{end}'\n{body}\n{end}\n"));
        self.scripts.insert(script.body().to_owned(), file.clone());
        file
    }

    /// The commands that run a script on a machine.
    fn run(
        &self,
        file: &str,
        script: &Script,
        input: Option<&str>,
        machine: MachineName,
        addresses: &[(MachineName, IpAddr)],
    ) -> String {
        let shown = |value: &str, secret: bool| match self.file_with(value) {
            Some(path) => {
                let path = path.replace(&format!("/{machine}/"), &format!("/{THIS}/"));
                format!("'$(cat {path})'")
            }
            // What holds variables was made for the text, and nothing in it is a secret of somebody's.
            None if secret && with_variables(value) == value => quote(HIDDEN),
            None => named(&escaped(&quote(value)), addresses),
        };
        let inputs = script.inputs(shown).map(|(name, value)| format!("{name}={value}\n"));
        let mut inputs: String = inputs.collect();
        let mut text = String::new();
        if let Some(input) = input {
            text.push_str(&format!("on \"{THIS}\" tee {INPUT} <{} >/dev/null\n", quote(input)));
            inputs.push_str(&format!("exec 3<{INPUT}\n"));
        }
        if inputs.is_empty() {
            text.push_str(&format!("on \"{THIS}\" sh -s <{file}\n"));
        } else {
            text.push_str(&format!("on \"{THIS}\" sh -s <<EOF\n{inputs}$(cat {file})\nEOF\n"));
        }
        text
    }

    /// The file of the cluster that holds just this, as a path from where the cluster's files are.
    fn file_with(&self, value: &str) -> Option<String> {
        let value = value.trim_end();
        if value.is_empty() {
            return None;
        }
        let file = find(&self.files.join("pki"), &|file| {
            fs::read_to_string(file).is_ok_and(|text| text.trim_end() == value)
        })?;
        Some(file.strip_prefix(&self.files).ok()?.display().to_string())
    }
}

fn find(directory: &Path, wanted: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.into_iter().find_map(|path| {
        if path.is_dir() { find(&path, wanted) } else { wanted(&path).then_some(path) }
    })
}

/// A text for a here-document in which variables and commands are replaced (POSIX.1-2024, Shell Command Language, 2.7.4).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('`', "\\`")
}

/// The text with variables in the place of addresses of machines.
fn named(text: &str, addresses: &[(MachineName, IpAddr)]) -> String {
    let mut text = with_variables(text);
    for (name, address) in addresses {
        text = replaced(&text, &address.to_string(), &format!("${{{}}}", name.variable()));
    }
    text
}

/// Replaces a word that is not a part of a longer number or address.
fn replaced(text: &str, word: &str, by: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(word) {
        let (before, after) = (&rest[..start], &rest[start + word.len()..]);
        let goes_on = after.starts_with(|c: char| c.is_ascii_digit())
            || after.strip_prefix('.').is_some_and(|a| a.starts_with(|c: char| c.is_ascii_digit()));
        let whole = !before.ends_with(|c: char| c.is_ascii_digit() || c == '.') && !goes_on;
        result.push_str(before);
        result.push_str(if whole { by } else { word });
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_variables_and_longer_ones_stay() {
        let addresses = [
            ("manager-1".parse().unwrap(), [10, 0, 0, 1].into()),
            ("worker-1".parse().unwrap(), [10, 0, 0, 11].into()),
        ];
        let text = "10.0.0.1:2377 10.0.0.11, 110.0.0.1 10.0.0.1. 10.0.0.1.5 10.0.0.111";
        assert_eq!(
            named(text, &addresses),
            "${manager_1}:2377 ${worker_1}, 110.0.0.1 ${manager_1}. 10.0.0.1.5 10.0.0.111"
        );
    }

    #[test]
    fn values_reach_a_script_as_they_are() {
        let value = "a $(touch x) `id` \\ 'q' $HOME";
        let text = format!("cat <<EOF\nV={}\nEOF\n", escaped(&quote(value)));
        let output = std::process::Command::new("sh").args(["-c", &text]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, format!("V={}\n", quote(value)));
    }
}
