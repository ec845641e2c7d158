//! Looks on, and tells what has happened since.

use jiff::Timestamp;

use crate::observe::Facts;

use super::cluster::Leading;
use super::containers::Containers;
use super::happening::Happening;
use super::look::Look;
use super::machines::Troubles;
use super::pods::Pods;
use super::tasks::Tasks;

/// Remembers how a cluster was, and tells what happens to it. How it is the first time is taken for how it is to be.
#[derive(Debug, Default)]
pub struct Guard {
    has_begun: bool,
    troubles: Troubles,
    leading: Leading,
    tasks: Tasks,
    pods: Pods,
    containers: Containers,
}

impl Guard {
    /// What has happened, now that the cluster is so. `asked` says that a command of ours is changing it, or was a moment ago: what
    /// begins then was asked for. Some things are told only once they have been so for a while, so it is to be told again how the
    /// cluster is when a second has passed, too.
    pub fn look(&mut self, facts: &Facts, asked: bool, at: Timestamp) -> Vec<Happening> {
        let look = Look { facts, at, asked, is_first: !self.has_begun };
        self.has_begun = true;
        // Machines first: what is on one that is down goes with it.
        let mut all = self.troubles.look(look);
        let troubles = &self.troubles;
        all.extend(self.leading.look(look, troubles));
        all.extend(self.tasks.look(look, troubles));
        all.extend(self.pods.look(look, troubles));
        all.extend(self.containers.look(look, troubles));
        all
    }
}
