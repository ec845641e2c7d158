//! Whether somebody changes a cluster with a command of ours, or did a moment ago.

use std::time::{Duration, SystemTime};

use crate::pace::stretch;
use crate::store::{Holder, Holders};

/// For how long things may still go after the command that has begun it.
const AFTER: Duration = Duration::from_secs(10);

/// What a command means for what happens while it works on a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// What happens then was asked for.
    Asked,
    /// It hurts on purpose, to be told.
    Told,
    /// It changes nothing that is looked at.
    Nothing,
}

/// What the verbs mean that take the lock of a cluster.
fn meaning(verb: &str) -> Meaning {
    match verb {
        "kill" | "break" => Meaning::Told,
        "unbreak" | "extend" | "image-load" | "bundle-create" | "snapshot-rm" | "use" | "watch" => {
            Meaning::Nothing
        }
        _ => Meaning::Asked,
    }
}

/// Remembers who has worked on a cluster.
#[derive(Debug)]
pub(super) struct Asked {
    holders: Holders,
    seen: Option<SystemTime>,
    until: Option<SystemTime>,
}

impl Asked {
    pub(super) fn of(holders: Holders) -> Self {
        Self { holders, seen: None, until: None }
    }

    /// Whether what begins now was asked for.
    pub(super) fn look(&mut self) -> bool {
        let now = SystemTime::now();
        if let Some(holder) = self.holders.look() {
            self.heed(&holder, now);
        }
        self.until.is_some_and(|until| now < until)
    }

    fn heed(&mut self, holder: &Holder, now: SystemTime) {
        let is_first = self.seen.is_none();
        let is_new = self.seen.replace(holder.begun) != Some(holder.begun);
        if !is_new && !holder.works {
            return;
        }
        match meaning(&holder.verb) {
            // When it ended is not known of one that is over: now at the latest, unless it was before the first look.
            Meaning::Asked => {
                let from = if is_first && !holder.works { holder.begun } else { now };
                self.until = Some(from + stretch(AFTER));
            }
            Meaning::Told => self.until = None,
            Meaning::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Home;

    #[test]
    fn what_a_command_does_was_asked_for_until_a_while_after_it_and_a_kill_never() {
        let second = Duration::from_secs;
        let begin = SystemTime::now();
        let holder = |verb: &str, begun: u64, works: bool| Holder {
            verb: verb.to_owned(),
            begun: begin + second(begun),
            works,
        };
        let home = Home::new("/nowhere");
        let mut asked = Asked::of(home.holders(&"practice".parse().unwrap()));
        let mut at = |holder: Holder, now: u64| {
            let now = begin + second(now);
            asked.heed(&holder, now);
            asked.until.is_some_and(|until| now < until)
        };
        // One that was over long before the first look.
        assert!(!at(holder("up", 0, false), 100));
        assert!(at(holder("stop", 200, true), 200));
        assert!(at(holder("stop", 200, true), 230));
        assert!(at(holder("stop", 200, false), 239));
        assert!(!at(holder("stop", 200, false), 241));
        // One that was too quick to be seen.
        assert!(at(holder("pause", 300, false), 301));
        assert!(at(holder("extend", 302, true), 302), "that takes nothing back");
        assert!(!at(holder("kill", 303, true), 303));
        assert!(!at(holder("use", 304, false), 304));
        assert!(!at(holder("break", 400, true), 400));
        assert!(at(holder("", 500, true), 500), "it has just begun");
    }
}
