//! Spec files: YAML, with unknown keys and impossible values refused where they stand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_saphyr::{Location, Spanned};

use crate::driver::docker::DockerOptions;
use crate::driver::ec2::Ec2Options;
use crate::driver::external;
use crate::driver::ssh::SshOptions;
use crate::durable;
use crate::model::{ClusterName, DriverName, EngineOptions, KubernetesOptions, Orchestrator};

use super::{API_VERSION, ClusterSpec, Invalid, MachineGroup, Place};

/// Why a spec file was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the spec file `{}`", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a spec.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where, counted from 1.
        line: u64,
        /// Where in that line, counted from 1.
        column: u64,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// The file as it is written; [`ClusterSpec`] is what it means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "apiVersion")]
    api_version: Spanned<String>,
    name: ClusterName,
    #[serde(default)]
    orchestrator: Orchestrator,
    machines: Spanned<Vec<Spanned<MachineGroup>>>,
    #[serde(default)]
    engine: Option<Spanned<EngineOptions>>,
    #[serde(default)]
    kubernetes: Option<Spanned<KubernetesOptions>>,
    #[serde(default)]
    docker: Option<Spanned<DockerOptions>>,
    #[serde(default)]
    external: Option<Spanned<BTreeMap<DriverName, external::Options>>>,
    ec2: Option<Spanned<Ec2Options>>,
    ssh: Option<Spanned<SshOptions>>,
}

/// The same for writing.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    #[serde(flatten)]
    spec: &'a ClusterSpec,
}

/// Reads and validates a spec file. Returns its text as well, since what a pipe gave is not there again.
pub fn read(path: &Path) -> Result<(ClusterSpec, String), Error> {
    let text = durable::read_input(path, durable::KEY)
        .map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    let spec =
        parse(&text).map(ClusterSpec::with_absolute_paths).map_err(|(location, problem)| {
            Error::Malformed {
                path: path.to_owned(),
                line: location.line(),
                column: location.column(),
                problem,
            }
        })?;
    Ok((spec, text))
}

fn parse(text: &str) -> Result<ClusterSpec, (Location, String)> {
    // A multi-line excerpt of the file does not belong in a one-line error.
    let options = serde_saphyr::options! { with_snippet: false };
    let document: Document =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let location = error.location().unwrap_or(Location::UNKNOWN);
            let message = error.without_snippet().to_string();
            // The place is told apart from the problem, so it need not stand in the text again.
            let at = format!(" at line {}, column {}", location.line(), location.column());
            (location, message.replace(&at, ""))
        })?;
    if document.api_version.value != API_VERSION {
        let problem = format!(
            "apiVersion `{}` is not known: expected {API_VERSION}",
            document.api_version.value
        );
        return Err((document.api_version.referenced, problem));
    }
    let places: Vec<Location> = document.machines.value.iter().map(|g| g.referenced).collect();
    let machines_at = document.machines.referenced;
    let engine_at = document.engine.as_ref().map_or(machines_at, |e| e.referenced);
    let kubernetes_at = document.kubernetes.as_ref().map_or(machines_at, |k| k.referenced);
    let docker_at = document.docker.as_ref().map_or(machines_at, |d| d.referenced);
    let external_at = document.external.as_ref().map_or(machines_at, |e| e.referenced);
    let ec2_at = document.ec2.as_ref().map_or(machines_at, |e| e.referenced);
    let ssh_at = document.ssh.as_ref().map_or(machines_at, |s| s.referenced);
    let mut chosen = vec![(DriverName::Ec2, document.ec2.as_ref().map(|e| e.referenced))];
    chosen.push((DriverName::Ssh, document.ssh.as_ref().map(|s| s.referenced)));
    let docker = document.docker.as_ref().filter(|d| d.value != DockerOptions::default());
    chosen.push((DriverName::Docker, docker.map(|d| d.referenced)));
    for name in document.external.iter().flat_map(|e| e.value.keys()) {
        chosen.push((name.clone(), Some(external_at)));
    }
    let spec = ClusterSpec {
        name: document.name,
        orchestrator: document.orchestrator,
        machines: document.machines.value.into_iter().map(|g| g.value).collect(),
        engine: document.engine.map(|e| e.value).unwrap_or_default(),
        kubernetes: document.kubernetes.map(|k| k.value).unwrap_or_default(),
        docker: document.docker.map(|d| d.value).unwrap_or_default(),
        external: document.external.map(|e| e.value).unwrap_or_default(),
        ec2: document.ec2.map(|e| e.value).unwrap_or_default(),
        ssh: document.ssh.map(|s| s.value).unwrap_or_default(),
    };
    for (driver, place) in chosen {
        let heeded = spec.drivers().iter().any(|d| d.heeds_options_of(&driver));
        if let Some(place) = place.filter(|_| !heeded) {
            let problem =
                format!("there are options for driver `{driver}`, but no machines from it");
            return Err((place, problem));
        }
    }
    match spec.validate() {
        Ok(()) => Ok(spec),
        Err(Invalid { place, problem }) => Err((
            match place {
                Place::Group(index) => places[index],
                Place::Machines => machines_at,
                Place::Engine => engine_at,
                Place::Kubernetes => kubernetes_at,
                Place::Docker => docker_at,
                Place::External => external_at,
                Place::Ec2 => ec2_at,
                Place::Ssh => ssh_at,
            },
            problem,
        )),
    }
}

