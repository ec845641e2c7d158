//! Which happenings are worth a message: each once, and none that follows from another one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::happening::{Happening, What};

/// For how long the same is not told again of the same: a container that ends as soon as it begins does so every few seconds.
const AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// For how long it is remembered how often that was.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// How many lines a message has at most.
const LINES: usize = 20;

/// What was told lately.
#[derive(Debug, Default)]
pub struct Digest {
    /// When each was told last, and how often it has happened since.
    told: BTreeMap<(String, What, Option<&'static str>), (Timestamp, usize)>,
}

impl Digest {
    /// The message about a cluster for what has happened in it; `None` if it is worth none.
    pub fn message(&mut self, cluster: &str, happenings: &[Happening]) -> Option<String> {
        let lines: Vec<String> =
            happenings.iter().filter(|it| !it.follows).filter_map(|it| self.line(it)).collect();
        if lines.is_empty() {
            return None;
        }
        // What comes with it explains it.
        let follow = happenings.iter().filter(|it| it.follows).map(Happening::sentence);
        let mut lines: Vec<String> = lines.into_iter().chain(follow).collect();
        if let [line] = lines.as_slice() {
            return Some(format!("{cluster}: {line}"));
        }
        let more = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        let list: String = lines.iter().map(|line| format!("\n- {line}")).collect();
        let more = if more > 0 { format!("\n- and {more} more") } else { String::new() };
        Some(format!("{cluster}:{list}{more}"))
    }

    /// `None` if the same was told a moment ago.
    fn line(&mut self, happening: &Happening) -> Option<String> {
        let (at, subject) = (happening.at, &happening.subject);
        // What was taken back is news when it comes again.
        let opposite = happening.what.opposite();
        self.told.retain(|(of, what, _), (told, times)| {
            let age = at.duration_since(*told);
            let is_over = of == subject && Some(*what) == opposite;
            !is_over && (age < AGAIN || *times > 0 && age < REMEMBERED)
        });
        let key = (subject.clone(), happening.what, happening.cause);
        let before = self.told.get_mut(&key);
        let times = match before {
            Some((told, times)) if at.duration_since(*told) < AGAIN => {
                *times += 1;
                return None;
            }
            Some((_, times)) => *times,
            None => 0,
        };
        self.told.insert(key, (at, 0));
        let line = happening.sentence();
        Some(match times {
            0 => line,
            1 => format!("{line} (once more since it was told last)"),
            times => format!("{line} ({times} times more since it was told last)"),
        })
    }
}
