//! What is left of a secret.

/// What stands in its place.
pub(super) const REDACTED: &str = "(redacted)";
