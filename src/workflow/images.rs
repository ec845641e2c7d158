//! `image load`: puts images on every node. They belong to the cluster from then on, so that machines which
//! are made later get them as well.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::event::{Progress, chain};
use crate::model::{
    ClusterName, LoadedImage, Machine, MachineName, MachineState, Orchestrator, Role, TlsFiles,
    familiar_reference,
};
use crate::provision::Node;
use crate::store::{Entry, Record};

use super::archive::{Store, fetch, into_file};
use super::lost::look;
use super::{Error, Failure, MachineError, Services, Work, settle};

/// How long a machine that runs may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An image that cannot be put on machines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unloadable {
    /// This computer's engine has no such image.
    #[error("image `{0}` is not in this computer's engine")]
    Absent(String),
    /// It has no name with a tag, and by anything else no machine would find it.
    #[error(
        "image `{0}` has no name with a tag, so nothing could be started from it on the machines"
    )]
    Nameless(String),
}

/// What came of loading images.
#[derive(Debug)]
pub struct Loading {
    /// Each image, and how many machines have it now.
    pub images: Vec<(String, usize)>,
    /// The machines that have not got all of them.
    pub failure: Option<Failure>,
}

/// Puts images of the user's own engine where the containers of every node find them.
///
/// # Errors
/// [`Error::Images`] with nothing done if not all of them can be loaded.
pub async fn load_images(
    services: &Services,
    name: &ClusterName,
    texts: &[String],
) -> Result<Loading, Error> {
    let early = Progress::new(services.reporter.clone());
    let images = resolve(services, texts, &early).await?;
    let (entry, progress) = services.lock(name, "image-load").await?;
    let result = to_all(services, &entry, &images, &progress).await;
    if let Err(Error::UnknownCluster(_)) = result {
        // Taking the lock has made a directory.
        entry.remove_if_unused()?;
    }
    progress.ready();
    result
}

/// The images that are meant, by names that machines find them by.
async fn resolve(
    services: &Services,
    texts: &[String],
    progress: &Progress,
) -> Result<Vec<LoadedImage>, Error> {
    let (mut images, mut refused): (Vec<LoadedImage>, Vec<Unloadable>) = (Vec::new(), Vec::new());
    for text in texts {
        let Some(found) = services.images.find(text).await? else {
            refused.push(Unloadable::Absent(text.clone()));
            continue;
        };
        let names = names_of(text, &found.names);
        if names.is_empty() {
            refused.push(Unloadable::Nameless(text.clone()));
        } else if names != [familiar_reference(text)] {
            let names = names.join("` and `");
            progress.warn(format!("`{text}` is loaded as `{names}`: only that names it there"));
        }
        for reference in names {
            if images.iter().all(|image| image.reference != reference) {
                images.push(LoadedImage { reference, id: found.id.clone() });
            }
        }
    }
    if refused.is_empty() { Ok(images) } else { Err(Error::Images(refused)) }
}

/// The names to load an image by that was asked for in these words: that one, or all that it has where the
/// words are an id or a digest, which an archive does not carry.
fn names_of(text: &str, names: &[String]) -> Vec<String> {
    let wanted = familiar_reference(text);
    if !text.contains('@') && names.contains(&wanted) { vec![wanted] } else { names.to_vec() }
}

async fn to_all(
    services: &Services,
    entry: &Entry,
    images: &[LoadedImage],
    progress: &Progress,
) -> Result<Loading, Error> {
    let name = entry.name();
    let mut record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let kind = record.spec.orchestrator;
    if kind == Orchestrator::Kubernetes {
        warn_of_latest(images, progress);
    }
    record.images.retain(|known| images.iter().all(|i| i.reference != known.reference));
    record.images.extend(images.iter().cloned());
    let mut sight = look(services, &record).await?;
    sight.refuse_none(services, &record).await?;
    for machines in [&mut sight.found, &mut sight.missing] {
        machines.retain(|m| m.id.name.role != Role::LoadBalancer);
    }
    // What is off now gets them when it is started.
    entry.save(&record)?;
    let (running, off): (Vec<_>, Vec<_>) =
        sight.found.iter().partition(|m| m.state == MachineState::Running);
    let mut causes: Vec<(MachineName, MachineError)> =
        off.into_iter().map(|m| (m.id.name, MachineError::NotRunning(m.state))).collect();
    let mut loaded = Vec::new();
    for image in images {
        let archive = fetch(&*services.images, &image.reference).await?;
        let work = running.iter().map(|machine| {
            let progress = progress.machine(machine.id.name);
            let archive = archive.path();
            let load = async move {
                let step = format!("load image {}", image.reference);
                let into = into_machine(services, entry, kind, machine, archive);
                let image = || image.reference.clone();
                progress.step(step, into).await.map_err(|source| MachineError::Image {
                    image: image(),
                    source: Box::new(source),
                })
            };
            (machine.id.name, load)
        });
        let (done, failed) = settle(work).await;
        loaded.push((image.reference.clone(), done.len()));
        causes.extend(failed);
    }
    for machine in &running {
        progress.machine(machine.id.name).ready();
    }
    let result = if causes.is_empty() {
        Ok(())
    } else {
        let (left, of) = (sight.found.clone(), sight.found.len());
        Err(Failure { cluster: name.clone(), work: Work::Load, causes, left, of }.into())
    };
    match sight.and_missing(services, Work::Load, result).await {
        Ok(()) => Ok(Loading { images: loaded, failure: None }),
        Err(Error::Machines(failure)) => Ok(Loading { images: loaded, failure: Some(failure) }),
        Err(error) => Err(error),
    }
}

