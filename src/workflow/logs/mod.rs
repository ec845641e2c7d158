//! `logs`: what the machines say of themselves, all asked at once, without the cluster's lock: it is
//! looked at when something hangs.

mod archive;
mod redaction;
mod view;

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::event::chain;
use crate::model::{ClusterName, Machine, MachineName, MachineState, SshFiles};
use crate::pace::within;
use crate::remote::{Remote, Script};
use crate::store::{self, Record};

use super::{Error, Services};
use crate::observe::looked;
use archive::Archive;
use redaction::Redaction;

/// Whose journal is of interest unless others are named.
pub const UNITS: [&str; 4] = ["docker", "containerd", "kubelet", "ssh"];

/// How long a machine may take to let us in. A dead one delays the rest by no more than that.
const ENTRY: Duration = Duration::from_secs(5);
/// How long it may take to tell one part.
const ANSWER: Duration = Duration::from_secs(60);
/// The parts of a bundle, as `templates/logs/collect.sh` calls them.
const PARTS: [&str; 6] = ["journal", "units", "containers", "network", "kernel", "system"];

/// What is wanted of the machines' journals.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Of which machines; of all if empty.
    pub machines: Vec<MachineName>,
    /// Of which systemd units.
    pub units: Vec<String>,
    /// From when on, as `journalctl(1)` has it: `-10min`, `today`.
    pub since: Option<String>,
    /// The most lines of each machine; the newest ones.
    pub lines: u32,
}

/// What one machine said, or why it said nothing.
#[derive(Debug, Clone)]
pub struct Said {
    /// Which machine.
    pub machine: MachineName,
    /// Its words.
    pub text: Result<String, String>,
}

/// Asks the machines for their journals.
pub async fn journals(
    services: &Services,
    name: &ClusterName,
    query: &LogQuery,
) -> Result<Vec<Said>, Error> {
    let cluster = Cluster::find(services, name, query).await?;
    let work = join_all(cluster.machines.iter().map(async |(machine, exists)| {
        let text = match cluster.enter(services, machine, *exists).await {
            Ok(remote) => tell(&*remote, "journal", query).await,
            Err(why) => Err(why),
        };
        let text = text.map(|text| cluster.redaction.apply(&text));
        Said { machine: machine.id.name, text }
    }));
    services.interrupt.or(work).await.ok_or(Error::Interrupted)
}

/// Collects what there is to know of a cluster into a gzipped tar archive that its owner may pass on:
/// nothing in it is secret. Returns the machines that could not be asked, with the reason.
pub async fn collect_logs(
    services: &Services,
    name: &ClusterName,
    query: &LogQuery,
    path: &Path,
) -> Result<Vec<Said>, Error> {
    let cluster = Cluster::find(services, name, query).await?;
    let work = cluster.machines.iter().map(|(m, exists)| cluster.ask(services, m, *exists, query));
    let work = join_all(work);
    let told = services.interrupt.or(work).await.ok_or(Error::Interrupted)?;

    let failed = |source| Error::Archive { path: path.to_owned(), source };
    let mut archive = Archive::create(path, &cluster.redaction).map_err(failed)?;
    let add = |archive: &mut Archive, name: &str, text: &str| {
        archive.add(name, text.as_bytes()).map_err(failed)
    };
    add(&mut archive, "clusterdojo.txt", &about(services, &cluster).await)?;
    let directory = services.home.directory(name);
    if let Some(record) = &cluster.record {
        add(&mut archive, "cluster.json", &format!("{:#}\n", view::of(record)))?;
    }
    archive.add_logs(&directory, "logs").map_err(failed)?;
    let mut silent = Vec::new();
    for ((machine, _), told) in cluster.machines.iter().zip(told) {
        let name = machine.id.name;
        match told {
            Ok(parts) => {
                for (part, text) in parts {
                    let text = text.unwrap_or_else(|why| format!("(not to be had: {why})\n"));
                    add(&mut archive, &format!("{name}/{part}.txt"), &text)?;
                }
            }
            Err(why) => {
                add(&mut archive, &format!("{name}/no-answer.txt"), &format!("{why}\n"))?;
                silent.push(Said { machine: name, text: Err(why) });
            }
        }
    }
    archive.finish().map_err(failed)?;
    Ok(silent)
}

/// What is asked, and how it is reached.
struct Cluster {
    record: Option<Record>,
    /// Each machine, and whether its driver knows it.
    machines: Vec<(Machine, bool)>,
    /// Where they were looked for, in words.
    looked: String,
    ssh: SshFiles,
    redaction: Redaction,
}

