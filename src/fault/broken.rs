//! What is broken at present.

use jiff::Timestamp;

use crate::model::MachineId;

/// A fault that a machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The machine.
    pub machine: MachineId,
    /// The fault, as users write it. A later version may have made it, so it need not be in our catalogue.
    pub fault: String,
    /// Since when; nobody knows of a machine that is off.
    pub since: Option<Timestamp>,
    /// When the machine undoes it by itself; one that is off does not.
    pub until: Option<Timestamp>,
}
