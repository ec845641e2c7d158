//! Runs the commands of a solution as the learner would: in their directory, by their shell, with `docker` and `kubectl` leading
//! to the cluster of the lesson.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use super::desk;
use super::error::Error;

/// What leads `docker` elsewhere, whatever context is chosen.
const SETTINGS: [&str; 4] =
    ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"];

/// How many of the last lines are told of commands that fail.
const LINES: usize = 3;

/// What commands of a solution run in.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The directory with the files of the lesson.
    pub directory: PathBuf,
    /// The docker context of the cluster.
    pub context: String,
    /// The kubeconfig of the cluster, and a kubectl of its release, if it is one of Kubernetes.
    pub kubernetes: Option<(PathBuf, PathBuf)>,
    /// The namespace that is meant where none is named.
    pub namespace: Option<String>,
    /// This program, which commands call `dojo`.
    pub dojo: PathBuf,
    /// Where it finds the lesson, if that is not in the home.
    pub lessons: Option<PathBuf>,
}

/// Runs commands, one after the other in one shell, since one may use what an earlier one has found out. Each is told on
/// standard error before it runs, and so is what it says.
///
/// # Errors
/// [`Error::Solution`] if one of them fails.
pub async fn run(shell: &Shell, commands: &[String]) -> Result<(), Error> {
    let (mut command, _bin) = prepared(shell, commands)?;
    let status = command.status().await.map_err(Error::file("run", "bash"))?;
    judged(commands, status, String::new())
}

/// The same without a word: what the commands say is told where one of them fails.
///
/// # Errors
/// [`Error::Solution`] if one of them fails.
pub async fn run_quietly(shell: &Shell, commands: &[String]) -> Result<(), Error> {
    let (mut command, _bin) = prepared(shell, commands)?;
    let output = command.output().await.map_err(Error::file("run", "bash"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join(" | ");
    judged(commands, output.status, last)
}

fn judged(commands: &[String], status: ExitStatus, said: String) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    let command = commands.join("; ");
    let said = if said.is_empty() { said } else { format!(": {said}") };
    Err(Error::Solution { command, status: format!("{status}{said}") })
}

/// The shell that runs commands, and the directory with the programs that they are to find.
fn prepared(shell: &Shell, commands: &[String]) -> Result<(Command, TempDir), Error> {
    let bin = tempfile::tempdir().map_err(Error::file("make", std::env::temp_dir()))?;
    let link = |name: &str, target: &PathBuf| {
        let path = bin.path().join(name);
        symlink(target, &path).map_err(Error::file("make", path))
    };
    link("dojo", &shell.dojo)?;
    let mut command = Command::new("bash");
    command.args(["-e", "-c", &script(commands)]).current_dir(&shell.directory);
    // What the learner's terminal says of docker must not lead the solution to another place.
    for name in SETTINGS {
        command.env_remove(name);
    }
    command.env("DOCKER_CONTEXT", &shell.context).stdin(Stdio::null()).kill_on_drop(true);
    if let Some((kubeconfig, kubectl)) = &shell.kubernetes {
        let path = bin.path().join("kubectl");
        let namespace = shell.namespace.as_deref().unwrap_or("default");
        let quote = |path: &PathBuf| crate::remote::quote(&path.display().to_string());
        let text = format!("#!/bin/sh\nexec {} --namespace {namespace} \"$@\"\n", quote(kubectl));
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).map_err(Error::file("write", &path))?;
        command.env("KUBECONFIG", kubeconfig);
    }
    if let Some(lessons) = &shell.lessons {
        command.env(desk::PLACE, lessons);
    }
    let mut path = OsString::from(bin.path());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    command.env("PATH", path);
    Ok((command, bin))
}

fn script(commands: &[String]) -> String {
    let told = |command: &String| {
        format!("printf '$ %s\\n' {} >&2\n{command}\n", crate::remote::quote(command))
    };
    commands.iter().map(told).collect()
}
