//! The files that a learner gets.

use std::fs;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::lesson::Lesson;

use super::error::Error;

/// What was done with the files of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handout {
    /// Where they are; absent if there are none.
    pub directory: Option<PathBuf>,
    /// Those of the learner's that were there and are otherwise; each is kept beside the new one, with this path.
    pub kept: Vec<PathBuf>,
}

/// The directory of a lesson's files within another one: whoever stands in it already needs none in there.
fn place(lesson: &Lesson, within: &Path) -> PathBuf {
    let name = lesson.id.replace('/', "-");
    if within.ends_with(&name) { within.to_owned() } else { within.join(name) }
}

/// Makes the directory for the files of a lesson, if it has any.
///
/// # Errors
/// [`Error::File`].
pub fn make_room(lesson: &Lesson, within: &Path) -> Result<(), Error> {
    if lesson.files.is_empty() {
        return Ok(());
    }
    let directory = place(lesson, within);
    fs::create_dir_all(&directory).map_err(Error::file("make", directory))
}

/// Gives the learner the files of a lesson, in a directory of its own within another one. What they have changed is kept
/// beside it.
///
/// # Errors
/// [`Error::File`].
pub(super) fn give(lesson: &Lesson, within: &Path) -> Result<Handout, Error> {
    if lesson.files.is_empty() {
        return Ok(Handout::default());
    }
    let directory = place(lesson, within);
    let mut kept = Vec::new();
    for (name, text) in &lesson.files {
        let path = directory.join(name);
        let above = durable::directory_of(&path);
        fs::create_dir_all(above).map_err(Error::file("make", above))?;
        match durable::read(&path, durable::TEXT) {
            Ok(there) if there == text.as_bytes() => continue,
            Ok(_) => {
                let aside = beside(&path);
                fs::rename(&path, &aside).map_err(Error::file("rename", &path))?;
                kept.push(aside);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::file("read", path)(error)),
        }
        durable::replace(&path, text.as_bytes(), 0o644).map_err(Error::file("write", path))?;
    }
    Ok(Handout { directory: Some(directory), kept })
}

/// A name beside a file that nothing has.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = |number: u32| path.with_file_name(format!("{name}.yours-{number}"));
    (1..u32::MAX).map(numbered).find(|path| !path.exists()).unwrap_or_else(|| numbered(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::built_in;

    #[test]
    fn what_a_learner_has_changed_is_kept() {
        let within = tempfile::tempdir().unwrap();
        let lesson = built_in().into_iter().find(|it| it.id == "swarm/replicas").unwrap();
        let first = give(&lesson, within.path()).unwrap();
        let file = within.path().join("swarm-replicas/stack.yaml");
        assert_eq!(fs::read_to_string(&file).unwrap(), lesson.files["stack.yaml"]);
        assert_eq!(give(&lesson, within.path()).unwrap(), first, "nothing is new");
        for number in 1..=2 {
            fs::write(&file, "services: {}").unwrap();
            let again = give(&lesson, within.path()).unwrap();
            assert_eq!(again.kept, [file.with_file_name(format!("stack.yaml.yours-{number}"))]);
            assert_eq!(fs::read_to_string(&again.kept[0]).unwrap(), "services: {}");
            assert_eq!(fs::read_to_string(&file).unwrap(), lesson.files["stack.yaml"]);
        }
    }
}
