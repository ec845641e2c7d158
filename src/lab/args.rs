//! Reading arguments: options with one or two dashes, with or without a value, and the rest.

use std::str::FromStr;
use std::time::Duration;

use crate::Wrong;

/// An option that an applet knows.
pub(crate) struct Flag {
    /// Its name after one dash.
    pub short: Option<char>,
    /// Its name after two.
    pub long: &'static str,
    /// Whether a value belongs to it.
    pub value: bool,
}

/// An option with a long name and a value.
pub(crate) const fn value(long: &'static str) -> Flag {
    Flag { short: None, long, value: true }
}

/// An option with a long name alone.
pub(crate) const fn switch(long: &'static str) -> Flag {
    Flag { short: None, long, value: false }
}

/// What was said.
pub(crate) struct Said {
    options: Vec<(&'static str, String)>,
    /// What is no option, in its order.
    pub rest: Vec<String>,
}

/// Takes arguments apart. `Err` has the option that is unknown or lacks its value, in words.
pub(crate) fn read(arguments: &[String], known: &'static [Flag]) -> Result<Said, Wrong> {
    let mut said = Said { options: Vec::new(), rest: Vec::new() };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            said.rest.extend(words.cloned());
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, given) = match long.split_once('=') {
                Some((name, given)) => (name, Some(given.to_owned())),
                None => (long, None),
            };
            let flag = known.iter().find(|flag| flag.long == name);
            let flag = flag.ok_or_else(|| Wrong::Usage(format!("option --{name}: is unknown")))?;
            let given = match (flag.value, given) {
                (true, None) => Some(words.next().cloned().ok_or_else(|| lacks(word))?),
                (false, Some(_)) => {
                    return Err(Wrong::Usage(format!("option --{name}: takes no value")));
                }
                (_, given) => given,
            };
            said.options.push((flag.long, given.unwrap_or_default()));
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                let flag = known.iter().find(|flag| flag.short == Some(letter));
                let flag =
                    flag.ok_or_else(|| Wrong::Usage(format!("option -{letter}: is unknown")))?;
                if !flag.value {
                    said.options.push((flag.long, String::new()));
                    continue;
                }
                // The value is what is left of the word, or the next word.
                let left = letters.as_str().to_owned();
                let given = if left.is_empty() {
                    words.next().cloned().ok_or_else(|| lacks(&format!("-{letter}")))?
                } else {
                    left
                };
                said.options.push((flag.long, given));
                break;
            }
        } else {
            said.rest.push(word.clone());
        }
    }
    Ok(said)
}

fn lacks(option: &str) -> Wrong {
    Wrong::Usage(format!("option {option}: requires parameter"))
}

impl Said {
    /// Whether an option was given.
    pub(crate) fn has(&self, long: &str) -> bool {
        self.options.iter().any(|(name, _)| *name == long)
    }

    /// Its value: the last one, if it was given again.
    pub(crate) fn get(&self, long: &str) -> Option<&str> {
        self.all(long).last()
    }

    /// All its values.
    pub(crate) fn all(&self, long: &str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(name, _)| *name == long).map(|(_, given)| given.as_str())
    }

    /// Its value, which the applet cannot do without.
    pub(crate) fn need(&self, long: &str) -> Result<&str, Wrong> {
        self.get(long).ok_or_else(|| Wrong::Usage(format!("option --{long} is missing")))
    }

    /// Its value as a number.
    pub(crate) fn number<T: FromStr>(&self, long: &str) -> Result<Option<T>, Wrong> {
        let wrong =
            |given| Wrong::Usage(format!("option --{long}: `{given}` is not a number that fits"));
        self.get(long).map(|given| given.parse().map_err(|_| wrong(given))).transpose()
    }

    /// Its value in seconds, which may have a fraction.
    pub(crate) fn seconds(&self, long: &str) -> Result<Option<Duration>, Wrong> {
        self.get(long)
            .map(|given| {
                let read = given.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
                // Longer than anybody waits, and short enough to be added to any moment.
                let read = read.filter(|time| time.as_secs() <= 1_000_000_000);
                let wrong = || format!("option --{long}: `{given}` is not a number of seconds");
                read.ok_or_else(|| Wrong::Usage(wrong()))
            })
            .transpose()
    }

    /// Refuses what is no option.
    pub(crate) fn nothing_else(&self) -> Result<(), Wrong> {
        match self.rest.first() {
            Some(word) => Err(Wrong::Usage(format!("`{word}` is one argument too many"))),
            None => Ok(()),
        }
    }
}
