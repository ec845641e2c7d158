//! How long machines still live that end themselves.

use jiff::Timestamp;

use crate::model::Machine;

/// When the first of these machines ends itself, if one does.
pub(super) fn first_end<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Option<Timestamp> {
    machines.into_iter().filter_map(|machine| machine.expires).min()
}

/// How long it is until then: `7 h 52 min`.
pub(super) fn left(end: Timestamp) -> String {
    let minutes = end.duration_since(Timestamp::now()).as_mins().max(0);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn the_time_that_is_left_is_told_in_hours_and_minutes() {
        let after = |minutes: i64| {
            left(
                Timestamp::now()
                    + SignedDuration::from_mins(minutes)
                    + SignedDuration::from_secs(30),
            )
        };
        assert_eq!(after(472), "7 h 52 min");
        assert_eq!(after(5), "5 min");
        assert_eq!(after(-5), "0 min", "it is about to end");
    }
}
