//! Where machines come from, or are looked for, where no record says it.

use serde_json::Value;

use crate::driver::registry;
use crate::model::{ClusterName, DriverName, Orchestrator, Role};
use crate::spec::{ClusterSpec, Invalid, MachineGroup, Place as SpecPlace};

use super::args::{Elsewhere, Place};
use super::error::Error;

/// What names a driver, with its usual options, and asks for nothing in particular.
pub(super) fn spec_from(name: ClusterName, driver: DriverName) -> ClusterSpec {
    let machines = vec![MachineGroup::new(Role::Engine, 1, driver)];
    ClusterSpec::new(name, Orchestrator::Engines, machines)
}

impl Place {
    /// A cluster of that name as it might be there.
    pub(super) fn spec(&self, name: ClusterName) -> Result<ClusterSpec, Error> {
        let mut spec = spec_from(name, self.driver.clone());
        driver_options(&mut spec, &self.driver_opt)?;
        self.flags.choose(&mut spec)?;
        Ok(spec)
    }
}

impl Elsewhere {
    /// A cluster of that name as it might be there.
    pub(super) fn spec(&self, name: ClusterName) -> Result<ClusterSpec, Error> {
        self.of(spec_from(name, self.driver.clone().unwrap_or_else(registry::default)))
    }

    /// A spec whose machines are to be looked for there.
    pub(super) fn of(&self, mut spec: ClusterSpec) -> Result<ClusterSpec, Error> {
        driver_options(&mut spec, &self.driver_opt)?;
        self.flags.choose(&mut spec)?;
        Ok(spec)
    }
}

/// Options of an external driver.
pub(super) fn driver_options(spec: &mut ClusterSpec, options: &[String]) -> Result<(), Error> {
    let driver = spec.driver();
    let mut section = spec.sections.of(&driver).clone();
    for text in options {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Error::Usage(format!("`{text}` is not a driver option: write it as KEY=VALUE"))
        })?;
        if !registry::kind(&driver).is_outside() {
            let problem =
                format!("`{driver}` is no external driver: its options stand one level up");
            return Err(Invalid { place: SpecPlace::External, problem }.into());
        }
        // The driver says which options are numbers.
        section.insert(key.to_owned(), Value::String(value.to_owned()));
    }
    spec.sections.set(&driver, section).map_err(Error::Usage)
}
