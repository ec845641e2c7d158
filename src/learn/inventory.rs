//! What is on a cluster when a lesson begins, so that whatever has come since can be removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::kind;
use crate::model::{Machine, MachineName, MachineState};
use crate::remote::Script;
use crate::store::Record;
use crate::workflow::{self, Services};

use super::error::Error;
use super::login::{log_in, machines};

/// What is on a cluster, as its machines list it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inventory {
    /// What the cluster as a whole has, as whoever leads it says; empty where machines are no cluster.
    cluster: String,
    /// What each machine has for itself.
    machines: BTreeMap<MachineName, String>,
}

impl Inventory {
    /// Keeps it in the directory of a lesson's evidence.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(super) fn keep(&self, directory: &Path) -> Result<(), Error> {
        durable::private_directory(directory).map_err(Error::file("make", directory))?;
        let path = file(directory);
        let text = serde_json::to_vec_pretty(self).expect("texts are JSON");
        durable::replace(&path, &text, 0o600).map_err(Error::file("write", path))
    }

    /// The one that is kept there.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Damaged`].
    pub(super) fn kept(directory: &Path) -> Result<Self, Error> {
        let path = file(directory);
        let text = durable::read(&path, durable::TEXT).map_err(Error::file("read", &path))?;
        let damaged = |error: serde_json::Error| Error::Damaged { path, why: error.to_string() };
        serde_json::from_slice(&text).map_err(damaged)
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join("inventory.json")
}

/// Takes the inventory of a cluster.
///
/// # Errors
/// Those of reaching its machines.
pub(super) async fn take(services: &Services, record: &Record) -> Result<Inventory, Error> {
    go_through(services, record, None).await
}

/// Removes what has come since an inventory was taken; what is different all the same.
///
/// # Errors
/// Those of reaching its machines.
pub(super) async fn put_back(
    services: &Services,
    record: &Record,
    before: &Inventory,
) -> Result<Vec<String>, Error> {
    let now = go_through(services, record, Some(before)).await?;
    let mut different = differences(&before.cluster, &now.cluster);
    for (machine, text) in &before.machines {
        let now = now.machines.get(machine).map(String::as_str).unwrap_or_default();
        let here = differences(text, now).into_iter();
        different.extend(here.map(|line| format!("{machine}: {line}")));
    }
    Ok(different)
}

async fn go_through(
    services: &Services,
    record: &Record,
    before: Option<&Inventory>,
) -> Result<Inventory, Error> {
    let kind = kind::of(record.spec.orchestrator);
    let machines = machines(&*services.driver, &record.spec.name).await?;
    let running = machines.iter().filter(|machine| machine.state == MachineState::Running);
    let mut inventory = Inventory::default();
    let leader = kind.roles()[0];
    let mut leaders = running.clone().filter(|machine| machine.id.name.role == leader);
    // What belongs to all goes first, so that nothing is made anew on a machine.
    if let Some((script, machine)) = kind.things_of_cluster().zip(leaders.next()) {
        let baseline = before.map(|before| before.cluster.as_str());
        inventory.cluster = run(services, machine, script, baseline).await?;
    }
    if let Some(script) = kind.things_of_machine() {
        let work = running.map(async |machine| {
            let name = machine.id.name;
            // A machine that has come since has nothing that was there before.
            let baseline = before.map(|it| it.machines.get(&name).map_or("", String::as_str));
            let text = run(services, machine, script, baseline).await?;
            Ok::<_, Error>((name, text))
        });
        let done = futures_util::future::join_all(work).await;
        inventory.machines = done.into_iter().collect::<Result<_, _>>()?;
    }
    Ok(inventory)
}

async fn run(
    services: &Services,
    machine: &Machine,
    body: &'static str,
    baseline: Option<&str>,
) -> Result<String, Error> {
    let script = Script::new(
        "compare what is there with what was",
        "What a lesson has left is removed, and nothing else.",
        body,
    )
    .with("MODE", if baseline.is_some() { "remove" } else { "list" })
    .with("BASELINE", baseline.unwrap_or_default());
    let remote = log_in(&services.home, &*services.dialer, machine).await?;
    Ok(remote.run(&script).await.map_err(workflow::Error::from)?)
}

/// The lines of either that the other one has not.
fn differences(before: &str, now: &str) -> Vec<String> {
    let lacks = |text: &str, line: &str| text.lines().all(|it| it != line);
    let gone = before.lines().filter(|line| lacks(now, line)).map(|line| format!("{line} is gone"));
    let new =
        now.lines().filter(|line| lacks(before, line)).map(|line| format!("{line} is still there"));
    gone.chain(new).collect()
}
