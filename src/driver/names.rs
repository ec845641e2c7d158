//! The names of the drivers inside. The registry knows more of them, but no driver can ask it: it knows the drivers.

/// In the order of the registry.
const INSIDE: &[&str] = &[
    "docker",
    "ec2",
    "ssh",
    #[cfg(feature = "fake")]
    "fake",
    #[cfg(feature = "fake")]
    "toy",
];

/// Whether a driver of that name is inside.
pub(super) fn is_inside(name: &str) -> bool {
    INSIDE.contains(&name)
}

/// The driver that is meant where none is named.
pub(super) const DEFAULT: &str = INSIDE[0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::registry;

    #[test]
    fn the_registry_has_the_same() {
        let names: Vec<_> = registry::inside().map(|kind| kind.name().to_string()).collect();
        assert_eq!(names, INSIDE);
    }
}
