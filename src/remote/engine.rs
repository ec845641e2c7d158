//! To come.
/// A connection to an engine.
#[derive(Debug, Clone)]
pub struct Engine;
