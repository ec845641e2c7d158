//! What machine images there are.

/// What is in a machine image beside a Debian system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Variant {
    /// Docker.
    #[default]
    Full,
    /// Nothing.
    Bare,
    /// containerd and the tools that kubelet needs.
    Node,
}

impl Variant {
    /// The name of the build's stage.
    pub(super) fn stage(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Bare => "bare",
            Self::Node => "node",
        }
    }
}
