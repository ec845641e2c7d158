//! Faults on purpose: what can be broken on a machine, so that one can see what becomes of it and learn to mend it.
//!
//! A fault is data: its name, what is seen of it, where it makes sense, and a script that makes it and undoes it. The
//! machine itself undoes it, when its time is over or when it starts again, whatever becomes of this computer: that
//! is armed there before anything is broken. SSH is never cut, and afterwards the machine is as it was before.

mod broken;
mod catalogue;
mod error;
mod fitting;
mod limit;
mod scripts;

pub use broken::Broken;
pub use catalogue::{CATALOGUE, Entry, Fault, POWER_OFF};
pub use error::Error;
pub use fitting::{Ground, admit};
pub use limit::Limit;
pub use scripts::{Armed, Inputs, apply, arm, armed, fingerprint, list, listed, make, unbreak};
