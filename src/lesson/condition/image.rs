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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_and_nodes_write_the_same_image_in_their_own_ways() {
        for other in ["dojo/lab:1@sha256:ab", "docker.io/dojo/lab:1", "dojo/lab:1"] {
            assert!(is_same("dojo/lab:1", other), "{other}");
        }
        assert!(is_same("docker.io/library/nginx:1", "nginx:1"));
        for other in ["dojo/lab:2", "dojo/lab", "example.com/dojo/lab:1"] {
            assert!(!is_same("dojo/lab:1", other), "{other}");
        }
    }
}
