//! The faults that there are.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// A fault of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub name: &'static str,
    /// To what it can be done, where that is to be chosen.
    pub variants: &'static [&'static str],
    /// What is seen of it, in a sentence.
    pub effect: &'static str,
    /// On which machines it makes sense, in words.
    pub on: &'static str,
}

/// The one fault that no machine can undo by itself.
pub const POWER_OFF: &str = "power-off";

/// Every fault.
pub const CATALOGUE: &[Entry] = &[
    Entry {
        name: "unit-stopped",
        variants: &["docker", "containerd", "kubelet"],
        effect: "A service is stopped, and the cluster has to notice",
        on: "machines that have the service",
    },
    Entry {
        name: "frozen",
        variants: &["dockerd", "kubelet", "etcd"],
        effect: "A program is there and does not answer, which takes longer to notice than one that has ended",
        on: "machines that have the program; kubelet restarts an etcd that does not answer for a while",
    },
    Entry {
        name: POWER_OFF,
        variants: &[],
        effect: "The machine is off; until it is started again, because nothing on it can do that",
        on: "all machines; a host of yours stays on, and what the cluster runs there stops",
    },
    Entry {
        name: "unreachable",
        variants: &[],
        effect: "The machine and the others of its cluster do not reach each other; this computer reaches them all",
        on: "machines of clusters that have others",
    },
    Entry {
        name: "slow-network",
        variants: &[],
        effect: "All that the machine sends is 200 ms late, and one packet of a hundred is lost",
        on: "machines whose kernel has sch_netem",
    },
    Entry {
        name: "disk-full",
        variants: &[],
        effect: "The engine has no space for images, or kubelet too little for pods; no disk is really filled",
        on: "machines with an engine, and workers of Kubernetes; not on hosts of yours",
    },
    Entry {
        name: "cert-expired",
        variants: &[],
        effect: "The engine's certificate has expired, or that by which the API server reaches kubelets",
        on: "machines with an engine, and control planes",
    },
];

/// A fault, and what it is done to. Written `unit-stopped:kubelet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    entry: &'static Entry,
    variant: Option<&'static str>,
}

impl Fault {
    /// All that could be said.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().flat_map(Self::of)
    }

    /// Those of an entry.
    fn of(entry: &'static Entry) -> impl Iterator<Item = Self> {
        let alone = entry.variants.is_empty().then_some(Self { entry, variant: None });
        let variants = entry.variants.iter();
        alone.into_iter().chain(variants.map(move |v| Self { entry, variant: Some(*v) }))
    }

    /// Its entry in the catalogue.
    pub fn entry(self) -> &'static Entry {
        self.entry
    }

    /// What it is done to, where that is to be chosen.
    pub fn variant(self) -> Option<&'static str> {
        self.variant
    }

    /// What its files and units on a machine are called.
    pub fn file_name(self) -> String {
        self.to_string().replace(':', "-")
    }

    /// Whether the machine is off by it.
    pub fn is_power_off(self) -> bool {
        self.entry.name == POWER_OFF
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variant {
            Some(variant) => f.pad(&format!("{}:{variant}", self.entry.name)),
            None => f.pad(self.entry.name),
        }
    }
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(fault) = Self::all().find(|fault| fault.to_string() == text) {
            return Ok(fault);
        }
        let (name, variant) = text.split_once(':').unwrap_or((text, ""));
        let entry = CATALOGUE.iter().find(|entry| entry.name == name);
        let near: Vec<Self> = match entry {
            Some(entry) => Self::of(entry).collect(),
            None => Self::all()
                .filter(|f| near(name, f.entry.name) || f.variant.is_some_and(|v| v == name))
                .collect(),
        };
        let near = near.iter().map(Self::to_string).collect();
        Err(match entry {
            Some(_) if variant.is_empty() => {
                Error::Which { fault: name.to_owned(), variants: near }
            }
            _ => Error::Unknown { fault: text.to_owned(), near },
        })
    }
}

/// Whether somebody may have meant the one by the other: a part of it, or almost the same letters.
fn near(said: &str, name: &str) -> bool {
    let part = said.len() >= 4 && (name.contains(said) || said.contains(name));
    let word = name.split('-').any(|word| word.len() >= 4 && distance(said, word) <= 1);
    part || word || distance(said, name) <= 2
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut left_above = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let above = row[j + 1];
            let change = left_above + usize::from(a != *b);
            row[j + 1] = change.min(above + 1).min(row[j] + 1);
            left_above = above;
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_back_as_written() {
        assert!(Fault::all().count() > CATALOGUE.len());
        for fault in Fault::all() {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(fault.file_name().chars().all(plain), "{fault}");
        }
    }

    #[test]
    fn what_was_meant_is_found() {
        let near = |text: &str| match text.parse::<Fault>().unwrap_err() {
            Error::Unknown { near, .. } => near.join(" "),
            other => other.to_string(),
        };
        assert_eq!(near("unreachble"), "unreachable");
        assert_eq!(near("power"), "power-off");
        assert_eq!(near("full"), "disk-full");
        assert_eq!(near("freeze"), "");
        assert_eq!(near("kubelet"), "unit-stopped:kubelet frozen:kubelet");
        assert_eq!(near("frozen:docker"), "frozen:dockerd frozen:kubelet frozen:etcd");
        assert_eq!(near("power-off:now"), "power-off");
        assert_eq!(
            near("frozen"),
            "fault `frozen` can be done to several things: \
             frozen:dockerd, frozen:kubelet, frozen:etcd"
        );
    }
}
