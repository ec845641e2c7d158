//! A step on a machine is data: what it is called, why it is done, and the script that does it. The
//! same value runs, names the progress line and is what `--explain` prints.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::Secret;
use crate::pace::factor;

/// Long enough for packages over a slow line, behind a first boot that installs others.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// A shell script with its inputs.
///
/// The body is a plain file of `templates/`, or was read from a file of the user's. Inputs go ahead of it on standard input, as quoted
/// assignments: no value can be executed, and none is ever on a command line.
#[derive(Debug, Clone)]
pub struct Script {
    /// What it does, as a short imperative: "start Docker".
    pub title: Cow<'static, str>,
    /// Why that is needed, in a sentence for a learner.
    pub why: Cow<'static, str>,
    /// When it is given up. It hangs then; no script is meant to take that long.
    pub patience: Duration,
    body: Cow<'static, str>,
    inputs: Vec<(&'static str, Input)>,
}

#[derive(Debug, Clone)]
enum Input {
    Plain(String),
    Secret(Secret),
}

impl Script {
    /// A script without inputs.
    pub fn new(
        title: impl Into<Cow<'static, str>>,
        why: impl Into<Cow<'static, str>>,
        body: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (title, why, body) = (title.into(), why.into(), body.into());
        Self { title, why, patience: PATIENCE, body, inputs: Vec::new() }
    }

    /// Gives the script another time to end than half an hour.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Adds an input; `name` is a shell variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.inputs.push((name, Input::Plain(value.into())));
        self
    }

    /// Adds an input that [`explain`](Self::explain) must not show.
    #[must_use]
    pub fn with_secret(mut self, name: &'static str, value: &Secret) -> Self {
        self.inputs.push((name, Input::Secret(value.clone())));
        self
    }

    /// The text for the standard input of `sh -s`. Scripts read what programs print, so these must speak the
    /// language that they were written for, whatever the host's is. And kubectl would keep what it learns of the API
    /// below the home of root, which may be somebody's: it does without where nothing can be kept.
    pub fn render(&self) -> Secret {
        let inputs = self.assignments(Secret::expose);
        Secret::new(format!(
            "export LC_ALL=C KUBECACHEDIR=/dev/null\n{}{inputs}{}",
            patience(),
            self.body
        ))
    }

    /// The script as a person would run it, secrets left out.
    pub fn explain(&self) -> String {
        self.explain_inputs() + &self.body
    }

    /// What goes ahead of it, secrets left out.
    pub fn explain_inputs(&self) -> String {
        self.assignments(|_| "(secret)")
    }

    /// What is the same whatever its inputs are.
    pub fn body(&self) -> &str {
        &self.body
    }

    fn assignments(&self, show: impl Fn(&Secret) -> &str) -> String {
        let mut text = String::new();
        for (name, input) in &self.inputs {
            let value = match input {
                Input::Plain(value) => value,
                Input::Secret(secret) => show(secret),
            };
            text.push_str(name);
            text.push('=');
            text.push_str(&quote(value));
            text.push('\n');
        }
        text
    }
}

/// What scripts multiply their own limits of time by, where everything takes longer than usual.
fn patience() -> String {
    let factor = factor();
    if factor > 1.0 { format!("PATIENCE={factor:.0}\n") } else { String::new() }
}

/// Quotes a value for a POSIX shell (POSIX.1-2024, Shell Command Language, 2.2.2).
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::tests::paced;

    #[test]
    fn hostile_values_stay_values() {
        let value = "a'; touch /tmp/x; echo '$(id) `id` \\ \n\"end";
        let script = Script::new("t", "w", "printf %s \"$V\"").with("V", value);
        let output = std::process::Command::new("sh")
            .args(["-c", script.render().expose()])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
    }

    #[test]
    fn programs_speak_the_same_language_on_every_host() {
        let script = Script::new("t", "w", "printf %s \"$(sh -c 'echo $LC_ALL')\"");
        let output = std::process::Command::new("sh")
            .args(["-c", script.render().expose()])
            .envs([("LANG", "de_DE.UTF-8"), ("LANGUAGE", "de"), ("LC_ALL", "de_DE.UTF-8")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "C");
    }

    #[test]
    fn scripts_learn_how_much_longer_to_wait() {
        let script = Script::new("t", "w", "printf %s \"$((120 * ${PATIENCE:-1}))\"");
        let said = |script: &Script| {
            let run = ["-c", script.render().expose()].map(str::to_owned);
            let output = std::process::Command::new("sh").args(run).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(said(&script), "120");
        let _pace = paced(11.6);
        assert_eq!(said(&script), "1440");
    }

    #[test]
    fn explaining_shows_no_secret() {
        let script = Script::new("t", "w", "true\n").with_secret("KEY", &Secret::new("hunter2"));
        assert_eq!(script.explain(), "KEY='(secret)'\ntrue\n");
        assert!(!format!("{script:?}").contains("hunter2"));
    }
}
