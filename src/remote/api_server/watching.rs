//! Objects as they are and as they change.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use kube::core::DynamicObject;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use crate::driver::Source;

use super::typed::{Typed, typed};
use super::{WATCH, WATCH_PAUSE, code, is_final};

/// All objects of one kind, kept up to date by the server. A watch that breaks or expires (410) begins
/// anew with a list, so that nothing is missed.
pub(super) struct Watched<K> {
    events: BoxStream<'static, watcher::Result<Event<DynamicObject>>>,
    /// By their unique ids.
    objects: BTreeMap<String, K>,
    /// What a list that is under way has brought so far.
    listing: BTreeMap<String, K>,
    trouble: Option<Source>,
    /// What is done to each object before it is kept.
    keep: fn(&mut K),
    is_listed: bool,
}

impl<K> Watched<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    pub(super) fn new(of: &Typed<K>, config: watcher::Config) -> Self {
        Self {
            events: watcher(of.values.clone(), config.timeout(WATCH)).boxed(),
            objects: BTreeMap::new(),
            listing: BTreeMap::new(),
            trouble: None,
            keep: |_| {},
            is_listed: false,
        }
    }

    /// The same, but of each object only a part is kept.
    pub(super) fn keeping(self, keep: fn(&mut K)) -> Self {
        Self { keep, ..self }
    }

    /// Waits for the first list, or for the next change after it. May be given up and called again at
    /// any time.
    ///
    /// # Errors
    /// Only if no later attempt will end otherwise.
    pub(super) async fn changed(&mut self) -> Result<(), Source> {
        loop {
            match self.next().await {
                Ok(()) => {
                    self.trouble = None;
                    return Ok(());
                }
                Err(error) if is_refusal(&error) => return Err(plain(error)),
                Err(error) => {
                    self.trouble = Some(plain(error));
                    sleep(WATCH_PAUSE).await;
                }
            }
        }
    }

    /// The same, but gives up where a server cannot tell: there may be another one to ask.
    ///
    /// # Errors
    /// Whatever goes wrong, but not that a watch came to its end or expired: it begins anew then.
    pub(super) async fn told(&mut self) -> Result<(), Source> {
        loop {
            match self.next().await {
                Ok(()) => return Ok(()),
                Err(watcher::Error::WatchError(_)) => sleep(WATCH_PAUSE).await,
                Err(error) => return Err(plain(error)),
            }
        }
    }

    /// Waits for the next event that makes the objects others than they were.
    async fn next(&mut self) -> watcher::Result<()> {
        loop {
            let Some(event) = self.events.next().await else {
                // A watcher has no end of its own.
                return std::future::pending().await;
            };
            match event? {
                Event::Init => self.listing.clear(),
                Event::InitApply(object) => {
                    let object = self.kept(object)?;
                    self.listing.insert(id(&object), object);
                }
                Event::InitDone => {
                    self.objects = std::mem::take(&mut self.listing);
                    self.is_listed = true;
                    return Ok(());
                }
                Event::Apply(object) => {
                    let object = self.kept(object)?;
                    self.objects.insert(id(&object), object);
                    return Ok(());
                }
                Event::Delete(object) => {
                    self.objects.remove(&id(&object));
                    return Ok(());
                }
            }
        }
    }

    fn kept(&self, object: DynamicObject) -> watcher::Result<K> {
        let mut object = typed(object).map_err(watcher::Error::WatchFailed)?;
        (self.keep)(&mut object);
        Ok(object)
    }

    /// What went wrong since the objects were last heard of.
    pub(super) fn into_trouble(self) -> Option<Source> {
        self.trouble
    }
}

impl<K> Watched<K> {
    pub(super) fn objects(&self) -> impl Iterator<Item = &K> {
        self.objects.values()
    }

    /// Whether there was a list by now.
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed
    }
}

fn id<K: Resource>(object: &K) -> String {
    object.uid().unwrap_or_default()
}

fn is_refusal(error: &watcher::Error) -> bool {
    use watcher::Error as E;
    match error {
        E::InitialListFailed(error) | E::WatchStartFailed(error) | E::WatchFailed(error) => {
            is_final(error) || code(error) == Some(401)
        }
        E::WatchError(_) | E::NoResourceVersion => false,
    }
}

fn plain(error: watcher::Error) -> Source {
    use watcher::Error as E;
    match error {
        E::InitialListFailed(error) | E::WatchStartFailed(error) | E::WatchFailed(error) => {
            super::plain(error)
        }
        E::WatchError(status) => super::plain(kube::Error::Api(status)),
        other @ E::NoResourceVersion => other.into(),
    }
}
