//! `upgrade`: another release of Kubernetes, one node after the other. It is noted first, and what is done already is
//! asked of the cluster: a node's kubelet is the last of it to be replaced. So an upgrade that was cut short is completed by
//! the same command, or by any later `up`.

use crate::bundle::Bundle;
use crate::kind;
use crate::pace::stretch;
use crate::spec::ClusterSpec;
use crate::store::{Phase, Record};

use super::error::Error;
use super::release::{self, Upgraded};
use super::services::{Cluster, LOCK_WAIT};
use super::status::{ClusterStatus, status};

/// Brings a cluster to the release that the spec asks for; all else of the spec is as it is recorded. What
/// cannot come to a good end is refused before anything is done.
pub async fn upgrade(cluster: Cluster<'_>, spec: ClusterSpec) -> Result<Upgraded, Error> {
    let record = cluster.record()?;
    let name = cluster.name();
    let kind = kind::of(record.spec.orchestrator);
    if !kind.upgrades() {
        return Err(Error::NotKubernetes {
            cluster: name.clone(),
            exists: kind.noun().to_owned(),
            what: "can be upgraded",
        });
    }
    match record.phase() {
        Phase::Destroying => return Err(Error::HalfRemoved(name.clone())),
        Phase::Upgrading => refuse_another(&record, &spec)?,
        _ => refuse_unhealthy(&status(cluster.services, name, unhurried()).await?)?,
    }
    release::upgrade(&cluster, spec, &[]).await
}

/// A moment that is late enough for everybody who answers at all.
fn unhurried() -> tokio::time::Instant {
    tokio::time::Instant::now() + stretch(LOCK_WAIT)
}

/// Refuses another release than the one that is under way.
fn refuse_another(record: &Record, spec: &ClusterSpec) -> Result<(), Error> {
    let under_way = record.spec.kubernetes.version;
    let wanted = match &spec.kubernetes.bundle {
        Some(path) => Some(Bundle::open(path)?.version()),
        None => spec.kubernetes.version,
    };
    match (under_way, wanted) {
        (Some(under_way), Some(wanted)) if !wanted.admits(under_way) => {
            Err(Error::UnderWay { cluster: spec.name.clone(), under_way, wanted })
        }
        _ => Ok(()),
    }
}

/// Refuses a cluster of which not everything is well: what ails it would only get worse.
fn refuse_unhealthy(status: &ClusterStatus) -> Result<(), Error> {
    if status.healthy() {
        return Ok(());
    }
    let kind = status.record.spec.orchestrator;
    let ill = status.machines.iter().filter(|m| !m.healthy(kind)).map(|m| {
        let says = match &m.health {
            Ok(health) => health.member.clone().unwrap_or_default(),
            Err(why) => why.clone(),
        };
        format!("{} ({says})", m.machine.id.name)
    });
    let mut ill: Vec<String> = ill.collect();
    if ill.is_empty() {
        ill.push("what was begun on it has not come to its end".to_owned());
    }
    Err(Error::Unhealthy { cluster: status.record.spec.name.clone(), ill: ill.join(", ") })
}
