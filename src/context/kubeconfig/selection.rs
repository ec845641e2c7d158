//! Which context plain `kubectl` uses: `current-context`.

use super::change::bridge;
use super::entry::{Mark, Stood};
use super::files::{Files, Place};
use super::{Error, KubeContexts};
use crate::context::Restored;

impl KubeContexts {
    /// The context that plain `kubectl` uses; `None` if none is selected.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a file that kubectl could not read either.
    pub fn current(&self) -> Result<Option<String>, Error> {
        let files = Files::read(self.paths())?;
        Ok(files.current().map(|(_, name)| name.to_owned()))
    }

    /// Makes plain `kubectl` use a context; returns the one to go back to, which is also noted with
    /// a context of ours. Selecting what is selected already changes nothing.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such context, [`Error::Damaged`] for a file that kubectl
    /// could not read either, [`Error::Locked`].
    pub fn select(&self, name: &str) -> Result<Option<String>, Error> {
        let mut files = self.lock()?;
        if !files.exists(name) {
            return Err(Error::Missing(name.to_owned()));
        }
        let previous = files.current().map(|(_, name)| name.to_owned());
        let mark = files.mark(name);
        if previous.as_deref() == Some(name) {
            return Ok(mark.and_then(|(_, mark)| mark.previous));
        }
        // kubectl writes it into this file also if another one has it; it is read before all others.
        let chosen = files.default_file();
        let leaving = previous.as_deref().and_then(|previous| files.mark(previous));
        let first = match mark {
            Some((place, mark)) => {
                // So that the way back is never a circle.
                if mark.replaced.is_some() {
                    bridge(&mut files, name, &mark)?;
                }
                let raw = files.files[chosen].document.raw_current().map(ToOwned::to_owned);
                let known = previous.clone().filter(|previous| files.exists(previous));
                let mark = Mark { previous: known, replaced: Some(Stood(raw)), ..mark };
                files.remark(place, &mark)?;
                place.file
            }
            None => chosen,
        };
        let way_back = leaving.filter(|(_, mark)| mark.previous.as_deref() == Some(name));
        put_back(&mut files, chosen, Some(name), way_back.as_ref())?;
        files.save(first, Some(["kubeconfig.select.before", "kubeconfig.select.after"]))?;
        Ok(previous)
    }

    /// Makes plain `kubectl` use no context.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a file that kubectl could not read either, [`Error::Locked`].
    pub fn deselect(&self) -> Result<(), Error> {
        let mut files = self.lock()?;
        // Each file may say one, and the next one counts when the first says none any more.
        while let Some((file, name)) = files.current() {
            let mark = files.mark(name);
            let way_back = mark.filter(|(_, mark)| mark.previous.is_none());
            put_back(&mut files, file, None, way_back.as_ref())?;
            if files.files[file].document.current().is_some() {
                files.change(file, |document| document.select(None))?;
            }
        }
        files.save(0, None)
    }

    /// Undoes [`select`](Self::select): if `ours` is still selected, goes back to `previous`. If
    /// that is gone, goes back to what was noted when `ours` was selected, and else to none. What
    /// the user selected in the meantime is left alone.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a file that kubectl could not read either, [`Error::Locked`].
    pub fn restore(&self, ours: &str, previous: Option<&str>) -> Result<Restored, Error> {
        if self.current()?.as_deref() != Some(ours) {
            return Ok(Restored::LeftAlone);
        }
        let mut files = self.lock()?;
        let restored = restore(&mut files, ours, previous)?;
        files.save(0, None)?;
        Ok(restored)
    }
}

/// See [`KubeContexts::restore`].
pub(super) fn restore(
    files: &mut Files,
    ours: &str,
    previous: Option<&str>,
) -> Result<Restored, Error> {
    let Some((file, _)) = files.current().filter(|(_, name)| *name == ours) else {
        return Ok(Restored::LeftAlone);
    };
    let mark = files.mark(ours);
    let noted = mark.as_ref().and_then(|(_, mark)| mark.previous.as_deref());
    let wanted = [previous, noted]
        .into_iter()
        .flatten()
        .find(|name| *name != ours && files.exists(name))
        .map(ToOwned::to_owned);
    // Without a name that can be gone back to, what was noted still says how the file was.
    let way_back = mark.filter(|(_, mark)| mark.previous.is_none() || mark.previous == wanted);
    put_back(files, file, wanted.as_deref(), way_back.as_ref())?;
    let now = files.current().map(|(_, name)| name.to_owned());
    Ok(match now.filter(|name| files.exists(name)) {
        Some(name) => Restored::Previous(name),
        None => Restored::Default,
    })
}

/// Selects a context in a file, or none: with the very bytes that stood there before, if those are
/// known from the mark of the context that is left and mean the same.
fn put_back(
    files: &mut Files,
    file: usize,
    wanted: Option<&str>,
    way_back: Option<&(Place, Mark)>,
) -> Result<(), Error> {
    let left = files.current().map(|(_, name)| name.to_owned());
    if let Some(Stood(raw)) = way_back.and_then(|(_, mark)| mark.replaced.as_ref()) {
        let raw = raw.as_deref();
        if files.change(file, |document| document.select_raw(raw)).is_ok() {
            let now = files.current().map(|(_, name)| name);
            // Nothing to go back to was known then either: a name that no context has, at most.
            let same = wanted.is_none() && now.is_none_or(|name| Some(name) != left.as_deref());
            if same || now == wanted {
                return Ok(());
            }
        }
    }
    files.change(file, |document| document.select(wanted))
}
