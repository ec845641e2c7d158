//! What the instances of one cluster have in common.

/// All that the instances of one cluster have in common; found out before the first is begun.
pub(super) struct Launch {
    pub(super) image: Image,
    pub(super) places: Vec<Place>,
    pub(super) group: String,
    pub(super) further: Option<String>,
}

/// An image, and the user that it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) id: String,
    pub(super) user: String,
    /// What its root disk is called.
    pub(super) root: String,
}

/// A subnet, and the zone that it is in.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) subnet: String,
    pub(super) zone: String,
}
