//! `dojo env`: shell commands that point docker at one machine, as docker-machine users expect.

use super::answer::in_time;
use super::args::{Env, Shell};
use super::error::Error;
use super::machine::engine;
use super::output;
use super::services::Context;

/// Says that `DOCKER_HOST` leads to a machine of ours, so that `dojo` itself does not take that machine
/// for the engine to make machines with.
const MARK: &str = "DOJO_MACHINE";

pub(super) async fn run(context: &Context, args: &Env) -> Result<(), Error> {
    let shell = args.shell.unwrap_or_else(detect);
    let Some(machine) = &args.machine else {
        let names = ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", MARK];
        let mut lines: String = names.iter().map(|name| unset(shell, name)).collect();
        lines.push_str(&hint(shell, "--unset", "to point this shell at no machine any more"));
        return output::write(lines.as_bytes());
    };
    let (record, machine) = context.machine(machine)?;
    let endpoint = engine(&record, &machine)?;
    let machines = std::slice::from_ref(&machine);
    in_time(&record.spec.located(&record.places), async {
        context.try_open_ways(&record, machines).await;
        Ok(())
    })
    .await?;
    let tls = context.tls(&record.spec.name);
    let directory = tls.ca.parent().map(|d| d.display().to_string()).unwrap_or_default();
    let mut lines = String::new();
    for (name, value) in [
        ("DOCKER_HOST", format!("tcp://{endpoint}")),
        ("DOCKER_TLS_VERIFY", "1".to_owned()),
        ("DOCKER_CERT_PATH", directory),
        (MARK, machine.id.to_string()),
    ] {
        lines.push_str(&set(shell, name, &value));
    }
    if args.no_proxy {
        // Whichever case the user has already is the one that their tools read.
        let name = if std::env::var_os("no_proxy").is_some() { "no_proxy" } else { "NO_PROXY" };
        let before = std::env::var(name).unwrap_or_default();
        lines.push_str(&set(shell, name, &with_entry(&before, &endpoint.ip().to_string())));
    }
    lines.push_str(&hint(shell, &machine.id.to_string(), "to point this shell at it"));
    output::write(lines.as_bytes())
}

fn with_entry(list: &str, entry: &str) -> String {
    let mut entries: Vec<&str> = list.split(',').filter(|e| !e.is_empty()).collect();
    if !entries.contains(&entry) {
        entries.push(entry);
    }
    entries.join(",")
}

fn detect() -> Shell {
    let shell = std::env::var("SHELL").unwrap_or_default();
    match shell.rsplit('/').next() {
        Some("fish") => Shell::Fish,
        Some("zsh") => Shell::Zsh,
        Some("tcsh" | "csh") => Shell::Tcsh,
        Some("pwsh") => Shell::Powershell,
        _ => Shell::Bash,
    }
}

fn set(shell: Shell, name: &str, value: &str) -> String {
    let posix = || format!("'{}'", value.replace('\'', r"'\''"));
    match shell {
        Shell::Bash | Shell::Zsh => format!("export {name}={}\n", posix()),
        Shell::Fish => {
            let value = value.replace('\\', r"\\").replace('\'', r"\'");
            format!("set -gx {name} '{value}';\n")
        }
        Shell::Tcsh => format!("setenv {name} {};\n", posix()),
        Shell::Powershell => format!("$Env:{name} = '{}'\n", value.replace('\'', "''")),
        Shell::Cmd => format!("SET {name}={value}\n"),
    }
}

fn unset(shell: Shell, name: &str) -> String {
    match shell {
        Shell::Bash | Shell::Zsh => format!("unset {name}\n"),
        Shell::Fish => format!("set -e {name};\n"),
        Shell::Tcsh => format!("unsetenv {name};\n"),
        Shell::Powershell => format!("Remove-Item Env:\\{name} -ErrorAction SilentlyContinue\n"),
        Shell::Cmd => format!("SET {name}=\n"),
    }
}

/// How a shell runs what `dojo env` prints with these arguments, and what for.
fn hint(shell: Shell, arguments: &str, purpose: &str) -> String {
    match shell {
        Shell::Bash | Shell::Zsh => format!("# {purpose}: eval \"$(dojo env {arguments})\"\n"),
        Shell::Fish => format!("# {purpose}: dojo env {arguments} | source\n"),
        Shell::Tcsh => format!("# {purpose}: eval `dojo env {arguments}`\n"),
        Shell::Powershell => format!("# {purpose}: dojo env {arguments} | Invoke-Expression\n"),
        Shell::Cmd => {
            format!("REM {purpose}: @FOR /f \"tokens=*\" %i IN ('dojo env {arguments}') DO @%i\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_path_ends_no_string() {
        let text = set(Shell::Bash, "V", "it's $HOME");
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("{text} printf %s \"$V\"")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's $HOME");
    }

    #[test]
    fn an_address_is_excepted_from_proxies_once() {
        assert_eq!(with_entry("", "127.0.0.1"), "127.0.0.1");
        assert_eq!(with_entry("a,127.0.0.1", "127.0.0.1"), "a,127.0.0.1");
        assert_eq!(with_entry("a", "127.0.0.1"), "a,127.0.0.1");
    }
}
