//! The flags of a driver as data: `cli` makes of them what the command line takes, and help of it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use super::Section;

/// A flag that only machines of one driver have. It sets one option of the driver's section of a spec.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// What help calls its value.
    pub value_name: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// What `up` adds to that: the default, where only `up` has one.
    pub help_of_up: &'static str,
    /// The option that it sets.
    pub key: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// The commands that have it.
    pub commands: Commands,
    /// Another flag without which it means nothing.
    pub requires: Option<&'static str>,
    /// Environment variables that say the same as it, where neither it nor a record says anything.
    pub variables: &'static [&'static str],
}

/// Reads a value as users write it.
pub type Read = fn(&str) -> Result<Value, String>;

/// What a flag takes.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// Nothing: that it is given says all.
    Nothing,
    /// One value.
    One(Read),
    /// A value each time that it is given.
    Many(Read),
    /// The path of a file.
    File,
    /// `KEY=VALUE` each time that it is given, to be added to those that are there. The words say what that is:
    /// "a tag".
    Pairs(&'static str),
}

/// Which commands have a flag; each of these has those of the ones below as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Commands {
    /// `up` alone.
    Make,
    /// And those that look for a cluster's machines one by one: `repair`, `doctor`.
    Find,
    /// And those that ask what is there: `down`, `ls`, `sweep`.
    Look,
}

impl Flag {
    const fn new(name: &'static str, takes: Takes, value_name: &'static str) -> Self {
        Self {
            name,
            value_name,
            help: "",
            help_of_up: "",
            key: name,
            takes,
            commands: Commands::Make,
            requires: None,
            variables: &[],
        }
    }

    /// A flag without a value.
    pub const fn switch(name: &'static str) -> Self {
        Self::new(name, Takes::Nothing, "")
    }

    /// A flag with one value.
    pub const fn one(name: &'static str, value_name: &'static str, read: Read) -> Self {
        Self::new(name, Takes::One(read), value_name)
    }

    /// A flag that may be given several times.
    pub const fn many(name: &'static str, value_name: &'static str, read: Read) -> Self {
        Self::new(name, Takes::Many(read), value_name)
    }

    /// A flag that names a file.
    pub const fn file(name: &'static str) -> Self {
        Self::new(name, Takes::File, "FILE")
    }

    /// A flag that is given once for each pair.
    pub const fn pairs(name: &'static str, what: &'static str) -> Self {
        Self::new(name, Takes::Pairs(what), "KEY=VALUE")
    }

    /// Says what it is for.
    #[must_use]
    pub const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// Says what `up` adds to that.
    #[must_use]
    pub const fn help_of_up(mut self, help: &'static str) -> Self {
        self.help_of_up = help;
        self
    }

    /// Sets an option of another name than its own.
    #[must_use]
    pub const fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    /// Says which commands have it.
    #[must_use]
    pub const fn of(mut self, commands: Commands) -> Self {
        self.commands = commands;
        self
    }

    /// Means nothing without another one.
    #[must_use]
    pub const fn requires(mut self, flag: &'static str) -> Self {
        self.requires = Some(flag);
        self
    }

    /// Says the same as environment variables.
    #[must_use]
    pub const fn variables(mut self, variables: &'static [&'static str]) -> Self {
        self.variables = variables;
        self
    }
}

/// Any text.
///
/// # Errors
/// None.
pub fn text(text: &str) -> Result<Value, String> {
    Ok(text.into())
}

/// A whole number from 0 to 65535.
///
/// # Errors
/// That it is none.
pub fn number(text: &str) -> Result<Value, String> {
    let number: i64 = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    u16::try_from(number)
        .map(Value::from)
        .map_err(|_| format!("{number} is not in 0..={}", u16::MAX))
}

/// Whatever can be read as a `T`.
///
/// # Errors
/// Those of `T`.
pub fn parsed<T>(text: &str) -> Result<Value, String>
where
    T: FromStr<Err: Display> + Serialize,
{
    let value: T = text.parse().map_err(|error: T::Err| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// What was given on a command line: the values of each flag, by its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given(BTreeMap<&'static str, Vec<Value>>);

impl Given {
    /// Notes the values of a flag.
    pub fn note(&mut self, flag: &Flag, values: Vec<Value>) {
        self.0.insert(flag.name, values);
    }

    /// The values of a flag; none if it was not given.
    pub fn of(&self, name: &str) -> &[Value] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is given of these flags replaces what was said before.
    ///
    /// # Errors
    /// What is wrong with a value.
    pub fn set(&self, flags: &[Flag], section: &mut Section) -> Result<(), String> {
        for flag in flags {
            let values = self.of(flag.name);
            let Some(last) = values.last() else { continue };
            let key = flag.key.to_owned();
            match flag.takes {
                Takes::Nothing | Takes::One(_) | Takes::File => {
                    section.insert(key, last.clone());
                }
                Takes::Many(_) => {
                    section.insert(key, values.into());
                }
                Takes::Pairs(what) => {
                    let none = || Value::Object(serde_json::Map::new());
                    let pairs = section.entry(key).or_insert_with(none);
                    for text in values.iter().filter_map(Value::as_str) {
                        let (key, value) = text.split_once('=').ok_or_else(|| {
                            format!("`{text}` is not {what}: write it as KEY=VALUE")
                        })?;
                        if let Some(pairs) = pairs.as_object_mut() {
                            pairs.insert(key.to_owned(), value.into());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Subnet;

    const FLAGS: [Flag; 4] = [
        Flag::one("size", "N", number),
        Flag::many("range", "CIDR", parsed::<Subnet>).key("ranges"),
        Flag::pairs("tag", "a tag").key("tags"),
        Flag::switch("spot"),
    ];

    #[test]
    fn what_is_given_replaces_what_was_said_and_pairs_are_added() {
        let mut given = Given::default();
        given.note(&FLAGS[0], vec![number("20").unwrap()]);
        given.note(&FLAGS[1], vec![parsed::<Subnet>("10.0.0.0/8").unwrap()]);
        given.note(&FLAGS[2], vec!["a=b".into(), "c=d=e".into()]);
        let said =
            json!({ "size": 1, "ranges": ["10.1.0.0/16"], "tags": { "z": "y" }, "other": true });
        let mut section: Section = serde_json::from_value(said).unwrap();
        given.set(&FLAGS, &mut section).unwrap();
        let expected = json!({
            "size": 20, "ranges": ["10.0.0.0/8"], "tags": { "a": "b", "c": "d=e", "z": "y" }, "other": true
        });
        assert_eq!(serde_json::to_value(section).unwrap(), expected);
        given.note(&FLAGS[2], vec!["a".into()]);
        let refused = given.set(&FLAGS, &mut Section::new()).unwrap_err();
        assert_eq!(refused, "`a` is not a tag: write it as KEY=VALUE");
    }

    #[test]
    fn values_are_refused_with_what_would_be_right() {
        assert_eq!(number("x").unwrap_err(), "invalid digit found in string");
        assert_eq!(number("70000").unwrap_err(), "70000 is not in 0..=65535");
        assert!(parsed::<Subnet>("x").unwrap_err().contains("is not a subnet"));
    }
}
