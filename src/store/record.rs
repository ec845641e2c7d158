//! The record: what is on disk about one cluster. Not an API; `dojo inspect` has its own format.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::model::{
    ClusterName, KubernetesVersion, LoadedImage, Machine, MachineName, Places, SnapshotName,
};
use crate::spec::ClusterSpec;

use super::error::Error;

/// The schema that this version writes.
pub const SCHEMA: u32 = 4;

/// Something that was agreed on and has not come to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "kebab-case")]
pub enum Intent {
    /// All of it goes.
    Remove,
    /// Machines that the spec does not have go.
    Shrink {
        /// What is to be left.
        spec: ClusterSpec,
    },
    /// What the spec has is made, or brought to what it says.
    Grow {
        /// What there is to be.
        spec: ClusterSpec,
    },
    /// Nodes are brought to the release that the spec names.
    Upgrade {
        /// What there is to be.
        spec: ClusterSpec,
    },
    /// Everything stands still, so that what the cluster knows can be copied on its machines.
    Save {
        /// What the copies are called.
        snapshot: SnapshotName,
    },
    /// What the cluster knew is put back on its machines.
    Restore {
        /// What the copies are called.
        snapshot: SnapshotName,
    },
}

impl Intent {
    /// What the cluster is once it is done; `None` if it is gone then, or as it was.
    pub fn spec(&self) -> Option<&ClusterSpec> {
        match self {
            Self::Remove | Self::Save { .. } | Self::Restore { .. } => None,
            Self::Shrink { spec } | Self::Grow { spec } | Self::Upgrade { spec } => Some(spec),
        }
    }

    /// The command that has it done.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Remove => "down",
            Self::Shrink { .. } => "scale",
            Self::Grow { .. } => "up",
            Self::Upgrade { .. } => "upgrade",
            Self::Save { .. } => "snapshot save",
            Self::Restore { .. } => "snapshot restore",
        }
    }
}

/// How far a cluster has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Machines are being made, or brought to what was asked for.
    Creating,
    /// Nothing is left to do.
    Ready,
    /// Machines that the spec no longer has are being taken away.
    Scaling,
    /// The nodes are being brought to the release that the spec names.
    Upgrading,
    /// It stands still while what it knows is copied.
    Saving,
    /// What it knew is being put back.
    Restoring,
    /// It is being removed.
    Destroying,
}

/// The user's own files in which a cluster's contexts are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFiles {
    /// Docker's configuration directory.
    pub docker: PathBuf,
    /// The files that kubectl reads, in its order.
    pub kubectl: Vec<PathBuf>,
}

/// A watch that runs on a machine of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledWatch {
    /// Which one.
    pub machine: MachineName,
    /// A checksum of what it was told of the cluster, and of what opens it.
    pub knows: String,
}

/// What is remembered of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this format.
    pub schema: u32,
    /// The random id that labels carry.
    pub cluster_id: String,
    /// When `up` first began.
    pub created: Timestamp,
    /// What it is, or is being made now.
    pub spec: ClusterSpec,
    /// What is still to be done, in this order; the first of it may have been begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Intent>,
    /// Where its machines are, by driver. What of these the environment decided when the cluster was made is
    /// decided here from then on.
    #[serde(default)]
    pub places: Places,
    /// Where its contexts were written; absent in a record of schema 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contexts: Option<ContextFiles>,
    /// The machines as last seen.
    pub machines: Vec<Machine>,
    /// The release of Kubernetes that its nodes have; absent until there is one, and while it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<KubernetesVersion>,
    /// Whether there has been a cluster on the machines: what it knows cannot be made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begun: bool,
    /// What was loaded onto its machines, so that later ones get it as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<LoadedImage>,
    /// The watch that was installed on one of its machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<InstalledWatch>,
}

impl Record {
    /// The record of a cluster of which nothing exists yet.
    pub fn new(spec: ClusterSpec) -> Self {
        Self {
            schema: SCHEMA,
            cluster_id: format!("{:016x}", rand::random::<u64>()),
            created: Timestamp::now(),
            pending: vec![Intent::Grow { spec: spec.clone() }],
            spec,
            places: Places::new(),
            contexts: None,
            machines: Vec::new(),
            release: None,
            begun: false,
            images: Vec::new(),
            watch: None,
        }
    }

    /// The watch that was installed on one of its machines. It is gone with its machine.
    pub fn installed_watch(&self) -> Option<&InstalledWatch> {
        let has_it = |watch: &&InstalledWatch| {
            self.machines.iter().any(|machine| machine.id.name == watch.machine)
        };
        self.watch.as_ref().filter(has_it)
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        match self.pending.first() {
            None => Phase::Ready,
            Some(Intent::Remove) => Phase::Destroying,
            Some(Intent::Shrink { .. }) => Phase::Scaling,
            Some(Intent::Grow { .. }) => Phase::Creating,
            Some(Intent::Upgrade { .. }) => Phase::Upgrading,
            Some(Intent::Save { .. }) => Phase::Saving,
            Some(Intent::Restore { .. }) => Phase::Restoring,
        }
    }

    /// What it is to be once nothing is left to do.
    pub fn goal(&self) -> &ClusterSpec {
        self.pending.iter().rev().find_map(Intent::spec).unwrap_or(&self.spec)
    }

