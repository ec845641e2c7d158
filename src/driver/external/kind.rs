//! What the rest of the program knows of a driver that is a program of somebody else.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::ExternalDriver;
use crate::driver::section::Shape;
use crate::driver::{Driver, Error, Kind, Program, Section, Setting};
use crate::model::DriverName;

/// A driver that is a program.
#[derive(Debug)]
pub struct External(DriverName);

impl External {
    /// The one of that name, whether there is such a program or not.
    pub fn new(name: &DriverName) -> Self {
        Self(name.clone())
    }
}

#[async_trait]
impl Kind for External {
    fn name(&self) -> DriverName {
        self.0.clone()
    }

    /// Only its program knows what it takes, so its options are held against that later.
    fn shape(&self) -> Shape {
        Shape {
            admit: |value| serde_json::from_value(value).map_err(|error| error.to_string()),
            // They do not stand in a section of their own.
            in_file: |_| Ok(Section::new()),
            whole: |section| Value::Object(section.clone().into_iter().collect()),
        }
    }

    fn is_program(&self) -> bool {
        true
    }

    fn programs(&self, _section: &Section) -> Vec<Program> {
        vec![Program { what: format!("the program `dojo-driver-{}`", self.0), file: None }]
    }

    /// What its options mean is known to it alone.
    fn shown(&self, section: &Section) -> Value {
        json!(section.keys().collect::<Vec<_>>())
    }

    async fn connect(&self, setting: Setting) -> Result<Arc<dyn Driver>, Error> {
        let noted = setting.place.map(|place| place.options).unwrap_or_default();
        let (name, progress) = (self.0.as_str(), setting.progress);
        let driver = ExternalDriver::connect(name, &setting.section, &noted, progress).await?;
        if setting.to_make {
            driver.refuse_unfit()?;
        }
        Ok(Arc::new(driver))
    }
}