impl Cluster {
    async fn find(
        services: &Services,
        name: &ClusterName,
        query: &LogQuery,
    ) -> Result<Self, Error> {
        let (record, damage) = match services.home.record(name) {
            // Just then logs are wanted.
            Err(error @ store::Error::Damaged { .. }) => (None, Some(error)),
            other => (other?, None),
        };
        let mut machines: Vec<(Machine, bool)> = services
            .driver
            .list(Some(name))
            .await?
            .into_iter()
            .filter(|m| record.as_ref().is_none_or(|r| r.cluster_id == m.cluster_id))
            .map(|machine| (machine, true))
            .collect();
        let recorded = record.iter().flat_map(|r| &r.machines);
        for lost in recorded {
            if machines.iter().all(|(m, _)| m.id != lost.id) {
                machines.push((lost.clone(), false));
            }
        }
        if record.is_none() && machines.is_empty() {
            // Its machines may be where only the record says.
            let unknown = || Error::UnknownCluster(name.clone());
            return Err(damage.map_or_else(unknown, Error::from));
        }
        for wanted in &query.machines {
            if machines.iter().all(|(m, _)| m.id.name != *wanted) {
                return Err(Error::UnknownMachine { cluster: name.clone(), machine: *wanted });
            }
        }
        machines.retain(|(m, _)| query.machines.is_empty() || query.machines.contains(&m.id.name));
        machines.sort_by_key(|(m, _)| m.id.name);
        let lost =
            machines.iter().filter(|(_, exists)| !exists).map(|(machine, _)| &machine.driver);
        let lost: Vec<_> = lost.collect();
        let looked = if lost.is_empty() {
            String::new()
        } else {
            looked(&services.driver.places().await.unwrap_or_default(), lost)
        };
        let directory = services.home.directory(name);
        let ssh = SshFiles::in_directory(&directory.join("ssh"));
        let redaction = Redaction::of(&directory, record.as_ref(), services.proxies.as_ref());
        Ok(Self { record, machines, looked, ssh, redaction })
    }

    async fn enter(
        &self,
        services: &Services,
        machine: &Machine,
        exists: bool,
    ) -> Result<std::sync::Arc<dyn Remote>, String> {
        if !exists {
            return Err(format!("it was not found; looked at {}", self.looked));
        }
        if machine.state != MachineState::Running {
            return Err(format!("the machine is {}", machine.state));
        }
        services.dialer.dial(machine, &self.ssh, ENTRY).await.map_err(|e| chain(&e))
    }

    /// Every part of what a machine has to say; the reason, if it says nothing.
    async fn ask(
        &self,
        services: &Services,
        machine: &Machine,
        exists: bool,
        query: &LogQuery,
    ) -> Result<Vec<(&'static str, Result<String, String>)>, String> {
        let remote = self.enter(services, machine, exists).await?;
        Ok(join_all(PARTS.map(async |part| (part, tell(&*remote, part, query).await))).await)
    }
}

async fn tell(remote: &dyn Remote, part: &str, query: &LogQuery) -> Result<String, String> {
    let script = Script::new(
        "collect logs",
        "Services of a machine write to its journal, and the kernel to its ring buffer.",
        include_str!("../../../templates/logs/collect.sh"),
    )
    .with("PART", part)
    .with("UNITS", query.units.join(" "))
    .with("SINCE", query.since.clone().unwrap_or_default())
    .with("LINES", query.lines.to_string());
    match within(ANSWER, remote.run(&script)).await {
        Ok(result) => result.map_err(|e| chain(&e)),
        Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
    }
}

/// What this computer has to say.
async fn about(services: &Services, cluster: &Cluster) -> String {
    let mut text = format!("clusterdojo {}\n\n", env!("CARGO_PKG_VERSION"));
    if cluster.record.is_none() {
        text.push_str("the record cannot be read\n\n");
    }
    for (machine, exists) in &cluster.machines {
        let state = if *exists { machine.state.to_string() } else { "gone".to_owned() };
        text.push_str(&format!("{}  {state}  {}\n", machine.id, machine.private_ip));
    }
    text.push('\n');
    match services.driver.check().await {
        Ok(findings) => findings.iter().for_each(|f| text.push_str(&format!("{f}\n"))),
        Err(error) => text.push_str(&format!("{}\n", chain(&error))),
    }
    text
}
