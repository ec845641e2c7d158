//! The program of the lessons' image: a server that can be made ill, and what asks it, in one static file.
//!
//! `lab APPLET …` runs an applet, and so does a link to the program that has the applet's name. It uses
//! nothing but the standard library, because `build.rs` compiles it with `rustc` alone.
#![deny(unsafe_code, unsafe_op_in_unsafe_fn)]
#![warn(unreachable_pub)]
#![warn(
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::expect_used
)]
#![warn(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro, clippy::panic)]
#![allow(clippy::format_push_string, reason = "as in the rest of the package")]

mod args;
mod ci;
mod client;
mod clock;
mod curl;
mod fill;
mod hook;
mod json;
mod probe;
mod serve;
mod server;
#[allow(unsafe_code, reason = "signals are the system's")]
mod system;
mod visit;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// What one name runs.
struct Applet {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<ExitCode, Wrong>,
}

/// Why an applet does not even begin.
enum Wrong {
    /// The arguments are not such that it could: the status is 2.
    Usage(String),
    /// They are, but something is in its way: the status is 1.
    Failed(String),
}

const APPLETS: &[Applet] = &[
    Applet { name: "serve", help: serve::HELP, run: serve::run },
    Applet { name: "curl", help: curl::HELP, run: curl::run },
    Applet { name: "get", help: curl::GET_HELP, run: curl::run_get },
    Applet { name: "probe", help: probe::HELP, run: probe::run },
    Applet { name: "visit", help: visit::HELP, run: visit::run },
    Applet { name: "hook", help: hook::HELP, run: hook::run },
    Applet { name: "fill", help: fill::HELP, run: fill::run },
    Applet { name: "ci", help: ci::HELP, run: ci::run },
];

fn main() -> ExitCode {
    let mut arguments = Vec::new();
    for argument in std::env::args_os() {
        match argument.into_string() {
            Ok(text) => arguments.push(text),
            Err(other) => {
                complain(&format!("lab: {} is not text\n", other.display()));
                return ExitCode::from(2);
            }
        }
    }
    let called = arguments.first().and_then(|path| Path::new(path).file_name()?.to_str());
    let linked = called.and_then(applet);
    let rest = arguments.get(1..).unwrap_or_default();
    match (linked, rest) {
        (Some(applet), rest) => start(applet, rest),
        (None, []) => {
            complain(&help());
            ExitCode::from(2)
        }
        (None, [word]) if ["help", "--help", "-h"].contains(&word.as_str()) => {
            say(&help());
            ExitCode::SUCCESS
        }
        (None, [word, name]) if word == "help" => match applet(name) {
            Some(applet) => {
                say(applet.help);
                ExitCode::SUCCESS
            }
            None => unknown(name),
        },
        (None, [name, rest @ ..]) => applet(name).map_or_else(|| unknown(name), |a| start(a, rest)),
    }
}

fn applet(name: &str) -> Option<&'static Applet> {
    APPLETS.iter().find(|applet| applet.name == name)
}

fn start(applet: &Applet, arguments: &[String]) -> ExitCode {
    if arguments.iter().take_while(|word| *word != "--").any(|word| word == "--help") {
        say(applet.help);
        return ExitCode::SUCCESS;
    }
    let name = applet.name;
    match (applet.run)(arguments) {
        Ok(code) => code,
        Err(Wrong::Usage(why)) => {
            complain(&format!("{name}: {why}\n{name}: `{name} --help` tells what it takes\n"));
            ExitCode::from(2)
        }
        Err(Wrong::Failed(why)) => {
            complain(&format!("{name}: {why}\n"));
            ExitCode::FAILURE
        }
    }
}

fn unknown(name: &str) -> ExitCode {
    complain(&format!("lab: there is no applet `{name}`; `lab help` names them\n"));
    ExitCode::from(2)
}

fn help() -> String {
    let mut text = "lab APPLET [ARGUMENTS]\n\nThe applets:\n".to_owned();
    for Applet { name, help, .. } in APPLETS {
        // The second line of a help is the sentence that says what the applet does.
        let sentence = help.lines().nth(1).unwrap_or_default();
        text += &format!("  {name:6} {sentence}\n");
    }
    text + "\n`lab help APPLET` tells more. A link named like an applet runs it.\n"
}

/// Writes to standard output. Who does not read it any more does not want it: that is no reason to end.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes to standard error.
fn complain(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
