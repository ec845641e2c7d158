//! Where a cluster is: noted when it is made, and not left by later commands.

use std::path::{Path, PathBuf};

use crate::context::{DockerContexts, KubeContexts};
use crate::model::{Machine, Places};
use crate::store::{ContextFiles, Record};

use super::{Error, Services};

/// Refuses to make machines at another place than those that are there already. One that has these machines is
/// theirs, whatever it calls itself by now: an engine gets another id when its data are moved.
pub(super) fn refuse_other_place(
    record: &Record,
    existing: &[Machine],
    now: &Places,
) -> Result<(), Error> {
    let is_known = |machine: &Machine| record.machines.iter().any(|m| m.handle == machine.handle);
    for (driver, place) in now {
        if existing.iter().any(|machine| machine.driver == *driver && is_known(machine)) {
            continue;
        }
        let Some(then) = record.places.get(driver) else { continue };
        if then.is(place) == Some(false) {
            return Err(Error::OtherPlace {
                cluster: record.spec.name.clone(),
                then: then.name.clone(),
                now: place.name.clone(),
            });
        }
    }
    Ok(())
}

/// Notes where machines are or will be, and where contexts are or will be written.
pub(super) fn note(services: &Services, record: &mut Record, places: Places) {
    record.places.extend(places);
    record.contexts.get_or_insert_with(|| ContextFiles {
        docker: absolute(services.contexts.directory()),
        kubectl: services.kube_contexts.paths().iter().map(|path| absolute(path)).collect(),
    });
}

/// The record outlives the directory that this command runs in.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Services {
    /// The docker contexts of a cluster: where they were written, and else the user's.
    pub fn docker_contexts(&self, record: Option<&Record>) -> DockerContexts {
        match record.and_then(|record| record.contexts.as_ref()) {
            Some(files) => DockerContexts::new(&files.docker),
            None => self.contexts.clone(),
        }
    }

    /// The same of kubectl's.
    pub fn kubectl_contexts(&self, record: Option<&Record>) -> KubeContexts {
        match record.and_then(|record| record.contexts.as_ref()) {
            Some(files) => KubeContexts::new(&files.kubectl),
            None => self.kube_contexts.clone(),
        }
    }
}
