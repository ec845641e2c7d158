//! How fast things go here. Limits of time are for what hangs. Where a computer is emulated in software, or
//! hopelessly busy, what still makes progress takes ten or twenty times as long as elsewhere, and every limit
//! is that much longer.
//!
//! How much longer is measured once, with the smallest program that there is, because booting a machine is
//! little else than starting programs; `DOJO_PATIENCE` says it instead.

use std::future::Future;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::time::error::Elapsed;

/// The variable that sets the factor.
const VARIABLE: &str = "DOJO_PATIENCE";
/// How long starting a program that does nothing takes on an ordinary computer that is not idle.
const USUAL: Duration = Duration::from_millis(2);
/// Up to here a computer is not called slow: limits have room for it.
const SLOW: f64 = 4.0;
/// What is measured is believed up to here; and the most that may be asked for.
const LONGEST: f64 = 20.0;
const MOST: f64 = 100.0;
/// The quickest of so many attempts counts, because one may have been interrupted.
const ATTEMPTS: usize = 3;

static FACTOR: OnceLock<f64> = OnceLock::new();

/// `DOJO_PATIENCE` is not a factor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{VARIABLE}={0}` is not a factor by which limits of time are longer: a number from 1 to {MOST}, as in \
     {VARIABLE}=5"
)]
pub struct InvalidPatience(String);

/// Takes the factor from the environment, if it says one.
///
/// # Errors
/// [`InvalidPatience`] if what it says is not one.
pub fn from_env() -> Result<(), InvalidPatience> {
    if let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) {
        let factor = parse(&text.to_string_lossy())?;
        FACTOR.get_or_init(|| factor);
    }
    Ok(())
}

fn parse(text: &str) -> Result<f64, InvalidPatience> {
    let factor = text.parse().ok().filter(|factor| (1.0..=MOST).contains(factor));
    factor.ok_or_else(|| InvalidPatience(text.to_owned()))
}

/// How much longer limits are than usual: 1 or more.
pub fn factor() -> f64 {
    #[cfg(test)]
    return tests::FACTOR.get();
    #[cfg(not(test))]
    *FACTOR.get_or_init(measured)
}

/// A limit as it is here.
pub fn stretch(limit: Duration) -> Duration {
    limit.mul_f64(factor())
}

/// Gives up what has not ended within a limit, as it is here.
///
/// # Errors
/// [`Elapsed`] if it has not.
pub async fn within<F: Future>(limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout(stretch(limit), work).await
}

/// The factor for this computer.
#[cfg_attr(test, expect(dead_code, reason = "tests say how fast things go"))]
fn measured() -> f64 {
    let mut quickest = None;
    for _ in 0..ATTEMPTS {
        let begin = Instant::now();
        let nothing = Stdio::null;
        let program =
            Command::new("true").stdin(nothing()).stdout(nothing()).stderr(nothing()).status();
        if program.is_err() {
            return 1.0;
        }
        let took = begin.elapsed();
        quickest = Some(quickest.map_or(took, |quickest: Duration| quickest.min(took)));
        if factor_of(took) <= 1.0 {
            break;
        }
    }
    quickest.map_or(1.0, factor_of)
}

fn factor_of(took: Duration) -> f64 {
    let factor = took.div_duration_f64(USUAL);
    if factor < SLOW { 1.0 } else { factor.min(LONGEST) }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        pub(super) static FACTOR: Cell<f64> = const { Cell::new(1.0) };
    }

    /// A pace that a test sets for itself.
    pub(crate) struct Paced;

    impl Drop for Paced {
        fn drop(&mut self) {
            FACTOR.set(1.0);
        }
    }

    /// Has limits be that much longer in a test, as long as it keeps what is returned.
    pub(crate) fn paced(factor: f64) -> Paced {
        FACTOR.set(factor);
        Paced
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "they are exact")]
    fn an_ordinary_computer_keeps_its_limits_and_a_slow_one_is_believed_within_bounds() {
        let millis = Duration::from_millis;
        assert_eq!(factor_of(Duration::from_micros(600)), 1.0);
        assert_eq!(factor_of(millis(7)), 1.0, "busy, not slow");
        assert_eq!(factor_of(millis(24)), 12.0);
        assert_eq!(factor_of(millis(900)), LONGEST);
    }

    #[test]
    fn only_a_factor_is_taken_from_the_environment() {
        assert_eq!(parse("2.5"), Ok(2.5));
        for wrong in ["0", "0.5", "-3", "1000", "inf", "NaN", "5x", " "] {
            let refused = parse(wrong).unwrap_err().to_string();
            assert!(refused.contains(&format!("`DOJO_PATIENCE={wrong}`")), "{refused}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_still_makes_progress_on_a_slow_computer_is_not_given_up() {
        let limit = Duration::from_secs(60);
        let work = || tokio::time::sleep(Duration::from_secs(500));
        assert!(within(limit, work()).await.is_err());
        let _pace = paced(10.0);
        assert!(within(limit, work()).await.is_ok());
    }
}
