//! What was made may not be known everywhere yet.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::pace::stretch;

/// How long what was made may not be known everywhere ("Eventual consistency", Amazon EC2 API Reference).
pub(super) const CONSISTENCY: Duration = Duration::from_secs(90);
/// How often to look.
pub(super) const POLL: Duration = Duration::from_secs(2);

/// What was made a moment ago may not be known everywhere yet ("Eventual consistency", Amazon EC2 API
/// Reference): a call is made again for a minute as long as `absent` is true of its error.
pub(super) async fn retry_absent<T, E, F: Future<Output = Result<T, E>>>(
    call: impl Fn() -> F,
    absent: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let end = Instant::now() + stretch(CONSISTENCY);
    loop {
        match call().await {
            Err(error) if absent(&error) && Instant::now() < end => {
                sleep(POLL).await;
            }
            other => return other,
        }
    }
}
