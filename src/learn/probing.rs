//! The probe of a step: a unit on a machine that asks a server again and again and counts the answers, whether or not anybody
//! looks. It is the program of the lab image.

use std::fmt;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::lab_image;
use crate::lesson::{PROBE, Probe};
use crate::remote::{Input, Remote, Script};
use crate::workflow;

use super::error::Error;
use super::look::Eyes;

/// Where the program is put on a machine: in a file system that lets programs run, as `/run` may not.
const PROGRAM: &str = "/var/lib/dojo/lab";

/// How long it may take to read what was counted.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a probe has counted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Counted {
    /// What it asks.
    pub to: String,
    /// When it began.
    pub began: Timestamp,
    /// When that was so. Both by the clock of the machine that asks.
    pub now: Timestamp,
    /// How many requests were answered.
    pub served: u64,
    /// How many were not, or with an error.
    pub dropped: u64,
    /// How long those that were answered took together, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
    /// How long the slowest answer took, in milliseconds.
    #[serde(default)]
    pub slowest_ms: u64,
}

/// Reads what a probe counts, again and again.
pub struct Counter {
    eyes: Eyes,
    from: String,
    /// Somebody is logged in from one time to the next.
    login: Option<Arc<dyn Remote>>,
}

impl Counter {
    /// That of the probe of a step.
    pub fn of(eyes: &Eyes, probe: &Probe) -> Self {
        Self { eyes: eyes.clone(), from: probe.from.clone(), login: None }
    }

    /// What was counted by now; nothing, where nobody asks, or nobody can tell.
    pub async fn read(&mut self) -> Option<Counted> {
        let login = match self.login.take() {
            Some(login) => login,
            None => self.eyes.log_in(&self.from).await.ok()?,
        };
        let script = Script::new(
            "read what the probe has counted",
            "It writes that down five times a second.",
            format!("cat {PROBE} 2>/dev/null || true\n"),
        );
        // Where this fails, somebody logs in again the next time.
        let said = login.run(&script.within(PATIENCE)).await.ok()?;
        self.login = Some(login);
        serde_json::from_str(&said).ok()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Begins to ask, anew if it was asked before.
///
/// # Errors
/// Those of reaching the machine.
pub(super) async fn begin(eyes: &Eyes, probe: &Probe) -> Result<(), Error> {
    let program = lab_image::program().map_err(Error::file("read", "the lab program"))?;
    let remote = eyes.log_in(&probe.from).await?;
    let input = Input::new("the lab program", program.len() as u64, Cursor::new(program));
    remote.upload(PROGRAM, 0o755, input).await.map_err(workflow::Error::from)?;
    let addresses: Vec<_> = eyes.addresses().map(|address| address.to_string()).collect();
    let script = Script::new(
        "begin to ask the server",
        "Whoever uses a service asks it all the time, whatever is done to it.",
        include_str!("../../templates/look/probe.sh"),
    )
    .with("PROGRAM", PROGRAM)
    .with("TO", probe.to.clone())
    .with("EVERY", probe.every.0.as_millis().to_string())
    .with("OUT", PROBE)
    .with("NODES", addresses.join(" "));
    remote.run(&script).await.map_err(workflow::Error::from)?;
    Ok(())
}

/// Ends it.
///
/// # Errors
/// Those of reaching the machine.
pub(super) async fn end(eyes: &Eyes, probe: &Probe) -> Result<(), Error> {
    let remote = eyes.log_in(&probe.from).await?;
    let script = Script::new(
        "ask the server no more",
        "The step is over.",
        "systemctl stop dojo-probe.service 2>/dev/null || true\nrm -rf /run/dojo /var/lib/dojo/lab\n",
    );
    remote.run(&script).await.map_err(workflow::Error::from)?;
    Ok(())
}
