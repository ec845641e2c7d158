//! A page that shows a cluster as it changes: `dojo view`.
//!
//! [`show`] makes scenes of what [`observe::changes`] tells, and a [`Page`] serves them with the page that draws them, to a browser
//! on this computer. What is [`Beside`] the cluster comes from whoever knows lessons.

mod beside;
mod scene;
mod server;

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::model::Service;
use crate::observe::{self, Ask, Facts};
use crate::remote::{Extra, Extras};

pub use beside::{Beside, Condition, Counts, Lesson, Probe, Sign, Span, Strip};
pub use scene::{Column, Ghost, Onlooker, Scene, Tile, Tone};
pub use server::Page;

/// How often it is looked whether what is gone has been shown for long enough.
const AGES: Duration = Duration::from_secs(1);

/// Makes scenes of a cluster until its record is gone or nobody wants them any more; `ahead` is how far its clock is ahead of this
/// computer's.
pub async fn show(
    cluster: observe::Cluster,
    ahead: SignedDuration,
    scenes: watch::Sender<Option<Bytes>>,
) {
    let kind = crate::kind::of(cluster.record.spec.orchestrator);
    // Engines say what becomes of containers; what runs Kubernetes is not asked.
    let extras: &[Extra] = if kind.service() == Service::Api { &[] } else { &[Extra::Containers] };
    let ask = Ask { workloads: true, extras: Extras::of(extras), ..Ask::default() };
    let mut changes = observe::changes(cluster, ask);
    let mut onlooker = Onlooker::of(ahead);
    let (mut known, mut shown): (Option<Facts>, Option<Scene>) = (None, None);
    loop {
        tokio::select! {
            facts = changes.next() => match facts {
                Some(facts) => known = Some(facts),
                None => return,
            },
            () = sleep(AGES) => {}
            () = scenes.closed() => return,
        }
        let Some(facts) = &known else { continue };
        let now = Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX);
        let scene = onlooker.look(facts, now);
        // That time has passed is nothing to be shown.
        if let Some(before) = &mut shown {
            before.at = now;
        }
        if shown.as_ref() != Some(&scene) {
            let text = serde_json::to_vec(&scene).expect("a scene is JSON");
            scenes.send_replace(Some(text.into()));
        }
        shown = Some(scene);
    }
}
