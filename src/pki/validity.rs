//! How long certificates are valid.

use jiff::{SignedDuration, Timestamp};

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub until: Timestamp,
}

/// Certificates are valid from an hour ago, because a machine's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);
/// A practice cluster rarely lives for a year, and one that does gets a new certificate of the same
/// key from [`Authority::ensure`](super::Authority::ensure).
pub(super) const AUTHORITY_DAYS: i64 = 365;
/// Short, because there is no revocation; every `up` renews what is old.
pub(super) const LEAF_DAYS: i64 = 90;

impl Validity {
    /// For an authority made now.
    pub fn authority() -> Self {
        Self::days(AUTHORITY_DAYS)
    }

    /// For any other certificate made now.
    pub fn leaf() -> Self {
        Self::days(LEAF_DAYS)
    }

    /// For one that is good no longer.
    pub(super) fn over() -> Self {
        let until = Timestamp::now() - CLOCK_SKEW;
        Self { from: until - SignedDuration::from_hours(24 * LEAF_DAYS), until }
    }

    fn days(days: i64) -> Self {
        let now = Timestamp::now();
        Self { from: now - CLOCK_SKEW, until: now + SignedDuration::from_hours(24 * days) }
    }

    /// Whether less than a fifth of the time is left, so that it should be renewed while it still
    /// works.
    pub(super) fn ageing(&self) -> bool {
        Timestamp::now() + self.until.duration_since(self.from) / 5 >= self.until
    }
}
