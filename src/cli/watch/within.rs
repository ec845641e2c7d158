//! A watch from within the cluster, as `--install` begins it on a machine: nobody there can be asked where machines come from,
//! and no key to log in to them is there.

use std::env;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::driver::remembered::Remembered;
use crate::model::MachineName;
use crate::observe::{self, Ask, Cluster, Facts, MachineFacts};
use crate::pace::stretch;
use crate::remote::Keyless;
use crate::store::Record;

use crate::cli::error::Error;
use crate::cli::services::Context;

/// How long machines may take to answer that begin at the same time as this one, until it is taken as it is.
const TOGETHER: Duration = Duration::from_secs(20);
/// How long to wait before it is looked again.
const PAUSE: Duration = Duration::from_secs(1);

/// The cluster as one of its machines sees it, once its machines answer.
///
/// # Errors
/// [`Error::NoAnswer`] if none of them does after a while.
pub(super) async fn cluster(context: &Context, record: Record) -> Result<Cluster, Error> {
    let cluster = Cluster {
        home: context.home.clone(),
        driver: Arc::new(Remembered::new(&record.machines)),
        dialer: Arc::new(Keyless),
        record,
    };
    let begin = Instant::now();
    loop {
        let end = Instant::now() + stretch(observe::PATIENCE);
        let facts = observe::once(&cluster, Ask::default(), end).await;
        let silent = silent(&facts);
        if silent.is_empty() {
            return Ok(cluster);
        }
        if begin.elapsed() >= stretch(TOGETHER) {
            if silent.len() < cluster.record.machines.len() {
                return Ok(cluster);
            }
            let told = silent.into_iter().map(|(name, why)| format!("{name} ({why})"));
            return Err(Error::NoAnswer(told.collect()));
        }
        sleep(PAUSE).await;
    }
}

/// The machines that do not answer in all that listens on them, each with a reason.
fn silent(facts: &Facts) -> Vec<(MachineName, String)> {
    let why = |machine: &MachineFacts| {
        let engine = machine.engine.as_ref().and_then(|engine| engine.error.clone());
        let api = machine.api.as_ref().and_then(|api| api.error.clone());
        engine.or(api).or_else(|| machine.error.clone())
    };
    facts.machines.iter().filter_map(|machine| Some((machine.name, why(machine)?))).collect()
}

/// Tells systemd that this service has begun, if it waits for that (`sd_notify(3)`).
pub(super) fn tell_systemd() {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else { return };
    // Whoever waits in vain gives up by itself.
    let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to(b"READY=1", path));
}
