//! `image load`: puts images on every node. They belong to the cluster from then on, so that machines which
//! are made later get them as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::event::{Progress, chain};
use crate::kind::{self, ImageError, ImageStore, Kind};
use crate::model::{
    ClusterName, LoadedImage, Machine, MachineName, MachineState, Role, familiar_reference,
};
use crate::provision::Node;
use crate::store::{Entry, Record};

use super::archive::{fetch, into_file};
use super::error::{Error, Failure, MachineError, Unloadable, Work, names};
use super::lost::look;
use super::services::{Cluster, Services};
use super::settle::settle;

/// How long a machine that runs may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the containers of each node find their images.
type Stores = BTreeMap<MachineName, Box<dyn ImageStore>>;

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
    let cluster = services.lock(name, "image-load").await?;
    to_all(&cluster, &images).await
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
                let (id, lacking) = (found.id.clone(), BTreeSet::new());
                images.push(LoadedImage { reference, id, lacking });
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

async fn to_all(cluster: &Cluster<'_>, images: &[LoadedImage]) -> Result<Loading, Error> {
    let Cluster { services, entry, progress } = cluster;
    let name = entry.name();
    let mut record = cluster.record()?;
    let kind = kind::of(record.spec.orchestrator);
    for warning in images.iter().filter_map(|image| kind.warn_of_image(&image.reference)) {
        progress.warn(warning);
    }
    let mut sight = look(services, &record).await?;
    sight.refuse_none(services, &record).await?;
    for machines in [&mut sight.found, &mut sight.missing] {
        machines.retain(|m| m.id.name.role != Role::LoadBalancer);
    }
    // Whatever they have by these names may be something else. What is off now gets them when it is started.
    let lacking: BTreeSet<MachineName> =
        sight.found.iter().chain(&sight.missing).map(|m| m.id.name).collect();
    record.images.retain(|known| images.iter().all(|i| i.reference != known.reference));
    let wanted = images.iter().cloned();
    record.images.extend(wanted.map(|image| LoadedImage { lacking: lacking.clone(), ..image }));
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
                let result = progress.step(step, into).await;
                result.map(|()| machine.id.name).map_err(|source| MachineError::Image {
                    image: image.reference.clone(),
                    source: Box::new(source),
                })
            };
            (machine.id.name, load)
        });
        let (done, failed) = settle(work).await;
        for known in record.images.iter_mut().filter(|k| k.reference == image.reference) {
            known.lacking.retain(|name| !done.contains(name));
        }
        entry.save(&record)?;
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

async fn into_machine(
    services: &Services,
    entry: &Entry,
    kind: &dyn Kind,
    machine: &Machine,
    archive: &Path,
) -> Result<(), MachineError> {
    let directory = services.home.directory(entry.name());
    let store = kind.reach_images(&*services.dialer, &directory, machine, PATIENCE).await?;
    Ok(store.load(archive).await?)
}

