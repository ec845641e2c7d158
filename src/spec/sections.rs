//! What a spec says of machines of each driver. In files, a driver inside has a section of its own, and all others
//! stand in `external`.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::driver::{Section, registry};
use crate::model::DriverName;

/// The key of the section with the options of all other drivers.
pub(super) const EXTERNAL: &str = "external";

/// The section of each driver about which something was chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sections(BTreeMap<DriverName, Section>);

impl Sections {
    /// What was chosen about machines of a driver.
    pub fn of(&self, driver: &DriverName) -> &Section {
        static NONE: Section = Section::new();
        self.0.get(driver).unwrap_or(&NONE)
    }

    /// The drivers about whose machines something was chosen.
    pub fn drivers(&self) -> impl Iterator<Item = &DriverName> {
        self.0.keys()
    }

    /// Chooses something about machines of a driver, in place of what was chosen before.
    ///
    /// # Errors
    /// What the driver does not take.
    pub fn set(&mut self, driver: &DriverName, section: Section) -> Result<(), String> {
        let value = Value::Object(section.into_iter().collect());
        self.admit(driver, (registry::kind(driver).shape().admit)(value)?);
        Ok(())
    }

    /// The same of a section that was read already.
    pub(super) fn admit(&mut self, driver: &DriverName, section: Section) {
        if section.is_empty() {
            self.0.remove(driver);
        } else {
            self.0.insert(driver.clone(), section);
        }
    }

    /// Makes all paths absolute.
    pub(super) fn make_absolute(&mut self) {
        for (driver, section) in &mut self.0 {
            registry::kind(driver).make_absolute(section);
        }
    }

    /// The same for tests, which know what they choose.
    #[cfg(test)]
    pub(crate) fn choose(&mut self, driver: &str, section: Value) {
        let section = serde_json::from_value(section).unwrap();
        self.set(&driver.parse().unwrap(), section).unwrap();
    }
}

impl Serialize for Sections {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for kind in registry::inside() {
            let name = kind.name();
            // That of the driver that is meant where none is named is always there.
            if self.0.contains_key(&name) || name == registry::default() {
                map.serialize_entry(&name, &(kind.shape().whole)(self.of(&name)))?;
            }
        }
        let external: BTreeMap<_, _> =
            self.0.iter().filter(|(name, _)| registry::kind(name).is_outside()).collect();
        if !external.is_empty() {
            map.serialize_entry(EXTERNAL, &external)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Sections {
    /// Of a record; keys that are no driver's are passed over.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut keys = BTreeMap::<String, Value>::deserialize(deserializer)?;
        let mut sections = Self::default();
        for kind in registry::inside() {
            if let Some(value) = keys.remove(kind.name().as_str()) {
                sections
                    .admit(&kind.name(), (kind.shape().admit)(value).map_err(D::Error::custom)?);
            }
        }
        if let Some(external) = keys.remove(EXTERNAL) {
            let external: BTreeMap<DriverName, Section> =
                serde_json::from_value(external).map_err(D::Error::custom)?;
            sections.0.extend(external);
        }
        Ok(sections)
    }
}
