//! Why nothing was broken.

use jiff::Timestamp;

use crate::model::{MachineId, MachineState};

/// Why nothing was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such fault.
    #[error("there is no fault `{fault}`")]
    Unknown {
        /// What was said.
        fault: String,
        /// What may have been meant.
        near: Vec<String>,
    },
    /// It was not said to what it is to be done.
    #[error("fault `{fault}` can be done to several things: {}", variants.join(", "))]
    Which {
        /// The fault.
        fault: String,
        /// The same with each of the things.
        variants: Vec<String>,
    },
    /// It makes no sense on such a machine.
    #[error("fault `{fault}` makes no sense on machine `{machine}`: {why}")]
    Unfit {
        /// The fault.
        fault: String,
        /// The machine.
        machine: MachineId,
        /// Why.
        why: &'static str,
        /// Those that make sense there.
        fitting: Vec<String>,
    },
    /// The machine cannot have it as it is now.
    #[error("fault `{fault}` cannot be made on machine `{machine}`: {why}")]
    Refused {
        /// The fault.
        fault: String,
        /// The machine.
        machine: MachineId,
        /// What the machine says.
        why: String,
    },
    /// It is there already.
    #[error("machine `{machine}` has fault `{fault}` already, since {since}")]
    Already {
        /// The fault.
        fault: String,
        /// The machine.
        machine: MachineId,
        /// Since when.
        since: Timestamp,
    },
    /// Nothing can be done to a machine that is off.
    #[error("machine `{machine}` is {state}, so nothing can be broken on it")]
    Off {
        /// The machine.
        machine: MachineId,
        /// What it is doing.
        state: MachineState,
    },
    /// A machine said something else than its script does.
    #[error("machine `{machine}` said of its faults what makes no sense: {said}")]
    Odd {
        /// The machine.
        machine: MachineId,
        /// What it said.
        said: String,
    },
}
