//! Every handle on the outside world, and the cluster that a verb works on by them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::context::{DockerContexts, KubeContexts};
use crate::driver::{Driver, Images};
use crate::event::{Progress, Reporter, chain};
use crate::kind::Bootstrappers;
use crate::model::{ClusterName, Proxies};
use crate::remote::Dialer;
use crate::spec::ClusterSpec;
use crate::store::{Entry, Home, Record};

use super::error::Error;
use super::interrupt::Interrupt;

/// Opens the log of a run: given the directory and the verb, returns a reporter that also writes there.
pub type OpenLog = Arc<dyn Fn(&Path, &str) -> Arc<dyn Reporter> + Send + Sync>;

/// Every handle on the outside world.
#[derive(Clone)]
pub struct Services {
    /// What this computer remembers.
    pub home: Home,
    /// Makes machines.
    pub driver: Arc<dyn Driver>,
    /// Reaches them.
    pub dialer: Arc<dyn Dialer>,
    /// What this computer has to put on them.
    pub images: Arc<dyn Images>,
    /// Makes clusters of them.
    pub bootstrappers: Bootstrappers,
    /// The user's docker contexts.
    pub contexts: DockerContexts,
    /// The user's kubectl contexts.
    pub kube_contexts: KubeContexts,
    /// Opens the log of a run on one cluster.
    pub open_log: OpenLog,
    /// Where events go that belong to no cluster.
    pub reporter: Arc<dyn Reporter>,
    /// Whether the user wants to stop.
    pub interrupt: Interrupt,
    /// What machines on this computer fetch things through.
    pub proxies: Option<Proxies>,
    /// What the record said, or that there was none, when all this was put together for what it said.
    pub seen: Option<Option<ClusterSpec>>,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("home", &self.home).finish_non_exhaustive()
    }
}

/// How long a command waits for another one that works on the same cluster.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(600);

impl Services {
    /// The same, where it was put together for what a record said, or for there being none.
    #[must_use]
    pub fn seen(self, spec: Option<ClusterSpec>) -> Self {
        Self { seen: Some(spec), ..self }
    }

    /// Waits for an answer, or for anything else that may be cut off at any moment, unless the user wants to
    /// stop.
    pub(super) async fn ask<T, E>(
        &self,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error>
    where
        Error: From<E>,
    {
        Ok(self.interrupt.or(question).await.ok_or(Error::Interrupted)??)
    }

    /// What is known of a cluster, without its lock.
    ///
    /// # Errors
    /// [`Error::UnknownCluster`] if there is no record of it; those of reading it.
    pub(super) fn record(&self, name: &ClusterName) -> Result<Record, Error> {
        self.home.record(name)?.ok_or_else(|| Error::UnknownCluster(name.clone()))
    }

    /// Takes the lock of a cluster and opens the log of this run. From here on the command is not cut off,
    /// but ends after the step under way.
    ///
    /// # Errors
    /// [`Error::Changed`] if the record says by now that the cluster's machines are somewhere else, or that they
    /// are none: whoever held the lock has changed it, and these services are not for it.
    pub async fn lock(&self, name: &ClusterName, verb: &str) -> Result<Cluster<'_>, Error> {
        let early = Progress::new(Arc::clone(&self.reporter));
        let lock = self.home.lock(name, verb, LOCK_WAIT, |holder| {
            early.warn(format!("waiting for another command on cluster `{name}`: {holder}"));
        });
        let entry = self.ask(lock).await?;
        if let (Some(seen), Ok(record)) = (&self.seen, entry.record()) {
            let now = record.as_ref().map(Record::goal);
            let is_same = match (seen, now) {
                (Some(seen), Some(now)) => seen.has_places_of(now),
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                return Err(Error::Changed(name.clone()));
            }
        }
        self.interrupt.begin();
        let reporter = match entry.logs() {
            Ok(directory) => (self.open_log)(&directory, verb),
            Err(error) => {
                // The work matters more than its log.
                early.warn(format!("no log is kept: {}", chain(&error)));
                Arc::clone(&self.reporter)
            }
        };
        let progress = Progress::new(reporter);
        self.driver.report_to(&progress);
        Ok(Cluster { services: self, entry, progress })
    }

    /// A cluster to look at: nothing of it is changed, so nobody has to wait.
    pub(super) fn unlocked(&self, name: &ClusterName) -> Cluster<'_> {
        let progress = Progress::new(Arc::clone(&self.reporter));
        Cluster { services: self, entry: self.home.unlocked(name), progress }
    }
}

/// A cluster on which no other command works until this is dropped, and the log of this run.
#[derive(Debug)]
pub struct Cluster<'a> {
    pub(super) services: &'a Services,
    pub(super) entry: Entry,
    pub(super) progress: Progress,
}

impl Cluster<'_> {
    /// Its name.
    pub fn name(&self) -> &ClusterName {
        self.entry.name()
    }

    /// What is recorded of it.
    ///
    /// # Errors
    /// [`Error::UnknownCluster`] if nothing is.
    pub fn record(&self) -> Result<Record, Error> {
        self.entry.record()?.ok_or_else(|| Error::UnknownCluster(self.name().clone()))
    }

    /// What it is to be once nothing is left to do; `None` if there is no such cluster yet.
    ///
    /// # Errors
    /// Those of reading the record.
    pub fn goal(&self) -> Result<Option<ClusterSpec>, Error> {
        Ok(self.entry.record()?.map(|record| record.goal().clone()))
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        self.progress.ready();
    }
}
