//! What conditions want to be looked at, and on which machines.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use crate::lesson::look::Look;
use crate::observe::{Ask, Facts};

use super::selection::Pods;

/// On which machines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum On {
    /// On one: `worker-1`.
    Name(String),
    /// On any that is on: one of them is enough.
    Any,
    /// On each that is on.
    Each,
    /// On those where pods are: `pods(app=web)`.
    Pods(Pods),
}

impl TryFrom<String> for On {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(pods) = text.strip_prefix("pods(").and_then(|rest| rest.strip_suffix(')')) {
            return Pods::try_from(pods.to_owned()).map(Self::Pods);
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-{}".contains(c);
        match text.as_str() {
            "any" => Ok(Self::Any),
            "each" => Ok(Self::Each),
            name if !name.is_empty() && name.chars().all(fits) => Ok(Self::Name(text)),
            _ => Err(format!(
                "`{text}` is no machine: expected one like worker-1, any, each or pods(app=web)"
            )),
        }
    }
}

impl On {
    /// How a command names the machine.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Any | Self::Each | Self::Pods(_) => "MACHINE",
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Any => f.write_str("any"),
            Self::Each => f.write_str("each"),
            Self::Pods(pods) => write!(f, "pods({pods})"),
        }
    }
}

impl On {
    /// The names of the machines, as far as the facts tell; pods that are gone have left something behind.
    pub(super) fn machines<'a>(
        &self,
        facts: impl Iterator<Item = &'a Facts>,
        namespace: Option<&str>,
    ) -> BTreeSet<String> {
        let all: Vec<_> = facts.collect();
        match self {
            Self::Name(name) => BTreeSet::from([name.clone()]),
            Self::Any | Self::Each => {
                let machines = all.last().into_iter().flat_map(|facts| facts.machines.iter());
                machines.filter(|it| it.is_on()).map(|it| it.name.to_string()).collect()
            }
            Self::Pods(pods) => {
                let found = |facts| pods.all(facts, namespace).unwrap_or_default();
                let pods = all.into_iter().flat_map(found);
                pods.filter_map(|pod| pod.node_name.clone()).collect()
            }
        }
    }

    pub(super) fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Name(name) => with(name),
            Self::Pods(pods) => pods.fill(with),
            Self::Any | Self::Each => {}
        }
    }
}

/// What a condition wants to be looked at, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookout {
    /// On which machines.
    pub on: On,
    /// Where pods are looked for, if it names some.
    pub namespace: Option<String>,
    /// What.
    pub look: Look,
}

impl Lookout {
    /// What has to be asked so that the machines are known.
    pub(super) fn asks(&self) -> Ask {
        match &self.on {
            On::Pods(pods) => pods.asks(),
            On::Name(_) | On::Any | On::Each => Ask::default(),
        }
    }

    /// The names of the machines on which it is looked at: of what is known of the cluster since the step began, oldest
    /// first.
    pub fn machines<'a>(&self, facts: impl Iterator<Item = &'a Facts>) -> BTreeSet<String> {
        self.on.machines(facts, self.namespace.as_deref())
    }
}
