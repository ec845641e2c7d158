//! The context of a cluster follows a machine that answers.

use std::sync::Arc;

use crate::event::{Progress, chain};
use crate::model::{ClusterName, Machine, MachineName};
use crate::store::Record;
use crate::workflow;

use super::services::Context;

impl Context {
    /// Has a cluster's context lead to a machine that answers. Whether one does is no condition of what was
    /// asked, so that nothing of this fails.
    pub(super) async fn follow(&self, record: &Record) {
        let name = &record.spec.name;
        let directory = self.home.directory(name);
        let lives = async |machine: &Machine| {
            workflow::answers(&self.dialer(record, machine), &directory, machine).await
        };
        let mended = workflow::mend_context(&self.services_to_reach(record), name, lives).await;
        self.tell_mended(name, mended);
    }

    /// Tells that a cluster's context leads elsewhere now, or why it could not.
    pub(super) fn tell_mended(
        &self,
        name: &ClusterName,
        mended: Result<Option<MachineName>, workflow::Error>,
    ) {
        let progress = Progress::new(Arc::clone(&self.reporter));
        let context = name.context();
        match mended {
            Ok(None) => {}
            Ok(Some(machine)) => progress.warn(format!(
                "context {context} led to a machine that does not answer, and leads to {machine} now"
            )),
            Err(error) => {
                progress.warn(format!("cannot lead context {context} elsewhere: {}", chain(&error)));
            }
        }
    }
}
