//! A context among all files: put in, taken out, and stepped over on the way back.

use super::document::Section;
use super::entry::{self, Before, Mark};
use super::files::{Files, Place};
use super::{Error, KubeContext};

/// Whether a mark is of the cluster in question; without an id, any cluster is.
pub(super) fn is_wanted(mark: &Mark, cluster_id: Option<&str>) -> bool {
    cluster_id.is_none_or(|wanted| wanted == mark.cluster_id)
}

/// Whether there is an entry of ours with a name.
pub(super) fn has_ours(files: &Files, name: &str, cluster_id: Option<&str>) -> bool {
    Section::ALL.into_iter().any(|section| {
        let mut marks = files.named(section, name).filter_map(|(_, e)| Mark::read(e, section));
        marks.any(|mark| is_wanted(&mark, cluster_id))
    })
}

/// Puts the entries of a context where they are already, or into the file for new ones. Refuses an
/// entry of that name that is not this cluster's, in whichever file: one of the two would hide the
/// other.
pub(super) fn put(files: &mut Files, context: &KubeContext) -> Result<(), Error> {
    let mut places: Vec<(Section, Option<Place>)> = Vec::new();
    for section in Section::ALL {
        let mut found = None;
        for (place, entry) in files.named(section, &context.name) {
            let mark = Mark::read(entry, section);
            if mark.is_none_or(|mark| mark.cluster_id != context.cluster_id) {
                return Err(Error::Foreign {
                    kind: section.inner(),
                    name: context.name.clone(),
                    path: files.files[place.file].path.clone(),
                });
            }
            found = found.or(Some(place));
        }
        places.push((section, found));
    }

    let of_context = places.iter().find(|(section, _)| *section == Section::Contexts);
    let old = of_context.and_then(|(_, place)| *place);
    let destination = old.map_or(files.default_file(), |place| place.file);
    let mut mark = files.mark(&context.name).map(|(_, mark)| mark).unwrap_or_default();
    mark.cluster.clone_from(&context.cluster);
    mark.cluster_id.clone_from(&context.cluster_id);
    if old.is_none() {
        mark.before = before(files, destination);
    }
    if files.files[destination].document.is_empty() {
        for (key, text) in [("apiVersion", "v1"), ("kind", "Config")] {
            files.change(destination, |document| document.add(key, text))?;
        }
    }
    for (section, place) in places {
        let number = place.map_or(files.default_file(), |place| place.file);
        let file = &mut files.files[number];
        let index = place.map(|place| place.index);
        let old = index.map(|index| &file.document.entries(section)[index]);
        let entry = entry::entry(context, section, &mark, old);
        if section == Section::Users {
            file.make_private();
        }
        files.change(number, |document| document.put(section, index, entry))?;
    }
    Ok(())
}

/// How a file was before the first entry of ours: as another context of ours in it has noted, or as
/// it is.
fn before(files: &Files, file: usize) -> Before {
    let mut others = files.entries(Section::Contexts).filter(|(place, _)| place.file == file);
    let noted = others.find_map(|(_, entry)| Mark::read(entry, Section::Contexts));
    noted.map_or_else(|| files.files[file].before(), |mark| mark.before)
}

/// Before `gone` goes, or is selected anew: contexts of ours that would go back to it go back to
/// where it would.
pub(super) fn bridge(files: &mut Files, gone: &str, mark: &Mark) -> Result<(), Error> {
    let waiting: Vec<_> = files
        .entries(Section::Contexts)
        .filter_map(|(place, entry)| {
            let found = Mark::read(entry, Section::Contexts)?;
            (found.previous.as_deref() == Some(gone)).then_some((place, found))
        })
        .collect();
    for (place, found) in waiting {
        let (previous, replaced) = (mark.previous.clone(), mark.replaced.clone());
        files.remark(place, &Mark { previous, replaced, ..found })?;
    }
    Ok(())
}

/// Takes the entries of a name out of all files, and what came with them.
pub(super) fn take(
    files: &mut Files,
    name: &str,
    cluster_id: Option<&str>,
    mark: Option<&(Place, Mark)>,
) -> Result<(), Error> {
    for number in 0..files.files.len() {
        let noted = mark.filter(|(place, _)| place.file == number);
        let before = noted.map(|(_, mark)| mark.before.clone()).unwrap_or_default();
        let had = files.files[number].has_ours();
        for section in Section::ALL {
            while let Some(index) = index_of_ours(files, number, section, name, cluster_id) {
                let empty = before.empty(section);
                files.change(number, |document| document.take(section, index, empty))?;
            }
        }
        let file = &mut files.files[number];
        if !had || file.has_ours() {
            continue;
        }
        if let Some(mode) = before.mode {
            file.make_public(mode);
        }
        if file.document.says_nothing() {
            for key in ["apiVersion", "kind"].into_iter().filter(|key| before.lacked(key)) {
                files.change(number, |document| document.drop_key(key))?;
            }
            let file = &mut files.files[number];
            // A comment is of somebody who means to keep the file.
            file.gone = before.no_file && !file.document.text().contains('#');
        }
    }
    Ok(())
}

/// Where in a list of a file the first entry of ours with this name is.
fn index_of_ours(
    files: &Files,
    number: usize,
    section: Section,
    wanted: &str,
    cluster_id: Option<&str>,
) -> Option<usize> {
    files.files[number].document.entries(section).iter().position(|entry| {
        entry::name(entry) == Some(wanted)
            && Mark::read(entry, section).is_some_and(|mark| is_wanted(&mark, cluster_id))
    })
}
