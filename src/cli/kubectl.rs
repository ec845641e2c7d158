//! `dojo kubectl`, and what is said where the computer's own kubectl will not do.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use serde::Deserialize;

use crate::event::Progress;
use crate::learn::Desk;
use crate::model::{ClusterName, KubernetesVersion, Machine};
use crate::remote::Dialer;
use crate::workflow;

use super::args::Kubectl;
use super::error::Error;
use super::services::Context;

/// How many minor releases kubectl and the API may be apart ("Version Skew Policy", kubernetes.io).
const SKEW: u16 = 1;

/// Becomes the cluster's own kubectl.
pub(super) async fn run(context: &Context, args: Kubectl) -> Result<ExitCode, Error> {
    let record = context.record(&context.cluster(args.cluster)?)?;
    let name = &record.spec.name;
    let files = context.ssh(name);
    let progress = Progress::new(Arc::clone(&context.reporter));
    let dialer = |machine: &Machine| Arc::new(context.dialer(&record, machine)) as Arc<dyn Dialer>;
    let program = workflow::kubectl(&record, &cache()?, &files, dialer, &progress).await?;
    context.open_tunnels(&record, &record.machines).await?;
    let kubeconfig = context.home.directory(name).join("kubeconfig");
    let mut command = Command::new(program);
    // What the user says comes later, and wins.
    command.args(namespace(context, name).map(|namespace| format!("--namespace={namespace}")));
    let error = command.args(args.arguments).env("KUBECONFIG", kubeconfig).exec();
    Err(Error::Io { operation: "run kubectl", source: error })
}

/// The namespace of the lesson that is done on a cluster, if one is.
fn namespace(context: &Context, cluster: &ClusterName) -> Option<String> {
    let attempt = Desk::of(&context.home).attempt().ok()??;
    attempt.namespace.filter(|_| attempt.cluster == *cluster)
}

/// Where programs are kept that can be fetched again (XDG Base Directory Specification 0.8).
pub(super) fn cache() -> Result<PathBuf, Error> {
    let set = |key| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let cache = cache.ok_or_else(|| {
        Error::Usage("neither XDG_CACHE_HOME nor HOME says where kubectl can be kept".to_owned())
    })?;
    Ok(cache.join("clusterdojo"))
}

/// Whether this computer has a kubectl that suits a cluster of this release.
pub(super) fn suits(release: KubernetesVersion) -> bool {
    minor_of(Path::new("kubectl")).is_some_and(|minor| minor.abs_diff(release.minor) <= SKEW)
}

/// The minor release of a kubectl; `None` if there is none that runs.
fn minor_of(program: &Path) -> Option<u16> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Versions {
        client_version: Info,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Info {
        git_version: String,
    }
    let mut command = Command::new(program);
    command.args(["version", "--client", "--output=json"]).stdin(Stdio::null());
    let output = command.output().ok()?;
    let versions: Versions = serde_json::from_slice(&output.stdout).ok()?;
    // Some distributions add words of their own: v1.32.2+k3s1.
    let version = versions.client_version.git_version;
    let version: KubernetesVersion = version.split('+').next()?.parse().ok()?;
    Some(version.minor)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_kubectl_says_of_which_release_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("kubectl");
        for (said, minor) in [
            (r#"{"clientVersion":{"major":"1","minor":"32","gitVersion":"v1.32.2"}}"#, Some(32)),
            (
                r#"{"clientVersion":{"major":"1","minor":"31+","gitVersion":"v1.31.5+k3s1"}}"#,
                Some(31),
            ),
            ("error: unknown flag: --output", None),
        ] {
            fs::write(&program, format!("#!/bin/sh\ncat <<'END'\n{said}\nEND\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            assert_eq!(minor_of(&program), minor, "{said}");
        }
        assert_eq!(minor_of(&directory.path().join("absent")), None);
    }
}
