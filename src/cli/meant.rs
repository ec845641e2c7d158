//! What a person means by one word: a cluster, or one of its machines.

use crate::model::{ClusterName, MachineName};

use super::error::Error;
use super::services::Context;

impl Context {
    /// The cluster that is meant, and the machine of it if one is: `practice`, `practice/worker-1`, or `worker-1` of
    /// the current cluster. Without a word it is the current cluster.
    pub(super) fn meant(
        &self,
        text: Option<&str>,
    ) -> Result<(ClusterName, Option<MachineName>), Error> {
        let Some(text) = text else { return Ok((self.cluster(None)?, None)) };
        if text.contains('/') {
            let (cluster, machine) = self.machine_name(text)?;
            return Ok((cluster, Some(machine)));
        }
        match (text.parse::<ClusterName>(), text.parse::<MachineName>()) {
            // A cluster may be called like a machine as well.
            (Ok(name), Ok(_)) if self.home.directory(&name).exists() => Ok((name, None)),
            (_, Ok(machine)) => Ok((self.cluster(None)?, Some(machine))),
            (name, Err(_)) => Ok((name?, None)),
        }
    }
}
