//! Ctrl-C, the first time: begin nothing new and let what is under way return.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether the user wants to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt {
    wanted: Arc<watch::Sender<bool>>,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self { wanted: Arc::new(watch::channel(false).0) }
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

    /// Runs work that has no effect of its own (waiting, connecting), and cuts it off when the user
    /// wants to stop; `None` then.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut wanted = self.wanted.subscribe();
        tokio::select! {
            biased;
            _ = wanted.wait_for(|raised| *raised) => None,
            value = work => Some(value),
        }
    }
}
