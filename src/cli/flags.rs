//! Flags that only machines of one driver have, held against where the machines come from.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use crate::driver::registry;
use crate::model::DriverName;
use crate::remote::quote;

use super::args::Cli;
use super::driver_flags::{GROUP, owner};
use super::error::Error;

/// What sets any option of an external driver.
const EXTERNAL: &str = "driver_opt";
/// Who heeds a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// One of the drivers inside.
    Inside(DriverName),
    /// Any external driver.
    External,
}

impl Owner {
    /// Whose flag an argument of a command is; `None` if it says nothing of any driver.
    fn of(command: &Command, arg: &Arg) -> Option<Self> {
        if arg.get_id() == EXTERNAL {
            return Some(Self::External);
        }
        let mut groups = command.get_groups().filter(|group| group.get_id() == GROUP);
        let is_of_driver = groups.any(|group| group.get_args().any(|other| other == arg.get_id()));
        let kind = owner(arg.get_id().as_str()).filter(|_| is_of_driver)?;
        Some(Self::Inside(kind.name()))
    }

    fn is(&self, driver: &DriverName) -> bool {
        match self {
            Self::Inside(name) => registry::kind(driver).heeds(name),
            Self::External => registry::kind(driver).is_outside(),
        }
    }

    /// What goes behind `--driver`.
    fn value(&self) -> String {
        match self {
            Self::Inside(name) => name.to_string(),
            Self::External => "NAME".to_owned(),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside(name) => write!(f, "driver `{name}`"),
            Self::External => f.write_str("an external driver"),
        }
    }
}

/// The command line, with the flags of other drivers left out of the help of each command.
pub(super) fn shown_for(driver: &DriverName) -> Command {
    Cli::command().mut_subcommands(|command| {
        let is_other = |arg: &&Arg| Owner::of(&command, arg).is_some_and(|owner| !owner.is(driver));
        let others: Vec<_> =
            command.get_arguments().filter(is_other).map(|arg| arg.get_id().clone()).collect();
        others.into_iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.hide(true)))
    })
}

/// The flags of drivers that were given on the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct DriverFlagsGiven {
    flags: Vec<(String, Owner)>,
    driver: Option<DriverName>,
    line: Vec<String>,
}

impl DriverFlagsGiven {
    /// Those of a command line that was read.
    pub(super) fn of(matches: &ArgMatches, arguments: &[OsString]) -> Self {
        let (mut command, mut matches) = (Cli::command(), matches);
        while let Some((name, below)) = matches.subcommand() {
            command = command.find_subcommand(name).expect("clap found it as well").clone();
            matches = below;
        }
        let given = |arg: &&Arg| {
            matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        };
        let flags = command.get_arguments().filter(given).filter_map(|arg| {
            let flag = format!("--{}", arg.get_long()?);
            Some((flag, Owner::of(&command, arg)?))
        });
        Self {
            flags: flags.collect(),
            driver: matches.try_get_one("driver").ok().flatten().cloned(),
            line: arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        }
    }

    /// Refuses flags of other drivers than that of `--driver`, or its default.
    pub(super) fn refuse_strays(&self) -> Result<(), Error> {
        self.refuse_strays_among(&BTreeSet::from([self
            .driver
            .clone()
            .unwrap_or_else(registry::default)]))
    }

    /// Refuses flags of drivers from which no machine comes.
    pub(super) fn refuse_strays_among(&self, drivers: &BTreeSet<DriverName>) -> Result<(), Error> {
        let stray = self.flags.iter().find(|(_, owner)| !drivers.iter().any(|d| owner.is(d)));
        let Some((flag, owner)) = stray else { return Ok(()) };
        let names: Vec<_> = drivers.iter().map(|driver| format!("`{driver}`")).collect();
        Err(Error::StrayFlag {
            flag: flag.clone(),
            owner: owner.to_string(),
            drivers: names.join(" or "),
            right: self.line_with(&owner.value()),
        })
    }

    /// The command line with another driver.
    fn line_with(&self, driver: &str) -> String {
        let mut words = Vec::new();
        let mut rest = self.line.iter().skip(1).map(String::as_str);
        while let Some(word) = rest.next() {
            match word {
                "--driver" => drop(rest.next()),
                "--" => {
                    words.push(word.to_owned());
                    words.extend(rest.by_ref().map(quoted));
                }
                word if word.starts_with("--driver=") => {}
                word => words.push(quoted(word)),
            }
        }
        let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
        words.splice(end..end, ["--driver".to_owned(), driver.to_owned()]);
        format!("dojo {}", words.join(" "))
    }
}

