//! Spec files: YAML, with unknown keys and impossible values refused where they stand.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_saphyr::{Location, Spanned};

use crate::driver::{Kind, Section, registry};
use crate::durable;
use crate::model::{ClusterName, DriverName, EngineOptions, KubernetesOptions, Orchestrator};
use crate::yaml::{self, Refused};

use super::sections::EXTERNAL;
use super::{API_VERSION, ClusterSpec, Invalid, MachineGroup, Place, Sections};

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

/// The file as it is written, but for the sections of drivers inside; [`ClusterSpec`] is what it means.
#[derive(Deserialize)]
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
    external: Option<Spanned<BTreeMap<DriverName, Section>>>,
}

/// The keys of a [`Document`].
const KEYS: [&str; 7] =
    ["apiVersion", "name", "orchestrator", "machines", "engine", "kubernetes", EXTERNAL];

/// Where the sections of drivers inside are. Keys that nobody knows are refused where they stand.
struct Outline(Vec<(&'static dyn Kind, Location)>);

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Outline;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a spec")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
                let mut sections = Vec::new();
                while let Some(Key(driver)) = map.next_key()? {
                    let value: Option<Spanned<IgnoredAny>> = map.next_value()?;
                    sections.extend(driver.zip(value.map(|value| value.referenced)));
                }
                Ok(Outline(sections))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// A key that is known, and the driver whose section it is.
struct Key(Option<&'static dyn Kind>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static ALL: LazyLock<Vec<&str>> = LazyLock::new(|| {
            let drivers = registry::inside().filter(|kind| !kind.is_for_tests());
            // Once, and for as long as the program runs.
            let drivers = drivers.map(|kind| &*kind.name().to_string().leak());
            KEYS.into_iter().chain(drivers).collect()
        });
        let key = String::deserialize(deserializer)?;
        match registry::find(&key) {
            None if !KEYS.contains(&key.as_str()) => Err(D::Error::unknown_field(&key, &ALL)),
            driver => Ok(Self(driver)),
        }
    }
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
    let spec = parse(&text).map(ClusterSpec::with_absolute_paths);
    let spec = spec.map_err(|Refused { place, problem }| Error::Malformed {
        path: path.to_owned(),
        line: place.line(),
        column: place.column(),
        problem,
    })?;
    Ok((spec, text))
}

fn parse(text: &str) -> Result<ClusterSpec, Refused> {
    let Outline(outline) = yaml::read(text)?;
    let document: Document = yaml::read(text)?;
    if document.api_version.value != API_VERSION {
        let problem = format!(
            "apiVersion `{}` is not known: expected {API_VERSION}",
            document.api_version.value
        );
        return Err(Refused { place: document.api_version.referenced, problem });
    }
    let places: Vec<Location> = document.machines.value.iter().map(|g| g.referenced).collect();
    let machines_at = document.machines.referenced;
    let engine_at = document.engine.as_ref().map_or(machines_at, |e| e.referenced);
    let kubernetes_at = document.kubernetes.as_ref().map_or(machines_at, |k| k.referenced);
    let external_at = document.external.as_ref().map_or(machines_at, |e| e.referenced);
    let mut sections = Sections::default();
    let mut chosen = Vec::new();
    for (kind, at) in &outline {
        let section = (kind.shape().in_file)(text)?;
        // That of the driver that is meant where none is named is always written.
        if !section.is_empty() || kind.name() != registry::default() {
            chosen.push((kind.name(), *at));
        }
        sections.admit(&kind.name(), section);
    }
    for (name, section) in document.external.into_iter().flat_map(|external| external.value) {
        if registry::find(name.as_str()).is_some() {
            let problem = format!("`{name}` is no external driver: its options stand one level up");
            return Err(Refused { place: external_at, problem });
        }
        chosen.push((name.clone(), external_at));
        sections.admit(&name, section);
    }
    let spec = ClusterSpec {
        name: document.name,
        orchestrator: document.orchestrator,
        machines: document.machines.value.into_iter().map(|g| g.value).collect(),
        engine: document.engine.map(|e| e.value).unwrap_or_default(),
        kubernetes: document.kubernetes.map(|k| k.value).unwrap_or_default(),
        sections,
    };
    for (driver, place) in chosen {
        if !spec.drivers().iter().any(|d| registry::kind(d).heeds(&driver)) {
            let problem =
                format!("there are options for driver `{driver}`, but no machines from it");
            return Err(Refused { place, problem });
        }
    }
    match spec.validate() {
        Ok(()) => Ok(spec),
        Err(Invalid { place, problem }) => {
            let place = match place {
                Place::Group(index) => places[index],
                Place::Machines => machines_at,
                Place::Engine => engine_at,
                Place::Kubernetes => kubernetes_at,
                Place::External => external_at,
                Place::Driver(name) => outline
                    .iter()
                    .find(|(kind, _)| kind.name() == name)
                    .map_or(machines_at, |(_, at)| *at),
            };
            Err(Refused { place, problem })
        }
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
        parse(text).unwrap_err().to_string()
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
