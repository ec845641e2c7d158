//! Who works on a cluster, as its lock tells: whoever only looks on takes no part in it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::durable;

use super::entry::{lock_of, read_holder};

/// The command that works on a cluster, or the last one that did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What it does: `up`, `stop`, `snapshot-rm`; empty if it has not said so yet.
    pub verb: String,
    /// When it began.
    pub begun: SystemTime,
    /// Whether it works on it now.
    pub works: bool,
}

/// Looks again and again who works on a cluster.
#[derive(Debug)]
pub struct Holders {
    lock: PathBuf,
    /// Since when the lock was written to by the holder that was seen to have let it go. Whoever takes it writes to it, so
    /// that until then there is nothing to try: a lock that is tried keeps others from it for a moment.
    free: Option<SystemTime>,
}

impl Holders {
    pub(super) fn of(directory: &Path) -> Self {
        Self { lock: lock_of(directory), free: None }
    }

    /// Who works on the cluster, or did last; `None` if nobody ever did, or nobody can tell.
    pub fn look(&mut self) -> Option<Holder> {
        let mut file = durable::open(&self.lock).ok()?;
        let begun = file.metadata().ok()?.modified().ok()?;
        let works = self.free != Some(begun) && is_held(&file);
        self.free = (!works).then_some(begun);
        let verb = verb(&read_holder(&mut file)).to_owned();
        Some(Holder { verb, begun, works })
    }
}

fn is_held(file: &File) -> bool {
    // It goes with the file, in a moment.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// The verb within what a holder says of itself.
fn verb(text: &str) -> &str {
    let said = text.strip_prefix("`dojo ").and_then(|rest| rest.split('`').next());
    said.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Home;

    #[tokio::test]
    async fn who_works_on_a_cluster_is_seen_and_not_kept_from_it() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        let name = "practice".parse().unwrap();
        let lock = async |verb: &'static str| {
            home.lock(&name, verb, Duration::ZERO, |_| panic!("somebody else has it")).await
        };
        let mut holders = home.holders(&name);
        assert_eq!(holders.look(), None);
        let entry = lock("snapshot-rm").await.unwrap();
        entry.ssh().unwrap();
        std::fs::write(entry.ssh().unwrap().identity, "key").unwrap();
        for _ in 0..2 {
            let holder = holders.look().unwrap();
            assert_eq!((holder.verb.as_str(), holder.works), ("snapshot-rm", true));
        }
        let begun = holders.look().unwrap().begun;
        drop(entry);
        for _ in 0..2 {
            let holder = holders.look().unwrap();
            assert_eq!((holder.works, holder.begun), (false, begun));
        }
        // A file's time is no finer than the kernel's clock ticks.
        std::thread::sleep(Duration::from_millis(20));
        let entry = lock("stop").await.unwrap();
        let holder = holders.look().unwrap();
        assert_eq!((holder.verb.as_str(), holder.works), ("stop", true));
        assert!(holder.begun > begun);
        drop(entry);
    }
}
