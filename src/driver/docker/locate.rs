//! Which engine is meant: the one that is named, else whatever answers at one of the usual places.

use std::fs;
use std::path::{Path, PathBuf};

use super::DockerOptions;
use crate::model::EngineContext;

/// An engine that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Its address.
    pub host: String,
    /// Where the certificates are, if it is to be spoken to with TLS.
    pub cert_path: Option<PathBuf>,
    /// What named it, if that was not the user a moment ago: "docker context `remote`".
    pub by: Option<String>,
}

/// The engine that options or the environment name; they win over docker's context.
pub(super) fn told(
    options: &DockerOptions,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<Named> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    // With `dojo env` in effect, docker's variables tell of a machine that we made, not of the engine
    // under it.
    let of_engine = variable("DOJO_MACHINE").is_none();
    let docker = |name: &str| variable(name).filter(|_| of_engine);
    let cert_path = || {
        // Without the first of them docker would speak TLS with whoever answers.
        docker("DOCKER_TLS_VERIFY").or_else(|| docker("DOCKER_TLS"))?;
        let directory = docker("DOCKER_CERT_PATH").or_else(|| variable("DOCKER_CONFIG"));
        let directory = directory.map(PathBuf::from);
        let directory =
            directory.or_else(|| Some(Path::new(&variable("HOME")?).join(".docker")))?;
        // It is remembered, and another command may be given elsewhere.
        Some(std::path::absolute(&directory).unwrap_or(directory))
    };
    if let Some(host) = options.host.clone() {
        let cert_path = options.cert_path.clone().or_else(cert_path);
        return Some(Named { host, cert_path, by: None });
    }
    let named =
        |name: &str, host| Named { host, cert_path: cert_path(), by: Some(name.to_owned()) };
    let own = variable("DOJO_DOCKER_HOST").map(|host| named("DOJO_DOCKER_HOST", host));
    own.or_else(|| docker("DOCKER_HOST").map(|host| named("DOCKER_HOST", host)))
}

/// The engine that a docker context names; an error where nobody would look at its certificate.
pub(super) fn of_context(context: EngineContext) -> Result<Named, String> {
    let EngineContext { name, host, cert_path, skip_tls_verify } = context;
    if skip_tls_verify {
        return Err(format!(
            "docker context `{name}` says not to verify the certificate of its engine, so anybody could \
             answer in its place: `docker context update {name} --docker host={host},ca=FILE` mends that"
        ));
    }
    Ok(Named { host, cert_path, by: Some(format!("docker context `{name}`")) })
}

/// The sockets at which an engine may answer, best first.
pub(super) fn sockets(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let directory = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    sockets.extend(directory("XDG_RUNTIME_DIR").map(|d| d.join("docker.sock")));
    if let Some(home) = directory("HOME") {
        // Docker Desktop, of macOS and of Linux; Rancher Desktop.
        for path in [".docker/run/docker.sock", ".docker/desktop/docker.sock", ".rd/docker.sock"] {
            sockets.push(home.join(path));
        }
        let colima = directory("COLIMA_HOME").unwrap_or_else(|| home.join(".colima"));
        sockets.push(colima.join("default/docker.sock"));
        sockets.extend(in_each_of(&colima, "docker.sock"));
        sockets.push(home.join(".orbstack/run/docker.sock"));
        sockets.extend(in_each_of(&home.join(".lima"), "sock/docker.sock"));
    }
    let mut seen = std::collections::HashSet::new();
    sockets.retain(|socket| seen.insert(socket.clone()));
    sockets
}

/// The sockets of Podman that are there. It speaks Docker's API, but machines need a Docker engine.
pub(super) fn podman_sockets(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let of_user = variable("XDG_RUNTIME_DIR").filter(|v| !v.is_empty()).map(PathBuf::from);
    let directories = [Some(PathBuf::from("/run")), of_user].into_iter().flatten();
    let sockets = directories.map(|directory| directory.join("podman/podman.sock"));
    sockets.filter(|socket| socket.exists()).collect()
}

