//! The lessons that there are: those that are built in, and folders of others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::durable;
use crate::lesson::{Lesson, Params, built_in};
use crate::model::ClusterName;

use super::attempt::Attempt;
use super::error::Error;

/// How deep a lesson's folder may be.
const DEPTH: usize = 4;

/// A lesson by its name, or the end of its name where that is of one only.
///
/// # Errors
/// [`Error::Unknown`].
pub fn find(name: &str) -> Result<Lesson, Error> {
    let mut all = built_in();
    let is_meant = |lesson: &Lesson| lesson.id == name;
    let is_short = |lesson: &Lesson| lesson.id.split_once('/').is_some_and(|(_, it)| it == name);
    let short = all.iter().filter(|lesson| is_short(lesson)).count();
    let found = all.iter().position(is_meant);
    let found = found.or_else(|| all.iter().position(is_short).filter(|_| short == 1));
    if let Some(index) = found {
        return Ok(all.swap_remove(index));
    }
    let near = all.into_iter().map(|lesson| lesson.id).filter(|id| {
        let (track, last) = id.split_once('/').unwrap_or(("", id));
        let word = name.rsplit('/').next().unwrap_or(name);
        last.contains(word) || word.contains(last) || track == name
    });
    Err(Error::Unknown { name: name.to_owned(), near: near.collect() })
}

/// Reads a lesson from a folder of somebody's.
///
/// # Errors
/// [`Error::File`], and [`Error::Refused`] with the line that is wrong.
pub fn read(directory: &Path) -> Result<Lesson, Error> {
    let mut files = BTreeMap::new();
    collect(directory, "", DEPTH, &mut files)?;
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let refused = |source| Error::Refused { directory: directory.to_owned(), source };
    Lesson::read(files).map_err(refused)
}

fn collect(
    directory: &Path,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, String>,
) -> Result<(), Error> {
    let entries = fs::read_dir(directory).map_err(Error::file("read", directory))?;
    for entry in entries {
        let path = entry.map_err(Error::file("read", directory))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // What editors and systems leave is no part of it; what the learner gets may begin with a dot.
        let is_left = name.starts_with('.') && prefix.is_empty() || name == ".DS_Store";
        if is_left
            || name.ends_with('~')
            || Path::new(name).extension().is_some_and(|it| it == "swp")
        {
            continue;
        }
        let name = format!("{prefix}{name}");
        if path.is_dir() && depth > 0 {
            collect(&path, &format!("{name}/"), depth - 1, files)?;
        } else {
            let text = durable::read_to_string(&path, durable::TEXT);
            files.insert(name, text.map_err(Error::file("read", &path))?);
        }
    }
    Ok(())
}

/// The lesson of an attempt, with the names of its cluster in it.
pub(super) fn begun(attempt: &Attempt) -> Result<Lesson, Error> {
    let mut lesson = match &attempt.from {
        Some(directory) => read(directory)?,
        None => find(&attempt.lesson)?,
    };
    lesson.fill(&given(&attempt.cluster));
    Ok(lesson)
}

/// What lessons may name of a cluster.
pub(super) fn given(cluster: &ClusterName) -> Params {
    Params::from([("cluster".to_owned(), cluster.to_string())])
}
