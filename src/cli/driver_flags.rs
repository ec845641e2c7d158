//! The flags of drivers as the command line has them, made of what the registry says of each.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, value_parser};
use serde_json::Value;

use crate::driver::flag::{Commands, Flag, Given, Takes};
use crate::driver::{Kind, Section, registry};
use crate::model::DriverName;
use crate::spec::ClusterSpec;

use super::error::Error;

/// The group of all these flags.
pub(super) const GROUP: &str = "DriverFlags";
/// Above the flags of all machines, among which are those of a driver that has no heading of its own.
const MACHINES: &str = "Machines";

/// The flags that some commands have of each driver.
#[derive(Debug)]
pub(super) struct DriverFlags<C> {
    given: Given,
    commands: PhantomData<C>,
}

/// Which commands these are.
pub(super) trait Of {
    const COMMANDS: Commands;
}

/// `up`, which makes machines.
#[derive(Debug)]
pub(super) struct Making;
/// Those that look for a cluster's machines one by one.
#[derive(Debug)]
pub(super) struct Finding;
/// Those that ask what is there.
#[derive(Debug)]
pub(super) struct Looking;

impl Of for Making {
    const COMMANDS: Commands = Commands::Make;
}

impl Of for Finding {
    const COMMANDS: Commands = Commands::Find;
}

impl Of for Looking {
    const COMMANDS: Commands = Commands::Look;
}

impl<C: Of> DriverFlags<C> {
    /// Chooses in a spec what was given.
    pub(super) fn choose(&self, spec: &mut ClusterSpec) -> Result<(), Error> {
        for kind in registry::inside() {
            let name = kind.name();
            let given = |flag: &&Flag| !self.given.of(flag.name).is_empty();
            let Some(flag) = kind.flags().iter().find(given) else { continue };
            // That driver is meant where none is named, so nobody may have thought of where machines come from.
            let is_heeded = spec.drivers().iter().any(|driver| registry::kind(driver).heeds(&name));
            if name == registry::default() && !is_heeded {
                return Err(Error::Usage(format!(
                    "--{} is for machines of driver {name}, and these come from `{}`",
                    flag.name,
                    spec.driver()
                )));
            }
            let mut section = spec.sections.of(&name).clone();
            kind.set(&mut section, &self.given).map_err(Error::Usage)?;
            spec.sections.set(&name, section).map_err(Error::Usage)?;
        }
        Ok(())
    }
}

impl<C> DriverFlags<C> {
    /// What was given of one driver, as it would be of a cluster about which nothing was said before.
    pub(super) fn section(&self, driver: &DriverName) -> Result<Section, Error> {
        let mut section = Section::new();
        if let Some(kind) = registry::find(driver.as_str()) {
            kind.set(&mut section, &self.given).map_err(Error::Usage)?;
            section = (kind.shape().admit)(Value::Object(section.into_iter().collect()))
                .map_err(Error::Usage)?;
        }
        Ok(section)
    }
}

/// The driver whose flag that is.
pub(super) fn owner(flag: &str) -> Option<&'static dyn Kind> {
    registry::inside().find(|kind| kind.flags().iter().any(|own| own.name == flag))
}

/// The names of the flags of `up`.
pub(super) fn names_of_up() -> impl Iterator<Item = &'static str> {
    flags::<Making>().map(|(_, flag)| flag.name)
}

fn flags<C: Of>() -> impl Iterator<Item = (&'static dyn Kind, &'static Flag)> {
    let all = registry::inside().flat_map(|kind| kind.flags().iter().map(move |flag| (kind, flag)));
    all.filter(|(_, flag)| flag.commands >= C::COMMANDS)
}

fn arg<C: Of>(kind: &dyn Kind, flag: &Flag) -> Arg {
    let is_up = C::COMMANDS == Commands::Make;
    let help = if is_up { flag.help.to_owned() + flag.help_of_up } else { flag.help.to_owned() };
    let heading = kind.heading().or(is_up.then_some(MACHINES));
    let arg = Arg::new(flag.name).long(flag.name).help(help).help_heading(heading);
    let arg = flag.requires.into_iter().fold(arg, Arg::requires);
    let arg = match flag.takes {
        Takes::Nothing => return arg.action(ArgAction::SetTrue),
        Takes::One(read) => arg.action(ArgAction::Set).value_parser(read),
        Takes::Many(read) => arg.action(ArgAction::Append).value_parser(read),
        Takes::File => arg.action(ArgAction::Set).value_parser(value_parser!(PathBuf)),
        Takes::Pairs(_) => arg.action(ArgAction::Append).value_parser(value_parser!(String)),
    };
    arg.value_name(flag.value_name)
}

fn values(matches: &ArgMatches, flag: &Flag) -> Result<Vec<Value>, clap::Error> {
    Ok(match flag.takes {
        Takes::Nothing => vec![true.into()],
        Takes::One(_) | Takes::Many(_) => {
            matches.get_many::<Value>(flag.name).into_iter().flatten().cloned().collect()
        }
        Takes::Pairs(_) => {
            let pairs = matches.get_many::<String>(flag.name).into_iter().flatten();
            pairs.map(|pair| pair.as_str().into()).collect()
        }
        Takes::File => {
            let paths = matches.get_many::<PathBuf>(flag.name).into_iter().flatten();
            paths.map(|path| absolute(path)).collect::<Result<_, _>>()?
        }
    })
}

/// The record outlives the directory that this command runs in.
fn absolute(path: &Path) -> Result<Value, clap::Error> {
    let unknown = |error| clap::Error::raw(ErrorKind::Io, format!("cannot find a file: {error}\n"));
    Ok(std::path::absolute(path).map_err(unknown)?.display().to_string().into())
}

impl<C: Of> Args for DriverFlags<C> {
    fn augment_args(command: Command) -> Command {
        let names = flags::<C>().map(|(_, flag)| flag.name);
        let group = ArgGroup::new(GROUP).multiple(true).args(names);
        flags::<C>()
            .fold(command, |command, (kind, flag)| command.arg(arg::<C>(kind, flag)))
            .group(group)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<C: Of> FromArgMatches for DriverFlags<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Given::default();
        for (_, flag) in flags::<C>() {
            if matches.value_source(flag.name) == Some(ValueSource::CommandLine) {
                given.note(flag, values(matches, flag)?);
            }
        }
        Ok(Self { given, commands: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
