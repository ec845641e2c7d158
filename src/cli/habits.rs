//! What people type who come from docker-machine, kind, minikube, k3d or kubectl: for each such word the command that
//! does it here. Without this table clap would propose whatever is spelled alike, as `stop` for `scp`.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::model::MachineName;

use super::args::Cli;

/// One or two words, and the command here.
const HABITS: &[(&str, &str)] = &[
    ("apply", "dojo kubectl -- apply -f FILE"),
    ("cluster create", "dojo up NAME"),
    ("cluster delete", "dojo down NAME"),
    ("cluster list", "dojo ls"),
    ("cluster start", "dojo start NAME"),
    ("cluster stop", "dojo stop NAME"),
    ("console", "dojo ssh MACHINE"),
    ("context create", "dojo up NAME"),
    ("context inspect", "dojo inspect NAME"),
    ("context list", "dojo ls"),
    ("context ls", "dojo ls"),
    ("context rm", "dojo down NAME"),
    ("context show", "dojo active"),
    ("context use", "dojo use NAME"),
    ("create", "dojo up NAME --engines --machines 1"),
    ("create cluster", "dojo up NAME"),
    ("current-context", "dojo active"),
    ("delete", "dojo down NAME"),
    ("delete cluster", "dojo down NAME"),
    ("delete clusters", "dojo down --all"),
    ("describe", "dojo inspect NAME"),
    ("destroy", "dojo down NAME"),
    ("docker-env", "dojo env MACHINE"),
    ("export", "dojo kubeconfig NAME"),
    ("export kubeconfig", "dojo kubeconfig NAME"),
    ("export logs", "dojo logs NAME --bundle"),
    ("get", "dojo kubectl get"),
    ("get clusters", "dojo ls"),
    ("get kubeconfig", "dojo kubeconfig NAME"),
    ("get nodes", "dojo status NAME"),
    ("image import", "dojo image load IMAGE"),
    ("info", "dojo status NAME"),
    ("load", "dojo image load IMAGE"),
    ("machine", "dojo status NAME"),
    ("machine add", "dojo scale NAME --workers N"),
    ("machine rm", "dojo scale NAME --workers N"),
    ("node", "dojo status NAME"),
    ("node add", "dojo scale NAME --workers N"),
    ("node create", "dojo scale NAME --workers N"),
    ("node delete", "dojo scale NAME --workers N"),
    ("node rm", "dojo scale NAME --workers N"),
    ("node start", "dojo start NAME/MACHINE"),
    ("node stop", "dojo stop NAME/MACHINE"),
    ("nodes", "dojo status NAME"),
    ("port-forward", "dojo forward MACHINE PORT"),
    ("profile", "dojo ls"),
    ("ps", "dojo ls"),
    ("regenerate-certs", "dojo certs renew NAME"),
    ("remove", "dojo down NAME"),
    ("resume", "dojo start NAME"),
    ("scp", "dojo cp SOURCE TARGET"),
    ("service", "dojo forward svc/NAME PORT"),
    ("shell", "dojo ssh MACHINE"),
    ("switch", "dojo use NAME"),
    ("tunnel", "dojo forward svc/NAME PORT"),
    ("update", "dojo up NAME"),
    ("version", "dojo --version"),
];

/// The refusal of what no command is called, with the command that is meant; as it was where nobody knows.
pub(super) fn explained(refusal: clap::Error, arguments: &[OsString]) -> clap::Error {
    let message =
        match refusal.kind() {
            ErrorKind::InvalidSubcommand => given(&refusal, ContextKind::InvalidSubcommand)
                .and_then(|word| verb(&word, arguments)),
            ErrorKind::ValueValidation => given(&refusal, ContextKind::InvalidValue)
                .and_then(|value| machine(&value, arguments)),
            _ => None,
        };
    let Some(message) = message else { return refusal };
    Cli::command().error(refusal.kind(), message)
}

fn given(refusal: &clap::Error, kind: ContextKind) -> Option<String> {
    match refusal.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}

fn verb(word: &str, arguments: &[OsString]) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == word)?;
    let beside = |index: usize| arguments.get(index)?.to_str();
    let here = |words: String| {
        let found = HABITS.iter().find(|(theirs, _)| *theirs == words);
        found.map(|(_, ours)| format!("there is no `dojo {words}`; that is `{ours}` here"))
    };
    let after = beside(at + 1).and_then(|next| here(format!("{word} {next}")));
    let before = || beside(at - 1).and_then(|previous| here(format!("{previous} {word}")));
    after.or_else(before).or_else(|| here(word.to_owned()))
}

/// A machine where whole clusters are removed.
fn machine(value: &str, arguments: &[OsString]) -> Option<String> {
    let removes = arguments.iter().any(|argument| argument == "down" || argument == "rm");
    let (cluster, name) = value.split_once('/')?;
    let name: MachineName = name.parse().ok()?;
    removes.then(|| of_machine(cluster, name))
}

/// How a machine is removed, for somebody who asked to remove it as if it were a cluster.
pub(super) fn of_machine(cluster: &str, machine: MachineName) -> String {
    format!(
        "`{machine}` is a machine, and `dojo down` removes whole clusters: `dojo scale {cluster}` with fewer {}s \
         removes machines",
        machine.role
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let refusal = Cli::command().try_get_matches_from(&arguments).unwrap_err();
        explained(refusal, &arguments).to_string()
    }

    #[test]
    fn every_habit_leads_to_a_command_that_is_there() {
        for (theirs, ours) in HABITS {
            let said = said(&format!("dojo {theirs}"));
            assert!(said.contains(&format!("`{ours}`")), "{theirs}: {said}");
            assert!(!said.contains("tip:"), "{theirs}: {said}");
            let verb = ours.split(' ').nth(1).unwrap();
            let is_there = Cli::command().find_subcommand(verb).is_some();
            assert!(is_there || verb == "--version", "{ours}");
        }
        assert!(HABITS.is_sorted(), "in order, so that nothing is there twice");
    }

    #[test]
    fn what_is_spelled_wrong_is_still_guessed() {
        assert!(said("dojo statsu").contains("'status'"));
    }

    #[test]
    fn a_machine_is_no_cluster_that_can_be_removed() {
        for verb in ["down", "rm"] {
            let said = said(&format!("dojo {verb} practice/worker-1"));
            assert!(said.contains("`dojo scale practice` with fewer workers"), "{said}");
        }
        assert!(said("dojo view practice/worker-1").contains("not a cluster name"));
    }
}