impl ClusterSpec {
    /// The spec as a file that [`read`] understands.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(&Written { api_version: API_VERSION, spec: self })
            .expect("a spec holds only strings, numbers, lists and maps with string keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let (location, problem) = parse(text).unwrap_err();
        format!("{}:{}: {problem}", location.line(), location.column())
    }

    const HEAD: &str = "apiVersion: clusterdojo/v1\nname: practice\n";

    #[test]
    fn a_spec_reads_back_as_written() {
        let text = format!(
            "{HEAD}orchestrator: swarm\nmachines:\n  - {{ role: manager, count: 3 }}\n  \
             - {{ role: worker, count: 2, memory: 2GiB, cpus: 0.5, ports: [\"8080:80\"] }}\n\
             engine: {{ labels: [\"disk=ssd\"], daemon: {{ debug: true }} }}\n"
        );
        let spec = parse(&text).unwrap();
        assert_eq!(spec.machines().len(), 5);
        assert_eq!(parse(&spec.to_yaml()).unwrap(), spec);
    }

    #[test]
    fn roles_are_called_as_in_machine_names() {
        let text = format!("{HEAD}orchestrator: none\nmachines:\n  - {{ role: machine }}\n");
        let spec = parse(&text).unwrap();
        assert_eq!(spec.machines()[0].name.to_string(), "machine-1");
        assert!(spec.to_yaml().contains("role: machine"), "{}", spec.to_yaml());
    }

    #[test]
    fn problems_are_told_with_line_and_column() {
        let unknown = refused(&format!("{HEAD}machines:\n  - {{ role: manager, cuont: 1 }}\n"));
        assert!(unknown.starts_with("4:"), "{unknown}");
        assert!(unknown.contains("cuont") && unknown.contains("count"), "{unknown}");

        let even = refused(&format!("{HEAD}machines:\n  - {{ role: manager, count: 2 }}\n"));
        assert!(even.starts_with("4:3: 2 managers"), "{even}");

        let memory = refused(&format!("{HEAD}machines:\n  - role: manager\n    memory: 2TB\n"));
        assert!(memory.starts_with("5:13:") && memory.contains("2GiB"), "{memory}");

        let name = refused("apiVersion: clusterdojo/v1\nname: Bad Name\nmachines: []\n");
        assert!(name.starts_with("2:7:") && name.contains("lower-case"), "{name}");

        let version = refused("apiVersion: v2\nname: practice\nmachines: []\n");
        assert!(version.starts_with("1:13:") && version.contains(API_VERSION), "{version}");

        let role = refused(&format!("{HEAD}machines:\n  - {{ role: boss }}\n"));
        assert!(role.starts_with("4:") && role.contains("manager"), "{role}");

        let stray = refused(&format!(
            "{HEAD}machines:\n  - {{ role: manager }}\nexternal:\n  podbox: {{ image: debian }}\n"
        ));
        assert!(stray.starts_with("6:3:") && stray.contains("`podbox`"), "{stray}");

        let subnet = refused(&format!(
            "{HEAD}machines:\n  - {{ role: manager }}\ndocker:\n  subnet: 127.0.0.0/8\n"
        ));
        assert!(subnet.starts_with("6:3:") && subnet.contains("loopback"), "{subnet}");

        let key = refused(&format!(
            "{HEAD}machines:\n  - {{ role: manager }}\nengine:\n  daemon: {{ hosts: [] }}\n"
        ));
        assert!(key.starts_with("6:3:") && key.contains("hosts"), "{key}");
    }
}
