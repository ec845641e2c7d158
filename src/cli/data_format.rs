//! How data is printed.

use clap::ValueEnum;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DataFormat {
    /// For people
    Table,
    /// For programs
    Json,
}
