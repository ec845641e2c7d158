//! To come.
/// Dials over SSH.
#[derive(Debug, Default)]
pub struct SshDialer;
