//! Answers come in time or not at all.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// How long everything together has to answer at the most.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// An answer that comes in time, or why there is none.
pub async fn in_time<T>(
    end: Instant,
    ask: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let begin = Instant::now();
    let late = || Err(format!("no answer within {:.0} s", begin.elapsed().as_secs_f32()));
    timeout_at(end, ask).await.unwrap_or_else(|_| late())
}
