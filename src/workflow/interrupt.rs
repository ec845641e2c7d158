//! Ctrl-C, the first time: a command that has begun nothing ends at once; else nothing new is begun, and what
//! is under way returns.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether the user wants to stop, and whether there is anything that must not be cut off. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt {
    wanted: Arc<watch::Sender<bool>>,
    begun: Arc<AtomicBool>,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self { wanted: Arc::new(watch::channel(false).0), begun: Arc::default() }
    }
}

impl Interrupt {
    /// The user wants to stop.
    pub fn raise(&self) {
        self.wanted.send_replace(true);
    }

    /// Whether the user wants to stop.
    pub fn raised(&self) -> bool {
        *self.wanted.borrow()
    }

    /// Waits until the user wants to stop.
    pub async fn wanted(&self) {
        let mut wanted = self.wanted.subscribe();
        // Whoever could raise it is gone only when this is.
        let _ = wanted.wait_for(|raised| *raised).await;
    }

    /// From here on the command may have effects, and comes to an end by itself when the user wants to stop.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether the command may have had effects.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Runs a whole command, and cuts it off when the user wants to stop before it has [begun](Self::begin)
    /// anything; `None` then.
    pub async fn until_begun<T>(&self, command: impl Future<Output = T>) -> Option<T> {
        let stop = async {
            self.wanted().await;
            if self.has_begun() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stop => None,
            value = command => Some(value),
        }
    }

    /// Runs work that has no effect of its own (waiting, connecting), or whose effects are found again
    /// wherever it is cut off, and cuts it off when the user wants to stop; `None` then.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.wanted() => None,
            value = work => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_begun_nothing_is_cut_off_and_what_has_is_not() {
        let interrupt = Interrupt::default();
        let command = async {
            interrupt.raise();
            pending::<()>().await;
        };
        assert_eq!(interrupt.until_begun(command).await, None);

        let interrupt = Interrupt::default();
        let command = async {
            interrupt.begin();
            interrupt.raise();
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(interrupt.until_begun(command).await, Some(7));
    }
}