/// Tells of images that kubelet would not take from the machine although they are there.
fn warn_of_latest(images: &[LoadedImage], progress: &Progress) {
    for image in images.iter().filter(|image| image.reference.ends_with(":latest")) {
        progress.warn(format!(
            "Kubernetes pulls `{}` anew for every pod because of its tag, unless it is told not to: `kubectl \
             run --image-pull-policy IfNotPresent`, `imagePullPolicy: IfNotPresent` in a manifest, or another \
             tag",
            image.reference
        ));
    }
}

async fn into_machine(
    services: &Services,
    entry: &Entry,
    kind: Orchestrator,
    machine: &Machine,
    archive: &Path,
) -> Result<(), MachineError> {
    if kind == Orchestrator::Kubernetes {
        let ssh = crate::model::SshFiles::in_directory(
            &services.home.directory(entry.name()).join("ssh"),
        );
        let remote = services.dialer.dial(machine, &ssh, PATIENCE).await?;
        Store::Containerd(&*remote).load(archive).await
    } else {
        let tls = TlsFiles::in_directory(&services.home.directory(entry.name()).join("pki/client"));
        let engine = services.dialer.engine(machine, &tls, PATIENCE).await?;
        Store::Engine(&engine).load(archive).await
    }
}

/// Gives nodes what was loaded for their cluster and they have not got: those that were made since, or were
/// off. What cannot be had is told of, and hinders nothing; one that is nowhere any more is forgotten.
pub(super) async fn complete(
    services: &Services,
    record: &mut Record,
    nodes: &[Node],
    progress: &Progress,
) {
    let members = nodes.iter().filter(|n| n.machine().id.name.role != Role::LoadBalancer);
    let stores: BTreeMap<MachineName, Store<'_>> = members
        .map(|node| (node.machine().id.name, Store::of(node, record.spec.orchestrator)))
        .collect();
    let lacking = lacking(&stores, &record.images, progress).await;
    let mut kept = Vec::new();
    for mut image in std::mem::take(&mut record.images) {
        let lacks = |name: &&MachineName| {
            lacking.get(name).is_some_and(|images| images.contains(&image.reference))
        };
        let without: Vec<MachineName> = stores.keys().filter(lacks).copied().collect();
        let with = lacking.keys().find(|name| !without.contains(name)).map(|name| &stores[name]);
        if without.is_empty() {
            kept.push(image);
            continue;
        }
        match source(services, &mut image, with).await {
            Ok(Some(archive)) => {
                give(&stores, &without, &image, archive.path(), progress).await;
                kept.push(image);
            }
            Ok(None) => {
                progress.warn(format!(
                    "image `{0}` is neither in this computer's engine nor on a machine any more, and is \
                     forgotten: pull or build it, then `dojo image load --cluster {1} {0}`",
                    image.reference, record.spec.name
                ));
            }
            Err(error) => {
                let names = super::names(&without);
                progress.warn(format!(
                    "{names} did not get image `{0}`: {1}; `dojo image load --cluster {2} {0}` tries again",
                    image.reference,
                    chain(&error),
                    record.spec.name
                ));
                kept.push(image);
            }
        }
    }
    record.images = kept;
}

/// The images that each node has not got. Nodes that do not say so are left out.
async fn lacking(
    stores: &BTreeMap<MachineName, Store<'_>>,
    images: &[LoadedImage],
    progress: &Progress,
) -> BTreeMap<MachineName, Vec<String>> {
    let ask = stores.iter().map(async |(name, store)| match store.lacking(images).await {
        Ok(lacking) => Some((*name, lacking)),
        Err(error) => {
            let why = chain(&error);
            progress.machine(*name).warn(format!("it does not tell which images it has: {why}"));
            None
        }
    });
    join_all(ask).await.into_iter().flatten().collect()
}

/// An archive of an image: the same that was loaded, from here or from a machine; else what this computer has
/// of that name now. `None` if it is nowhere.
async fn source(
    services: &Services,
    image: &mut LoadedImage,
    with: Option<&Store<'_>>,
) -> Result<Option<tempfile::NamedTempFile>, MachineError> {
    let found = services.images.find(&image.reference).await;
    match (found, with) {
        (Ok(Some(found)), _) if found.id == image.id => {}
        (_, Some(store)) => return into_file(store, &image.reference).await.map(Some),
        (Ok(Some(found)), None) => image.id = found.id,
        (Ok(None), None) => return Ok(None),
        (Err(error), None) => return Err(error.into()),
    }
    Ok(Some(fetch(&*services.images, &image.reference).await?))
}

async fn give(
    stores: &BTreeMap<MachineName, Store<'_>>,
    names: &[MachineName],
    image: &LoadedImage,
    archive: &Path,
    progress: &Progress,
) {
    let each = names.iter().map(async |name| {
        let progress = progress.machine(*name);
        let step = format!("load image {}", image.reference);
        if let Err(error) = progress.step(step, stores[name].load(archive)).await {
            let why = chain(&error);
            progress.warn(format!("it did not get image `{}`: {why}", image.reference));
        }
    });
    join_all(each).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_loaded_by_names_that_machines_know() {
        let names = ["web:1".to_owned(), "example.com/web:1".to_owned()];
        for text in ["web:1", "docker.io/library/web:1"] {
            assert_eq!(names_of(text, &names), ["web:1"], "{text}");
        }
        for text in ["0123456789ab", "sha256:0123", "web@sha256:0123", "web:1@sha256:0123"] {
            assert_eq!(names_of(text, &names), names, "{text}");
            assert_eq!(names_of(text, &[]), Vec::<String>::new(), "{text}");
        }
    }
}
