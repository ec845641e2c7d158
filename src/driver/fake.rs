//! The name of the driver whose machines are made up, for tests of the command line: `fake.rs` has the whole world
//! that belongs to it.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::section::{Options, Shape};
use super::{Driver, Error, Kind, Section, Setting};
use crate::model::DriverName;

/// Its name.
pub const DRIVER: DriverName = DriverName::fixed("fake");

/// Machines that are nowhere.
#[derive(Debug)]
pub struct Fake;

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoOptions {}

impl Options for NoOptions {
    const KEY: &'static str = "fake";
}

#[async_trait]
impl Kind for Fake {
    fn name(&self) -> DriverName {
        DRIVER
    }

    fn shape(&self) -> Shape {
        Shape::of::<NoOptions>()
    }

    fn is_for_tests(&self) -> bool {
        true
    }

    /// Tests of the command line have nothing to lose.
    fn heeds(&self, driver: &DriverName) -> bool {
        *driver == self.name() || driver.as_str() == "docker"
    }

    fn keeps_snapshots(&self) -> bool {
        true
    }

    fn has_known_image(&self, _section: &Section) -> bool {
        true
    }

    async fn connect(&self, _setting: Setting) -> Result<Arc<dyn Driver>, Error> {
        Err(Error::Unsupported("machines that are made up need a world of their own".to_owned()))
    }
}
