//! Help, with the flags of one driver only: `dojo up --driver NAME --help`. An external driver is asked for its options.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, CommandFactory as _};
use serde_json::Value;

use crate::driver::external::protocol::{Capabilities, OptionSchema, OptionType};
use crate::driver::external::{ExternalDriver, Options};
use crate::driver::registry;
use crate::event::{Progress, Silent};
use crate::model::DriverName;

use super::args::Cli;
use super::error::Error;
use super::failure;
use super::flags::shown_for;

/// Says what there is to say instead of running a command.
pub(super) async fn tell(refusal: clap::Error, arguments: Vec<OsString>) -> ExitCode {
    if refusal.kind() != ErrorKind::DisplayHelp {
        return print(&refusal);
    }
    let (verb, driver) = asked(&arguments).unwrap_or_else(|| (String::new(), registry::default()));
    let command = shown_for(&driver);
    let show = |command: Command| {
        print(&command.try_get_matches_from(&arguments).err().unwrap_or(refusal))
    };
    if verb != "up" || !registry::kind(&driver).is_outside() {
        return show(command);
    }
    let name = driver.as_str();
    let progress = Progress::new(Arc::new(Silent));
    match ExternalDriver::connect(name, &Options::new(), &Options::new(), progress).await {
        Ok(driver) => {
            let text = options(name, driver.capabilities());
            show(command.mut_subcommand("up", |up| {
                let examples = up.get_after_help().map(ToString::to_string).unwrap_or_default();
                up.after_help(format!("{examples}\n\n{text}"))
            }))
        }
        Err(error) => {
            show(command);
            failure::tell(&Error::from(registry::but_inside(error)))
        }
    }
}

fn print(refusal: &clap::Error) -> ExitCode {
    // Nobody may be there any more to read it.
    let _ = refusal.print();
    ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(1))
}

/// The command and the driver that help is asked for.
fn asked(arguments: &[OsString]) -> Option<(String, DriverName)> {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::SetTrue);
    let command = Cli::command().mut_subcommands(|verb| verb.disable_help_flag(true).arg(&help));
    let matches = command.try_get_matches_from(arguments).ok()?;
    let (verb, matches) = matches.subcommand()?;
    Some((verb.to_owned(), matches.try_get_one::<DriverName>("driver").ok()??.clone()))
}

fn options(name: &str, capabilities: &Capabilities) -> String {
    let of = match capabilities.description.as_str() {
        "" => format!("driver {name}"),
        description => format!("driver {name} ({description})"),
    };
    if capabilities.options.is_empty() {
        return plain(&format!("The {of} has no options."));
    }
    let mut text = plain(&format!("Options of {of}:"));
    for option in &capabilities.options {
        let value = match option.kind {
            OptionType::String => "TEXT",
            OptionType::Integer | OptionType::Number => "N",
            OptionType::Boolean => "true|false",
            OptionType::Array | OptionType::Object => "JSON",
        };
        let flag = format!("--driver-opt {}=<{value}>", option.name);
        text.push_str(&format!("\n      {}\n          {}\n", plain(&flag), plain(&about(option))));
    }
    text
}

fn about(option: &OptionSchema) -> String {
    let mut words = vec![option.description.clone()];
    if !option.choices.is_empty() {
        let choices: Vec<_> = option.choices.iter().map(written).collect();
        words.push(format!("[possible values: {}]", choices.join(", ")));
    }
    match &option.default {
        Some(default) => words.push(format!("[default: {}]", written(default))),
        None if option.required => words.push("[required]".to_owned()),
        None => {}
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Words of somebody else, for a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
