//! The processes of a program: it and whatever it starts, unless that leaves the group.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The groups that are at work.
static AT_WORK: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// The process group that a child leads. It is killed when this goes, unless the child has ended well.
pub(super) struct Group {
    id: Option<Pid>,
}

impl Group {
    /// The group of a child that was started as the leader of one.
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(id) = id {
            at_work(|groups| groups.insert(id.as_raw_nonzero().get()));
        }
        Self { id }
    }

    /// Asks everything in it to end.
    pub(super) fn terminate(&self) {
        if let Some(id) = self.id {
            // Nobody may be left to hear it.
            let _ = kill_process_group(id, Signal::TERM);
        }
    }

    /// Leaves in peace whatever the child has left running.
    pub(super) fn release(mut self) {
        if let Some(id) = self.id.take() {
            forget(id);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let _ = kill_process_group(id, Signal::KILL);
            forget(id);
        }
    }
}

/// Kills the programs that are at work, before this process ends without waiting for them.
pub fn abandon() {
    at_work(|groups| {
        for id in groups.iter().filter_map(|id| Pid::from_raw(*id)) {
            let _ = kill_process_group(id, Signal::KILL);
        }
    });
}

fn forget(id: Pid) {
    at_work(|groups| groups.remove(&id.as_raw_nonzero().get()));
}

fn at_work<T>(change: impl FnOnce(&mut BTreeSet<i32>) -> T) -> T {
    change(&mut AT_WORK.lock().unwrap_or_else(PoisonError::into_inner))
}