/// The files of this name in the directories within a directory, in order.
fn in_each_of(directory: &Path, file: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.map(|entry| entry.path().join(file)).filter(|path| path.exists()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_with(options: &DockerOptions, variables: &[(&str, &str)]) -> Option<Named> {
        told(options, |name| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn host(options: &DockerOptions, variables: &[(&str, &str)]) -> Option<String> {
        told_with(options, variables).map(|named| named.host)
    }

    #[test]
    fn the_nearest_wish_wins() {
        let all = [("DOJO_DOCKER_HOST", "tcp://b:1"), ("DOCKER_HOST", "tcp://c:1")];
        let none = DockerOptions::default();
        let options = DockerOptions { host: Some("tcp://a:1".to_owned()), ..none.clone() };
        assert_eq!(host(&options, &all).unwrap(), "tcp://a:1");
        assert_eq!(host(&none, &all).unwrap(), "tcp://b:1");
        assert_eq!(host(&none, &all[1..]).unwrap(), "tcp://c:1");
        assert_eq!(host(&none, &[("DOCKER_HOST", "")]), None);
    }

    #[test]
    fn our_own_machines_are_not_the_engine() {
        let of_machine = [
            ("DOCKER_HOST", "tcp://127.0.0.1:20001"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/state/pki/client"),
            ("DOJO_MACHINE", "practice/manager-1"),
        ];
        assert_eq!(told_with(&DockerOptions::default(), &of_machine), None);
        let own = [&of_machine[..], &[("DOJO_DOCKER_HOST", "tcp://b:1")]].concat();
        assert_eq!(told_with(&DockerOptions::default(), &own).unwrap().cert_path, None);
    }

    #[test]
    fn tls_is_wanted_by_the_variables_that_docker_knows() {
        let cert_path = |variables: &[(&str, &str)]| {
            let host = [("DOCKER_HOST", "tcp://engine:2376"), ("HOME", "/home/me")];
            let named = told_with(&DockerOptions::default(), &[&host[..], variables].concat());
            named.unwrap().cert_path.map(|path| path.display().to_string())
        };
        assert_eq!(cert_path(&[]), None);
        assert_eq!(cert_path(&[("DOCKER_CERT_PATH", "/certs")]), None);
        let verify = ("DOCKER_TLS_VERIFY", "1");
        assert_eq!(cert_path(&[verify]).unwrap(), "/home/me/.docker");
        assert_eq!(cert_path(&[verify, ("DOCKER_CONFIG", "/config")]).unwrap(), "/config");
        assert_eq!(cert_path(&[verify, ("DOCKER_CERT_PATH", "/certs")]).unwrap(), "/certs");
        assert!(cert_path(&[("DOCKER_TLS", "1")]).is_some(), "asked for, so it is not left out");
    }

    #[test]
    fn a_context_that_trusts_anybody_is_refused() {
        let mut context = EngineContext {
            name: "remote".to_owned(),
            host: "tcp://engine:2376".to_owned(),
            cert_path: Some("/certs".into()),
            skip_tls_verify: false,
        };
        let named = of_context(context.clone()).unwrap();
        assert_eq!(named.by.unwrap(), "docker context `remote`");
        context.skip_tls_verify = true;
        assert!(of_context(context).unwrap_err().contains("`remote`"));
    }

    #[test]
    fn engines_of_desktops_and_all_profiles_are_looked_for() {
        let home = tempfile::tempdir().unwrap();
        for profile in ["lab", "arm"] {
            let directory = home.path().join(".colima").join(profile);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("docker.sock"), "").unwrap();
        }
        let variable = |name: &str| match name {
            "HOME" => Some(home.path().display().to_string()),
            "XDG_RUNTIME_DIR" => Some("/run/user/1000".to_owned()),
            _ => None,
        };
        let sockets = sockets(variable);
        let at = |path: &str| {
            let socket = home.path().join(path);
            sockets
                .iter()
                .position(|s| *s == socket)
                .unwrap_or_else(|| panic!("{path}: {sockets:?}"))
        };
        assert_eq!(sockets[0].to_str(), Some("/var/run/docker.sock"));
        assert_eq!(sockets[1].to_str(), Some("/run/user/1000/docker.sock"));
        assert!(at(".docker/desktop/docker.sock") < at(".rd/docker.sock"));
        assert!(at(".colima/default/docker.sock") < at(".colima/arm/docker.sock"));
        assert!(at(".colima/arm/docker.sock") < at(".colima/lab/docker.sock"));
        at(".docker/run/docker.sock");
        at(".orbstack/run/docker.sock");
    }
}
