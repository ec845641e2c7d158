//! The machines of a cluster, and logging in to them.

use std::sync::Arc;
use std::time::Duration;

use crate::driver::Driver;
use crate::model::{ClusterName, Machine, SshFiles};
use crate::remote::{Dialer, Remote};
use crate::store::Home;
use crate::workflow;

use super::error::Error;

/// How long a machine may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(15);

/// The machines of a cluster, as they are now.
pub(super) async fn machines(
    driver: &dyn Driver,
    cluster: &ClusterName,
) -> Result<Vec<Machine>, Error> {
    Ok(driver.list(Some(cluster)).await.map_err(workflow::Error::from)?)
}

/// Logs in to a machine.
pub(super) async fn log_in(
    home: &Home,
    dialer: &dyn Dialer,
    machine: &Machine,
) -> Result<Arc<dyn Remote>, Error> {
    let files = SshFiles::in_directory(&home.directory(&machine.id.cluster).join("ssh"));
    Ok(dialer.dial(machine, &files, PATIENCE).await.map_err(workflow::Error::from)?)
}
