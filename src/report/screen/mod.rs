//! A full screen in the terminal, for what a learner looks at for half an hour: a step of a lesson, how it stands, what happens
//! and the machines.
//!
//! [`View`] is all that is shown, as plain data. [`Screen`] has the terminal, and [`plain`] says the same in lines. [`reflowed`]
//! breaks a lesson's text into lines as the screen does.

mod backend;
mod below;
mod body;
mod draw;
mod key;
mod look;
mod open;
mod panel;
mod place;
mod plain;
mod restore;
mod row;
mod text;
mod view;
mod words;

pub use draw::draw;
pub use key::Key;
pub use open::{Error, Screen};
pub use place::Place;
pub use plain::plain;
pub use text::reflowed;
pub use view::{
    Choice, Happening, Health, Line, Machine, Panel, Prediction, Sign, Tile, Truth, View,
};
