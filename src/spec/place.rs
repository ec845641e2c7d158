//! A spec and the places where its machines are.

use std::path::PathBuf;

use crate::driver::registry;
use crate::model::{Places, PodNetwork};

use super::ClusterSpec;

impl ClusterSpec {
    /// The spec with what it leaves to the environment as it is at the places where its machines are. What an
    /// external driver takes, only its program knows, so its options are held against these later.
    #[must_use]
    pub fn located(&self, places: &Places) -> Self {
        let mut spec = self.clone();
        for (driver, place) in
            places.iter().filter(|(driver, _)| !registry::kind(driver).is_outside())
        {
            let mut section = place.options.clone();
            section.extend(self.sections.of(driver).clone());
            // What the driver does not take any more is of no use to it.
            let _ = spec.sections.set(driver, section);
        }
        spec
    }

    /// The spec with all its paths as they are from here: the record outlives the directory of this command.
    #[must_use]
    pub(super) fn with_absolute_paths(mut self) -> Self {
        self.sections.make_absolute();
        if let Some(path) = &mut self.kubernetes.bundle {
            make_absolute(path);
        }
        if let PodNetwork::Manifest(path) = &mut self.kubernetes.cni {
            make_absolute(path);
        }
        self
    }

    /// Whether what was put together for this spec serves the machines of another one as well: all come from drivers
    /// of this one, with the same options, and get the same bundle.
    pub fn has_places_of(&self, other: &Self) -> bool {
        self.drivers().is_superset(&other.drivers())
            && self.sections == other.sections
            && self.kubernetes.bundle == other.kubernetes.bundle
    }

    /// Where machines are, as far as the spec alone tells: for records of a time that had nothing else.
    pub fn places(&self) -> Places {
        let place = |driver: &_| registry::kind(driver).place(self.sections.of(driver));
        self.drivers()
            .into_iter()
            .filter_map(|driver| Some((driver.clone(), place(&driver)?)))
            .collect()
    }
}

fn make_absolute(path: &mut PathBuf) {
    if let Ok(absolute) = std::path::absolute(&*path) {
        *path = absolute;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{DriverName, Orchestrator, Place};

    #[test]
    fn paths_of_a_spec_are_found_from_everywhere() {
        let mut spec = ClusterSpec::new("ab".parse().unwrap(), Orchestrator::Swarm, Vec::new());
        let hosts = json!({
            "config": "file", "identity": "file", "hosts": [{ "address": "box", "identity": "file" }]
        });
        spec.sections.choose("ssh", hosts);
        spec.sections.choose("ec2", json!({ "user-data": "file" }));
        spec.kubernetes.bundle = Some(PathBuf::from("file"));
        spec.kubernetes.cni = PodNetwork::Manifest(PathBuf::from("file"));
        let text = spec.with_absolute_paths().to_yaml();
        let here = std::env::current_dir().unwrap().join("file").display().to_string();
        assert_eq!(text.matches(&here).count(), 6, "{text}");
    }

    #[test]
    fn what_is_left_open_is_as_it_was_and_what_is_said_counts() {
        let mut spec = ClusterSpec::new("ab".parse().unwrap(), Orchestrator::Swarm, Vec::new());
        let at = |options| Place { name: String::new(), id: None, options };
        let places = Places::from([
            (DriverName::fixed("docker"), at([("host".to_owned(), "unix:///a".into())].into())),
            (DriverName::fixed("ec2"), at([("region".to_owned(), "eu-west-1".into())].into())),
        ]);
        spec.sections.choose("ec2", json!({ "region": "eu-central-1" }));
        let located = spec.located(&places);
        let option =
            |driver, key: &str| located.sections.of(&DriverName::fixed(driver))[key].clone();
        assert_eq!(option("docker", "host"), "unix:///a");
        assert_eq!(option("ec2", "region"), "eu-central-1");
    }
}
