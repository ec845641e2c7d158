//! The smallest driver that there can be: it makes no machines. Tests see by it that one takes no more than a folder
//! and its lines in `driver/mod.rs` and `driver/registry.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::flag::{Commands, Flag, number, text};
use super::section::{Options, Shape, typed};
use super::{Driver, Error, Kind, Section, Setting};
use crate::model::DriverName;

/// Machines to play with.
#[derive(Debug)]
pub struct Toy;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct ToyOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    box_colour: Option<String>,
    wheels: u16,
}

impl Options for ToyOptions {
    const KEY: &'static str = "toy";
}

const FLAGS: &[Flag] = &[
    Flag::one("box-colour", "COLOUR", text).help("The colour of the box").of(Commands::Look),
    Flag::one("wheels", "N", number).help("How many wheels each has [default: 0]"),
];

#[async_trait]
impl Kind for Toy {
    fn name(&self) -> DriverName {
        DriverName::fixed(ToyOptions::KEY)
    }

    fn shape(&self) -> Shape {
        Shape::of::<ToyOptions>()
    }

    fn flags(&self) -> &'static [Flag] {
        FLAGS
    }

    fn heading(&self) -> Option<&'static str> {
        Some("Toys (--driver toy)")
    }

    fn is_for_tests(&self) -> bool {
        true
    }

    fn validate(&self, section: &Section, _machines: usize) -> Result<(), String> {
        let ToyOptions { wheels, .. } = typed(section);
        if matches!(wheels, 1 | 3) {
            return Err(format!("a toy with {wheels} wheels falls over"));
        }
        Ok(())
    }

    async fn connect(&self, setting: Setting) -> Result<Arc<dyn Driver>, Error> {
        let options: ToyOptions = typed(&setting.section);
        let colour = options.box_colour.unwrap_or_else(|| "plain".to_owned());
        Err(Error::Unsupported(format!("nobody makes machines of a {colour} box")))
    }
}
