//! A step on a machine is data: what it is called, why it is done, and the script that does it. The
//! same value runs, names the progress line and is what `--explain` prints.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::Secret;
use crate::pace::factor;

/// Long enough for packages over a slow line, behind a first boot that installs others.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What is shown in place of a secret.
pub(crate) const HIDDEN: &str = "(secret)";

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
    answer_of_new_machine: Option<Cow<'static, str>>,
    is_needless_when_new: bool,
    is_of_login_user: bool,
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
        Self {
            title,
            why,
            patience: PATIENCE,
            body,
            inputs: Vec::new(),
            answer_of_new_machine: None,
            is_needless_when_new: false,
            is_of_login_user: false,
        }
    }

    /// Gives the script another time to end than half an hour.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Has it run with the rights of the login user, who need not be root.
    #[must_use]
    pub fn as_login_user(mut self) -> Self {
        self.is_of_login_user = true;
        self
    }

    /// Whether it runs as the login user, and not as root.
    pub fn is_of_login_user(&self) -> bool {
        self.is_of_login_user
    }

    /// Says what a machine that is new would print, for those who do not run the script.
    #[must_use]
    pub fn answered_when_new(mut self, answer: impl Into<Cow<'static, str>>) -> Self {
        self.answer_of_new_machine = Some(answer.into());
        self
    }

    /// The same of a script that changes nothing on such a machine, so that nobody need run it there by hand.
    #[must_use]
    pub fn needless_when_new(mut self, answer: impl Into<Cow<'static, str>>) -> Self {
        self.is_needless_when_new = true;
        self.answered_when_new(answer)
    }

    /// Whether it changes nothing on a machine that is new.
    pub fn is_needless_when_new(&self) -> bool {
        self.is_needless_when_new
    }

    /// What a machine that is new would print.
    pub fn answer_of_new_machine(&self) -> Option<&str> {
        self.answer_of_new_machine.as_deref()
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
        let inputs = self.assignments(|value, _| quote(value));
        Secret::new(format!(
            "export LC_ALL=C KUBECACHEDIR=/dev/null\n{}{inputs}{}",
            patience(),
            self.body
        ))
    }

    /// The inputs by name, each as `shown` says, which is given the value and whether that is a secret.
    pub fn inputs<T>(
        &self,
        shown: impl Fn(&str, bool) -> T,
    ) -> impl Iterator<Item = (&'static str, T)> {
        self.inputs.iter().map(move |(name, input)| {
            let value = match input {
                Input::Plain(value) => shown(value, false),
                Input::Secret(secret) => shown(secret.expose(), true),
            };
            (*name, value)
        })
    }

    /// The script with its inputs ahead of it, secrets left out.
    pub fn explain(&self) -> String {
        self.assignments(|value, secret| quote(if secret { HIDDEN } else { value })) + &self.body
    }

    /// What is the same whatever its inputs are.
    pub fn body(&self) -> &str {
        &self.body
    }

    fn assignments(&self, shown: impl Fn(&str, bool) -> String) -> String {
        self.inputs(shown).map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

/// What scripts multiply their own limits of time by, where everything takes longer than usual.
fn patience() -> String {
    let factor = factor();
    if factor > 1.0 { format!("PATIENCE={factor:.0}\n") } else { String::new() }
}

/// Quotes a value for a POSIX shell (POSIX.1-2024, Shell Command Language, 2.2.2).
pub(crate) fn quote(value: &str) -> String {
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