    /// The record in a cluster's directory; `None` if there is none.
    pub(super) fn read(directory: &Path, name: &ClusterName) -> Result<Option<Self>, Error> {
        let path = directory.join("cluster.json");
        match durable::read(&path, durable::TEXT) {
            Ok(text) => Self::parse(name, &text).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::file("read", path)(e)),
        }
    }

    fn parse(cluster: &ClusterName, text: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
            // Before there were intents.
            phase: Option<Phase>,
        }
        let damaged = |source| Error::Damaged { cluster: cluster.clone(), source };
        let Version { schema, phase } = serde_json::from_slice(text).map_err(damaged)?;
        if schema > SCHEMA {
            return Err(Error::Newer { cluster: cluster.clone(), found: schema, known: SCHEMA });
        }
        let mut record: Self = serde_json::from_slice(text).map_err(damaged)?;
        if record.schema < 2 {
            // Places stood nowhere but in the spec, and there only in part.
            record.places = record.spec.places();
        }
        if record.schema < 3 {
            let spec = record.spec.clone();
            record.pending = match phase {
                // The last two came later.
                Some(Phase::Ready | Phase::Saving | Phase::Restoring) | None => Vec::new(),
                Some(Phase::Creating) => vec![Intent::Grow { spec }],
                Some(Phase::Scaling) => vec![Intent::Shrink { spec }],
                Some(Phase::Upgrading) => vec![Intent::Upgrade { spec }],
                Some(Phase::Destroying) => vec![Intent::Remove],
            };
        }
        // Earlier versions did not note it.
        record.begun |= matches!(record.phase(), Phase::Ready | Phase::Scaling | Phase::Upgrading);
        record.schema = SCHEMA;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DriverName;

    /// A record as clusterdojo wrote it before there were places.
    const FIRST: &str = r#"{
      "schema": 1, "cluster_id": "b22f49ae4ae94b6e", "created": "2026-01-02T03:04:05Z", "phase": "ready",
      "spec": {
        "name": "practice", "orchestrator": "swarm",
        "machines": [
          { "role": "manager", "count": 1, "driver": "docker" },
          { "role": "worker", "count": 1, "driver": "ec2" },
          { "role": "worker", "count": 1, "driver": "podbox" }
        ],
        "engine": { "channel": "distro" }, "docker": { "bare": false },
        "external": { "podbox": { "image": "mine" } },
        "ec2": { "region": "eu-central-1", "account": "123456789012" }
      },
      "machines": [{
        "id": { "cluster": "practice", "name": "manager-1" }, "driver": "docker",
        "cluster_id": "b22f49ae4ae94b6e", "orchestrator": "swarm", "handle": "c0ffee", "state": "running",
        "user": "root", "private_ip": "10.200.0.11", "endpoints": { "ssh": "127.0.0.1:20000" }
      }]
    }"#;

    #[test]
    fn a_record_of_the_first_schema_is_read_and_knows_where_as_far_as_it_did() {
        let cluster = "practice".parse().unwrap();
        let record = Record::parse(&cluster, FIRST.as_bytes()).unwrap();
        assert_eq!((record.schema, record.machines.len()), (SCHEMA, 1));
        assert_eq!(record.contexts, None);
        let known: Vec<_> = record.places.keys().collect();
        assert_eq!(known, [&DriverName::fixed("ec2")]);
        assert_eq!(record.spec.sections.of(&DriverName::fixed("podbox"))["image"], "mine");
        let ec2 = &record.places[&DriverName::fixed("ec2")];
        assert_eq!(ec2.id.as_deref(), Some("123456789012/eu-central-1"));
        assert_eq!(record.phase(), Phase::Ready);
        let written = serde_json::to_vec(&record).unwrap();
        assert_eq!(Record::parse(&cluster, &written).unwrap(), record);

        let named = FIRST.replace(r#""bare": false"#, r#""bare": false, "host": "tcp://box:2375""#);
        let record = Record::parse(&cluster, named.as_bytes()).unwrap();
        assert_eq!(record.places[&DriverName::fixed("docker")].options["host"], "tcp://box:2375");
    }
    #[test]
    fn what_an_earlier_version_had_under_way_is_still_to_be_done() {
        let cluster = "practice".parse().unwrap();
        for (before, phase, verb) in [
            ("creating", Phase::Creating, "up"),
            ("scaling", Phase::Scaling, "scale"),
            ("upgrading", Phase::Upgrading, "upgrade"),
            ("destroying", Phase::Destroying, "down"),
        ] {
            let text = FIRST
                .replace(r#""schema": 1"#, r#""schema": 2"#)
                .replace(r#""phase": "ready""#, &format!(r#""phase": "{before}""#));
            let record = Record::parse(&cluster, text.as_bytes()).unwrap();
            assert_eq!((record.phase(), record.pending[0].verb()), (phase, verb));
            assert_eq!((record.pending.len(), record.goal()), (1, &record.spec));
        }
    }

    #[test]
    fn what_is_done_for_snapshots_came_with_the_fourth_schema() {
        let cluster = "practice".parse().unwrap();
        let third = FIRST.replace(r#""schema": 1"#, r#""schema": 3"#);
        let mut record = Record::parse(&cluster, third.as_bytes()).unwrap();
        assert_eq!((record.schema, record.phase()), (SCHEMA, Phase::Ready));
        let snapshot: SnapshotName = "before".parse().unwrap();
        let spec = record.spec.clone();
        for (intent, phase, verb) in [
            (Intent::Save { snapshot: snapshot.clone() }, Phase::Saving, "snapshot save"),
            (Intent::Restore { snapshot }, Phase::Restoring, "snapshot restore"),
        ] {
            record.pending = vec![intent, Intent::Grow { spec: spec.clone() }];
            let written = serde_json::to_vec(&record).unwrap();
            let read = Record::parse(&cluster, &written).unwrap();
            assert_eq!((read.phase(), read.pending[0].verb()), (phase, verb));
            assert_eq!((&read, read.goal()), (&record, &spec));
        }
        let written = serde_json::to_string(&record).unwrap();
        let newer = written.replace(r#""schema":4"#, r#""schema":5"#);
        assert!(matches!(Record::parse(&cluster, newer.as_bytes()), Err(Error::Newer { .. })));
    }
}
