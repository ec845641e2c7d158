//! Container images, by the names that people and programs have for them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::MachineName;

/// An image that was put on the machines of a cluster, and belongs to it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedImage {
    /// Its name, with a tag, as docker writes it: `web:1`.
    pub reference: String,
    /// Its id in the engine that it came from.
    pub id: String,
    /// The machines that have not got it, although they may have another one of that name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lacking: BTreeSet<MachineName>,
}

/// The registry that is meant where none is named.
const DEFAULT_REGISTRY: &str = "docker.io/";
/// What its images are called that have no owner.
const DEFAULT_OWNER: &str = "library/";

/// The name of an image as docker lists it, with the tag that is meant where none is named: `web:latest` for
/// `docker.io/library/web`.
pub fn familiar_reference(text: &str) -> String {
    let text = text.strip_prefix("index.").unwrap_or(text);
    let name = match text.strip_prefix(DEFAULT_REGISTRY) {
        Some(rest) => rest.strip_prefix(DEFAULT_OWNER).unwrap_or(rest),
        None => text,
    };
    // A colon before a slash belongs to a registry's port.
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_tag { name.to_owned() } else { format!("{name}:latest") }
}

/// The same name as containerd keeps it: `docker.io/library/web:latest`.
pub fn full_reference(text: &str) -> String {
    let name = familiar_reference(text);
    let names_registry = |first: &str| first.contains(['.', ':']) || first == "localhost";
    match name.split_once('/') {
        Some((first, _)) if names_registry(first) => name,
        Some(_) => format!("{DEFAULT_REGISTRY}{name}"),
        None => format!("{DEFAULT_REGISTRY}{DEFAULT_OWNER}{name}"),
    }
}

/// The name of an image without its tag and digest, and its tag; the colon of a registry's port is no tag.
pub fn split_tag(image: &str) -> (&str, Option<&str>) {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_one_name_however_it_is_written() {
        for (text, familiar, full) in [
            ("web", "web:latest", "docker.io/library/web:latest"),
            ("web:1", "web:1", "docker.io/library/web:1"),
            ("docker.io/library/web:1", "web:1", "docker.io/library/web:1"),
            ("index.docker.io/me/web", "me/web:latest", "docker.io/me/web:latest"),
            ("me/web:1", "me/web:1", "docker.io/me/web:1"),
            ("localhost/web", "localhost/web:latest", "localhost/web:latest"),
            ("192.0.2.1:5000/web", "192.0.2.1:5000/web:latest", "192.0.2.1:5000/web:latest"),
            ("example.com:5000/a/b:c", "example.com:5000/a/b:c", "example.com:5000/a/b:c"),
        ] {
            assert_eq!(familiar_reference(text), familiar, "{text}");
            assert_eq!(full_reference(text), full, "{text}");
        }
    }
}
