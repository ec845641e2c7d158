//! What is asked of machines, and how they are reached.

use std::time::Duration;

use futures_util::future::join_all;

use super::super::{Error, Services};
use super::redaction::Redaction;
use crate::event::chain;
use crate::model::{ClusterName, Machine, MachineName, MachineState, SshFiles};
use crate::observe::looked;
use crate::pace::within;
use crate::remote::{Remote, Script};
use crate::store::{self, Record};

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

/// What is asked, and how it is reached.
pub(super) struct Cluster {
    pub(super) record: Option<Record>,
    /// Each machine, and whether its driver knows it.
    pub(super) machines: Vec<(Machine, bool)>,
    /// Where they were looked for, in words.
    looked: String,
    ssh: SshFiles,
    pub(super) redaction: Redaction,
}

impl Cluster {
    pub(super) async fn find(
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

    pub(super) async fn enter(
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
    pub(super) async fn ask(
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

/// What tells one part.
pub(super) fn script(part: &str, query: &LogQuery) -> Script {
    Script::new(
        "collect logs",
        "Services of a machine write to its journal, and the kernel to its ring buffer.",
        include_str!("../../../templates/logs/collect.sh"),
    )
    .with("PART", part)
    .with("UNITS", query.units.join(" "))
    .with("SINCE", query.since.clone().unwrap_or_default())
    .with("LINES", query.lines.to_string())
}

pub(super) async fn tell(
    remote: &dyn Remote,
    part: &str,
    query: &LogQuery,
) -> Result<String, String> {
    let script = script(part, query);
    match within(ANSWER, remote.run(&script)).await {
        Ok(result) => result.map_err(|e| chain(&e)),
        Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
    }
}
