//! Whether two names of images mean the same one.

/// What is left of a name without the registry that everybody means, and without the digest that was found.
fn short(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    image.strip_prefix("library/").unwrap_or(image)
}

pub(super) fn is_same(one: &str, other: &str) -> bool {
    short(one) == short(other)
}
