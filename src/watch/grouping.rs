//! What happens at the same time is one message.

use std::time::Duration;

use tokio::time::Instant;

use crate::alarm::{Digest, Happening};

/// For how long it is waited for what comes with it.
const TOGETHER: Duration = Duration::from_secs(2);

/// Makes messages of happenings.
#[derive(Debug)]
pub struct Grouping {
    cluster: String,
    digest: Digest,
    waiting: Vec<Happening>,
    since: Option<Instant>,
}

impl Grouping {
    /// Messages about a cluster.
    pub fn of(cluster: String) -> Self {
        Self { cluster, digest: Digest::default(), waiting: Vec::new(), since: None }
    }

    /// Takes what has happened, and returns the message that is due, if any. To be told also that nothing has.
    pub fn add(&mut self, happenings: Vec<Happening>, now: Instant) -> Option<String> {
        if !happenings.is_empty() {
            self.since.get_or_insert(now);
            self.waiting.extend(happenings);
        }
        if now.duration_since(self.since?) < TOGETHER {
            return None;
        }
        self.rest()
    }

    /// The message about what is left, at the end.
    pub fn rest(&mut self) -> Option<String> {
        self.since = None;
        self.digest.message(&self.cluster, &std::mem::take(&mut self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::alarm::What;

    fn happening(subject: &str) -> Vec<Happening> {
        vec![Happening {
            at: Timestamp::UNIX_EPOCH,
            what: What::Ended,
            subject: subject.to_owned(),
            machine: None,
            cause: None,
            message: "was killed".to_owned(),
            follows: false,
        }]
    }

    #[test]
    fn what_happens_within_two_seconds_is_one_message() {
        let begin = Instant::now();
        let mut grouping = Grouping::of("practice".to_owned());
        let mut add =
            |happenings, millis| grouping.add(happenings, begin + Duration::from_millis(millis));
        assert_eq!(add(happening("a"), 0), None);
        assert_eq!(add(happening("b"), 1900), None);
        let both = "practice:\n- a was killed\n- b was killed";
        assert_eq!(add(Vec::new(), 2100).as_deref(), Some(both));
        assert_eq!(add(Vec::new(), 9000), None);
        assert_eq!(add(happening("c"), 9100), None);
        assert_eq!(grouping.rest().as_deref(), Some("practice: c was killed"));
        assert_eq!(grouping.rest(), None);
    }
}
