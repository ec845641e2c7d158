//! The probe of a step: a unit on a machine that asks a server again and again and counts the answers, whether or not anybody
//! looks. It is the program of the lab image.

use std::io::Cursor;

use crate::lab_image;
use crate::lesson::{PROBE, Probe};
use crate::remote::{Input, Script};
use crate::workflow;

use super::error::Error;
use super::look::Eyes;

/// Where the program is put on a machine: in a file system that lets programs run, as `/run` may not.
const PROGRAM: &str = "/var/lib/dojo/lab";

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