/// Gives nodes what was loaded for their cluster and they have not got: those that were made since, or were
/// off. Another image of the same name is not what was loaded. What cannot be had is told of, and hinders
/// nothing; one that is nowhere any more is forgotten.
pub(super) async fn complete(
    services: &Services,
    record: &mut Record,
    nodes: &[Node],
    progress: &Progress,
) {
    let members = nodes.iter().filter(|n| n.machine().id.name.role != Role::LoadBalancer);
    let kind = kind::of(record.spec.orchestrator);
    let mut stores = Stores::new();
    for node in members {
        let name = node.machine().id.name;
        match kind.images(node) {
            Ok(store) => drop(stores.insert(name, store)),
            Err(error) => tell_of_silence(name, &error, progress),
        }
    }
    let lacking = lacking(&stores, &record.images, progress).await;
    let machines = record.spec.machines().into_iter().map(|machine| machine.name);
    let all: BTreeSet<MachineName> =
        machines.filter(|name| name.role != Role::LoadBalancer).collect();
    let mut kept = Vec::new();
    for mut image in std::mem::take(&mut record.images) {
        image.lacking.retain(|name| all.contains(name));
        let (with, without) = apart(&lacking, &image);
        if without.is_empty() {
            kept.push(image);
            continue;
        }
        let id = image.id.clone();
        match source(services, &mut image, with.map(|name| &*stores[&name])).await {
            Ok(Some(archive)) => {
                if image.id != id {
                    // Those that were not asked have what was loaded before, if anything.
                    image.lacking.clone_from(&all);
                }
                let done = give(&stores, &without, &image, archive.path(), progress).await;
                image.lacking.retain(|name| !done.contains(name));
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
                let without = names(&without);
                progress.warn(format!(
                    "{without} did not get image `{0}`: {1}; `dojo image load --cluster {2} {0}` tries again",
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
    stores: &Stores,
    images: &[LoadedImage],
    progress: &Progress,
) -> BTreeMap<MachineName, Vec<String>> {
    let ask = stores.iter().map(async |(name, store)| match store.lacking(images).await {
        Ok(lacking) => Some((*name, lacking)),
        Err(error) => {
            tell_of_silence(*name, &error, progress);
            None
        }
    });
    join_all(ask).await.into_iter().flatten().collect()
}

fn tell_of_silence(name: MachineName, error: &ImageError, progress: &Progress) {
    let why = chain(error);
    progress.machine(name).warn(format!("it does not tell which images it has: {why}"));
}

/// One node that has an image, if any does, and all that have not got it.
fn apart(
    lacking: &BTreeMap<MachineName, Vec<String>>,
    image: &LoadedImage,
) -> (Option<MachineName>, Vec<MachineName>) {
    let (without, with): (Vec<_>, Vec<_>) = lacking.iter().partition(|(name, images)| {
        images.contains(&image.reference) || image.lacking.contains(name)
    });
    (with.first().map(|(name, _)| **name), without.into_iter().map(|(name, _)| *name).collect())
}

/// An archive of an image: the same that was loaded, from here or from a machine; else what this computer has
/// of that name now. `None` if it is nowhere.
async fn source(
    services: &Services,
    image: &mut LoadedImage,
    with: Option<&dyn ImageStore>,
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

/// Puts an image on nodes, and returns those that have it then.
async fn give(
    stores: &Stores,
    names: &[MachineName],
    image: &LoadedImage,
    archive: &Path,
    progress: &Progress,
) -> Vec<MachineName> {
    let each = names.iter().map(async |name| {
        let progress = progress.machine(*name);
        let step = format!("load image {}", image.reference);
        match progress.step(step, stores[name].load(archive)).await {
            Ok(()) => Some(*name),
            Err(error) => {
                let why = chain(&error);
                progress.warn(format!("it did not get image `{}`: {why}", image.reference));
                None
            }
        }
    });
    join_all(each).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_comes_from_a_machine_that_has_what_was_loaded() {
        let name = |text: &str| text.parse::<MachineName>().unwrap();
        let (one, two, three) = (name("worker-1"), name("worker-2"), name("worker-3"));
        let image = |lacking: &[MachineName]| LoadedImage {
            reference: "web:1".to_owned(),
            id: "sha256:2".to_owned(),
            lacking: lacking.iter().copied().collect(),
        };
        let none = vec!["web:1".to_owned()];
        let told = BTreeMap::from([(one, vec![]), (two, vec![]), (three, none)]);
        assert_eq!(apart(&told, &image(&[])), (Some(one), vec![three]));
        assert_eq!(apart(&told, &image(&[one])), (Some(two), vec![one, three]));
        assert_eq!(apart(&told, &image(&[one, two])), (None, vec![one, two, three]));
        // Of one that does not answer nothing is taken, and it is given nothing.
        assert_eq!(apart(&BTreeMap::from([(one, vec![])]), &image(&[two])), (Some(one), vec![]));
    }

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
