//! A spec and the places where its machines are.

use std::path::PathBuf;

use crate::model::{DriverName, Place, Places, PodNetwork};

use super::ClusterSpec;

impl ClusterSpec {
    /// The spec with what it leaves to the environment as it is at the places where its machines are. What an
    /// external driver takes, only its program knows, so its options are held against these later.
    #[must_use]
    pub fn located(&self, places: &Places) -> Self {
        let mut spec = self.clone();
        for (driver, place) in places {
            match driver {
                DriverName::Docker => spec.docker = place.fill(&spec.docker),
                DriverName::Ec2 => spec.ec2 = place.fill(&spec.ec2),
                DriverName::Ssh => spec.ssh = place.fill(&spec.ssh),
                DriverName::External(_) => {}
                #[cfg(feature = "fake")]
                DriverName::Fake => {}
            }
        }
        spec
    }

    /// The spec with all its paths as they are from here: the record outlives the directory of this command.
    #[must_use]
    pub(super) fn with_absolute_paths(mut self) -> Self {
        let hosts = self.ssh.hosts.iter_mut().map(|host| &mut host.identity);
        let ssh = [&mut self.ssh.identity, &mut self.ssh.config];
        let others = [&mut self.ec2.user_data, &mut self.kubernetes.bundle];
        for path in hosts.chain(ssh).chain(others).flatten() {
            make_absolute(path);
        }
        if let PodNetwork::Manifest(path) = &mut self.kubernetes.cni {
            make_absolute(path);
        }
        self
    }

    /// Where machines are, as far as the spec alone tells: for records of a time that had nothing else.
    pub fn places(&self) -> Places {
        let of = |driver: DriverName| {
            let place: Option<Place> = match &driver {
                DriverName::Docker => self.docker.place(),
                DriverName::Ec2 => self.ec2.place(),
                DriverName::Ssh | DriverName::External(_) => None,
                #[cfg(feature = "fake")]
                DriverName::Fake => None,
            };
            Some((driver, place?))
        };
        self.drivers().into_iter().filter_map(of).collect()
    }
}

fn make_absolute(path: &mut PathBuf) {
    if let Ok(absolute) = std::path::absolute(&*path) {
        *path = absolute;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::ssh::SshHost;
    use crate::model::Orchestrator;

    #[test]
    fn paths_of_a_spec_are_found_from_everywhere() {
        let mut spec = ClusterSpec::new("ab".parse().unwrap(), Orchestrator::Swarm, Vec::new());
        let path = || Some(PathBuf::from("file"));
        (spec.ssh.config, spec.ssh.identity) = (path(), path());
        spec.ssh.hosts = vec![SshHost { identity: path(), ..SshHost::new("box") }];
        (spec.ec2.user_data, spec.kubernetes.bundle) = (path(), path());
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
            (DriverName::Docker, at([("host".to_owned(), "unix:///a".into())].into())),
            (DriverName::Ec2, at([("region".to_owned(), "eu-west-1".into())].into())),
        ]);
        spec.ec2.region = Some("eu-central-1".to_owned());
        let located = spec.located(&places);
        assert_eq!(located.docker.host.as_deref(), Some("unix:///a"));
        assert_eq!(located.ec2.region.as_deref(), Some("eu-central-1"));
    }
}