/// A word as it can be given to a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+@%:,./[]".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    quote(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flags of `up` that every driver heeds, or that say something about what stands on machines.
    const OF_ALL: [&str; 29] = [
        "name",
        "swarm",
        "kubernetes",
        "engines",
        "managers",
        "control_planes",
        "workers",
        "machines",
        "file",
        "driver",
        "publish",
        "memory",
        "cpus",
        "engine_channel",
        "engine_repository",
        "engine_repository_key",
        "registry_mirror",
        "insecure_registry",
        "engine_label",
        "engine_opt",
        "kubernetes_version",
        "bundle",
        "kubernetes_repository",
        "kubernetes_repository_key",
        "kubernetes_registry",
        "cni",
        "cni_sha256",
        "pod_subnet",
        "service_subnet",
    ];
    /// Flags of `up` that say nothing about the cluster, and so go with a spec file.
    const OF_THE_RUN: [&str; 12] = [
        "max_hourly",
        "yes",
        "dry_run",
        "output",
        "explain",
        "rollback",
        "no_use",
        "recreate",
        "quiet",
        "verbose",
        "log_format",
        "trust",
    ];

    fn up() -> Command {
        let mut command = Cli::command();
        command.build();
        command.find_subcommand("up").unwrap().clone()
    }

    fn is_help(arg: &Arg) -> bool {
        arg.get_id() == "help"
    }

    /// A command line that gives a flag, with whatever value it takes.
    fn line_with(verb: &str, arg: &Arg) -> Vec<OsString> {
        let flag = format!("--{}", arg.get_long().unwrap());
        let values: &[&str] =
            &["1", "x", "a=b", "10.0.0.0/24", "3h", "root@192.0.2.1", "docker-ce"];
        let needs: [&[&str]; 3] = [&[], &["--host", "root@192.0.2.7"], &["--spot"]];
        let names: [&[&str]; 2] = [&[], &["practice"]];
        for name in names {
            for needed in needs {
                for value in std::iter::once(None).chain(values.iter().map(Some)) {
                    let mut line = vec!["dojo", verb];
                    line.extend(name);
                    line.extend(needed);
                    line.push(&flag);
                    line.extend(value);
                    if Cli::command().try_get_matches_from(&line).is_ok() {
                        return line.into_iter().map(OsString::from).collect();
                    }
                }
            }
        }
        panic!("no value fits {flag} of {verb}");
    }

    fn given(line: &[OsString]) -> DriverFlagsGiven {
        DriverFlagsGiven::of(&Cli::command().try_get_matches_from(line).unwrap(), line)
    }

    #[test]
    fn every_flag_of_up_is_one_drivers_or_is_known_to_be_for_all() {
        let up = up();
        for arg in up.get_arguments().filter(|arg| !is_help(arg)) {
            let id = arg.get_id().as_str();
            let for_all = OF_ALL.contains(&id) || OF_THE_RUN.contains(&id);
            assert_eq!(for_all, Owner::of(&up, arg).is_none(), "{id}");
        }
    }

    #[test]
    fn every_flag_of_up_that_says_something_about_the_cluster_conflicts_with_a_file() {
        let up = up();
        let file = up.get_arguments().find(|arg| arg.get_id() == "file").unwrap();
        let conflicts: Vec<_> =
            up.get_arg_conflicts_with(file).into_iter().map(|arg| arg.get_id().clone()).collect();
        for arg in up.get_arguments().filter(|arg| !is_help(arg) && *arg != file) {
            let id = arg.get_id();
            assert_eq!(!OF_THE_RUN.contains(&id.as_str()), conflicts.contains(id), "{id}");
        }
    }

    #[test]
    fn every_flag_of_a_driver_is_refused_where_no_machine_comes_from_it() {
        let mut command = Cli::command();
        command.build();
        let mut seen = 0;
        for verb in command.get_subcommands() {
            for arg in verb.get_arguments() {
                let Some(owner) = Owner::of(verb, arg) else { continue };
                let line = line_with(verb.get_name(), arg);
                let given = given(&line);
                let docker = DriverName::fixed("docker");
                let is_dockers = owner == Owner::Inside(docker.clone());
                let other = if is_dockers { DriverName::fixed("ssh") } else { docker };
                let refused = given.refuse_strays_among(&[other].into()).unwrap_err();
                let flag = format!("--{}", arg.get_long().unwrap());
                let Error::StrayFlag { right, .. } = &refused else { panic!("{refused}") };
                assert!(refused.to_string().contains(&owner.to_string()), "{flag}: {refused}");
                assert!(right.contains(&flag), "{right}");
                let own = match &owner {
                    Owner::Inside(name) => name.clone(),
                    Owner::External => DriverName::fixed("podbox"),
                };
                assert!(given.refuse_strays_among(&[own.clone()].into()).is_ok(), "{flag}");
                // A cluster of several drivers takes the flags of each.
                assert!(
                    given.refuse_strays_among(&[DriverName::fixed("docker"), own].into()).is_ok()
                );
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen}");
    }

    #[test]
    fn the_command_line_that_would_be_right_is_told() {
        let right = |line: &[&str]| {
            let line: Vec<_> = line.iter().map(OsString::from).collect();
            match given(&line).refuse_strays() {
                Err(Error::StrayFlag { right, .. }) => right,
                other => format!("{other:?}"),
            }
        };
        assert_eq!(
            right(&["dojo", "up", "--host", "root@192.0.2.11"]),
            "dojo up --host root@192.0.2.11 --driver ssh"
        );
        assert_eq!(
            right(&["dojo", "up", "ab", "--driver", "docker", "--tag", "a=b c"]),
            "dojo up ab --tag 'a=b c' --driver ec2"
        );
        assert_eq!(
            right(&["dojo", "repair", "ab", "--driver=ssh", "--driver-opt", "a=b"]),
            "dojo repair ab --driver-opt a=b --driver NAME"
        );
        assert_eq!(right(&["dojo", "down", "--region", "x"]), "dojo down --region x --driver ec2");
        assert_eq!(right(&["dojo", "ls", "--driver", "ec2", "--region", "x"]), "Ok(())");
    }
}
