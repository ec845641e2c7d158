//! Machines of programs that other people write: `dojo-driver-NAME` on the PATH.
//!
//! Each operation is one run of the program, which reads a request and writes an answer ([`protocol`]), or is
//! one request of a run that answers many. It has a time-out, and whatever else the program does than answering is
//! an error that names the driver and what its program said last.

mod conversation;
mod driver;
mod fault;
mod group;
mod kind;
mod options;
mod output;
mod program;
pub mod protocol;
mod serve;
mod session;
mod subject;

pub use self::driver::ExternalDriver;
pub use self::group::abandon;
pub use self::kind::External;
pub use self::protocol::Options;
pub use self::serve::serve;
