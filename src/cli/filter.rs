//! `--filter KEY=VALUE`, as docker has it: values of one key are alternatives, and each key must fit.

use std::mem::discriminant;
use std::str::FromStr;

use regex_lite::Regex;

use crate::model::{ClusterName, DriverName, Orchestrator};

/// The states of clusters, as `dojo ls` calls them.
pub(super) const STATES: [&str; 10] = [
    "running",
    "degraded",
    "stopped",
    "paused",
    "unfinished",
    "half removed",
    "unknown",
    "no record here",
    "of another home",
    "damaged record",
];

/// What a cluster must be so that it is listed.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    Name(Regex),
    Kind(Orchestrator),
    Driver(DriverName),
    Status(&'static str),
}

/// What filters look at.
pub(super) trait Filtered {
    fn name(&self) -> &ClusterName;
    /// Absent if it cannot be known.
    fn kind(&self) -> Option<Orchestrator>;
    fn has_driver(&self, driver: &DriverName) -> bool;
    fn status(&self) -> &str;
}

impl Filter {
    fn fits(&self, row: &impl Filtered) -> bool {
        match self {
            Self::Name(pattern) => pattern.is_match(row.name().as_str()),
            Self::Kind(kind) => row.kind() == Some(*kind),
            Self::Driver(driver) => row.has_driver(driver),
            Self::Status(status) => row.status() == *status,
        }
    }
}

/// Whether all of the filters let something through.
pub(super) fn fit(filters: &[Filter], row: &impl Filtered) -> bool {
    filters.iter().all(|filter| {
        let mut same = filters.iter().filter(|f| discriminant(*f) == discriminant(filter));
        same.any(|filter| filter.fits(row))
    })
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) =
            text.split_once('=').ok_or("write it as KEY=VALUE, as in status=running")?;
        match key {
            "name" => pattern(value).map(Self::Name),
            "kind" | "orchestrator" => {
                let kind = Orchestrator::ALL.into_iter().find(|kind| kind.as_str() == value);
                let all = Orchestrator::ALL.map(Orchestrator::as_str);
                kind.map(Self::Kind).ok_or_else(|| one_of("kind", value, &all))
            }
            "driver" => value.parse().map(Self::Driver),
            "status" | "state" => {
                let value = value.replace('-', " ");
                let state = STATES.into_iter().find(|state| **state == *value);
                state.map(Self::Status).ok_or_else(|| one_of("status", &value, &STATES))
            }
            _ => Err(one_of("filter", key, &["name", "kind", "driver", "status"])),
        }
    }
}

fn one_of(what: &str, given: &str, all: &[&str]) -> String {
    format!("there is no {what} `{given}`; there are {}", all.join(", "))
}

/// A regular expression that is looked for in the name, as docker does. Where there is nothing in it but `*` and `?`
/// beside the letters of names, it is a pattern of the shell's for the whole name.
fn pattern(text: &str) -> Result<Regex, String> {
    let is_of_shell = text.contains(['*', '?'])
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-*?".contains(c));
    let regex = if is_of_shell {
        format!("^{}$", text.replace('*', ".*").replace('?', "."))
    } else {
        text.to_owned()
    };
    Regex::new(&regex)
        .map_err(|_| format!("`{text}` is neither a pattern nor a regular expression"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(&'static str, Orchestrator, &'static str);

    impl Filtered for Row {
        fn name(&self) -> &ClusterName {
            let name = self.0.parse().unwrap();
            Box::leak(Box::new(name))
        }

        fn kind(&self) -> Option<Orchestrator> {
            Some(self.1)
        }

        fn has_driver(&self, driver: &DriverName) -> bool {
            driver.as_str() == "docker"
        }

        fn status(&self) -> &str {
            self.2
        }
    }

    fn listed(filters: &[&str]) -> String {
        let filters: Vec<Filter> = filters.iter().map(|text| text.parse().unwrap()).collect();
        let rows = [
            Row("practice", Orchestrator::Swarm, "running"),
            Row("prod-2", Orchestrator::Kubernetes, "half removed"),
            Row("k8s", Orchestrator::Kubernetes, "running"),
        ];
        let rows = rows.iter().filter(|row| fit(&filters, *row));
        rows.map(|row| row.0).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_each_key_must_fit() {
        assert_eq!(listed(&[]), "practice prod-2 k8s");
        assert_eq!(listed(&["kind=swarm", "kind=kubernetes"]), "practice prod-2 k8s");
        assert_eq!(listed(&["kind=kubernetes", "status=running"]), "k8s");
        assert_eq!(listed(&["status=half-removed"]), "prod-2");
        assert_eq!(listed(&["status=half removed"]), "prod-2");
        assert_eq!(listed(&["driver=docker"]), "practice prod-2 k8s");
        assert_eq!(listed(&["driver=ec2"]), "");
    }

    #[test]
    fn names_are_looked_for_as_docker_does() {
        for (pattern, found) in [
            ("ract", "practice"),
            ("pr*", "practice prod-2"),
            ("p*2", "prod-2"),
            ("*r", ""),
            ("k?s", "k8s"),
            ("^p", "practice prod-2"),
            ("[0-9]", "prod-2 k8s"),
            ("", "practice prod-2 k8s"),
        ] {
            assert_eq!(listed(&[&format!("name={pattern}")]), found, "{pattern}");
        }
        assert!("name=(".parse::<Filter>().unwrap_err().contains("regular expression"));
    }

    #[test]
    fn what_there_is_not_is_told_with_what_there_is() {
        for (text, said) in [
            ("running", "KEY=VALUE"),
            ("label=a", "no filter `label`; there are name, kind, driver, status"),
            ("status=up", "no status `up`; there are running, degraded"),
            ("kind=nomad", "no kind `nomad`; there are swarm, kubernetes, engines"),
        ] {
            let error = text.parse::<Filter>().unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
