//! Something that has happened.

use jiff::Timestamp;
use serde::Serialize;

/// Something that has happened and that nobody has asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    /// When it was seen.
    pub at: Timestamp,
    /// What it is.
    pub what: What,
    /// What it has happened to: `web.1`, `worker-1`, `default/web-5d7f`.
    pub subject: String,
    /// The machine that it is on; absent if it is on none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Why, in a word: `killed`, `unhealthy`, `node-down`; absent if nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// The rest of the sentence that begins with its subject: `was killed on worker-1`.
    pub message: String,
    /// Whether it only follows from something that was told before, as tasks that are lost with their machine.
    pub follows: bool,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Something ended, and something else came in its place.
    Replaced,
    /// Something ended, and nothing came in its place.
    Ended,
    /// It was started again.
    Restarted,
    /// Its health check fails.
    Unhealthy,
    /// It cannot be started.
    Stuck,
    /// A machine is down.
    Down,
    /// A machine is up again.
    Up,
    /// Another one leads.
    LeaderChanged,
    /// Those that decide are no majority any more.
    MajorityLost,
    /// They are one again.
    MajorityBack,
    /// An update goes no further.
    UpdatePaused,
    /// An update was taken back.
    RolledBack,
}

impl What {
    /// What it takes back, if that was so before.
    pub(super) fn opposite(self) -> Option<Self> {
        match self {
            Self::Down => Some(Self::Up),
            Self::Up => Some(Self::Down),
            Self::MajorityLost => Some(Self::MajorityBack),
            Self::MajorityBack => Some(Self::MajorityLost),
            _ => None,
        }
    }
}

impl Happening {
    /// The whole sentence, on one line and without what moves a cursor: parts of it come from machines.
    pub fn sentence(&self) -> String {
        let text = format!("{} {}", self.subject, self.message);
        let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_machines_say_cannot_forge_lines() {
        let happening = Happening {
            at: Timestamp::UNIX_EPOCH,
            what: What::Stuck,
            subject: "web.1".to_owned(),
            machine: None,
            cause: None,
            message: "was rejected: a\nb\u{1b}[2J".to_owned(),
            follows: false,
        };
        assert_eq!(happening.sentence(), "web.1 was rejected: a b [2J");
    }
}
