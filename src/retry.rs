//! Polling until something is ready: with a deadline, growing pauses, and a way to give up early.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::pace;

/// What one attempt found.
#[derive(Debug)]
pub enum Attempt<T, E> {
    /// It is there.
    Ready(T),
    /// Not yet, and why; worth another try.
    Later(E),
    /// It never will be; stop asking.
    GiveUp(E),
}

/// How long to keep asking, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// When to stop, from the first attempt; later where everything takes longer.
    pub deadline: Duration,
    /// The first pause; each further one is half as long again.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Patience {
    /// Asks often at first and at least once a second later, until the deadline.
    pub fn until(deadline: Duration) -> Self {
        Self {
            deadline,
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_secs(1),
        }
    }
}

/// Tries until an attempt is ready or gives up, or the deadline has passed. An attempt that hangs is
/// cut off at the deadline.
///
/// # Errors
/// The error of the last attempt; `None` if not even the first one ended in time.
pub async fn retry<T, E, F>(
    patience: Patience,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Option<E>>
where
    F: Future<Output = Attempt<T, E>>,
{
    let end = Instant::now() + pace::stretch(patience.deadline);
    let mut pause = patience.first_pause;
    let mut last = None;
    loop {
        match tokio::time::timeout_at(end, attempt()).await {
            Ok(Attempt::Ready(value)) => return Ok(value),
            Ok(Attempt::GiveUp(error)) => return Err(Some(error)),
            Ok(Attempt::Later(error)) => last = Some(error),
            Err(_elapsed) => return Err(last),
        }
        // Jitter keeps a hundred machines from asking in step.
        let wait = pause.mul_f64(rand::random_range(0.8..1.2));
        if Instant::now() + wait >= end {
            return Err(last);
        }
        tokio::time::sleep(wait).await;
        pause = pause.mul_f64(1.5).min(patience.longest_pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short() -> Patience {
        Patience::until(Duration::from_millis(200))
    }

    #[tokio::test]
    async fn succeeds_as_soon_as_it_is_ready() {
        let mut tries = 0;
        let result: Result<i32, Option<&str>> = retry(short(), || {
            tries += 1;
            let ready = tries == 3;
            async move { if ready { Attempt::Ready(7) } else { Attempt::Later("no") } }
        })
        .await;
        assert_eq!((result, tries), (Ok(7), 3));
    }

    #[tokio::test]
    async fn keeps_the_last_reason_when_time_runs_out() {
        let result: Result<(), _> = retry(short(), || async { Attempt::Later("refused") }).await;
        assert_eq!(result, Err(Some("refused")));
    }

    #[tokio::test(start_paused = true)]
    async fn asks_as_much_longer_as_the_computer_is_slower() {
        async fn asked(factor: f64) -> Duration {
            let _pace = pace::tests::paced(factor);
            let begin = Instant::now();
            let patience = Patience::until(Duration::from_secs(60));
            let result: Result<(), _> = retry(patience, || async { Attempt::Later(()) }).await;
            assert_eq!(result, Err(Some(())));
            begin.elapsed()
        }
        let minute = 58..=60;
        assert!(minute.contains(&asked(1.0).await.as_secs()));
        assert!((578..=600).contains(&asked(10.0).await.as_secs()));
    }

    #[tokio::test]
    async fn gives_up_at_once() {
        let mut tries = 0;
        let result: Result<(), _> = retry(short(), || {
            tries += 1;
            async { Attempt::GiveUp("denied") }
        })
        .await;
        assert_eq!((result, tries), (Err(Some("denied")), 1));
    }

    #[tokio::test]
    async fn a_peer_that_never_answers_cannot_hang_us() {
        let result: Result<(), Option<&str>> =
            retry(short(), std::future::pending::<Attempt<(), &str>>).await;
        assert_eq!(result, Err(None));
    }
}
