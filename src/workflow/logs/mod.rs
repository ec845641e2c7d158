//! `logs`: what the machines say of themselves, all asked at once, without the cluster's lock: it is
//! looked at when something hangs.

mod archive;
mod asked;
mod follow;
mod redaction;
mod view;

use std::path::Path;

use futures_util::future::join_all;

use crate::event::chain;
use crate::model::ClusterName;

use super::{Error, Services};
use archive::Archive;
use asked::{Cluster, tell};
pub use asked::{LogQuery, Said};
pub use follow::follow_journals;

/// Whose journal is of interest unless others are named.
pub const UNITS: [&str; 4] = ["docker", "containerd", "kubelet", "ssh"];

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
