//! A spec and the places where its machines are.

use crate::model::{DriverName, Place, Places};

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
