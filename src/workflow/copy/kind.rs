//! What is copied, and what it is called.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// What is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One file.
    File,
    /// A folder with all that is in it.
    Folder,
}

impl Kind {
    /// As scripts call it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
        }
    }
}

/// What something is called, or nothing where a path ends with `.` or `..`: then what is in there is meant.
pub(super) fn name(path: &Path) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = path.as_os_str().as_bytes();
    // `components` passes over it.
    if bytes.ends_with(b"/.") || bytes.ends_with(b"/./") {
        return None;
    }
    match path.components().next_back() {
        Some(Component::Normal(name)) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_with_a_name_or_means_what_is_inside() {
        for (path, wanted) in [("a/b", "b"), ("b/", "b"), ("/a b\n", "a b\n"), ("-r", "-r")] {
            assert_eq!(name(Path::new(path)), Some(OsStr::new(wanted)), "{path}");
        }
        for path in ["", ".", "..", "/", "a/.", "a/..", "a/./"] {
            assert_eq!(name(Path::new(path)), None, "{path}");
        }
    }
}
