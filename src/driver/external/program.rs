//! Where the programs of external drivers are: beside `dojo`, or on the PATH.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{env, fs};

use rustix::fs::{Access, access};

use crate::driver::Error;
use crate::model::DriverName;

/// What their names begin with.
const PREFIX: &str = "dojo-driver-";

/// The program of a driver.
pub(super) fn find(name: &str, path: &OsStr) -> Result<PathBuf, Error> {
    let mut installed = all(path);
    let found = installed.remove(name);
    found.ok_or_else(|| Error::Absent {
        name: name.to_owned(),
        found: installed.into_keys().collect(),
        help: None,
    })
}

/// Where to look: beside `dojo` itself first, whose programs are of its own version.
pub(super) fn places() -> OsString {
    let own = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let path = env::var_os("PATH").unwrap_or_default();
    // A directory with the sign that parts them cannot be said, and then is left out.
    env::join_paths(own.into_iter().chain(env::split_paths(&path))).unwrap_or(path)
}

/// The external drivers whose programs are on a PATH, by name.
fn all(path: &OsStr) -> BTreeMap<String, PathBuf> {
    let mut programs = BTreeMap::new();
    // What lies in the directory that somebody happens to be in is not what they have installed.
    for directory in env::split_paths(path).filter(|directory| directory.is_absolute()) {
        // A PATH often names directories that are not there.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            let is_name = |name: &str| name.parse::<DriverName>().is_ok();
            if let Some(name) = name.filter(|name| is_name(name) && can_run(&entry.path())) {
                programs.entry(name.to_owned()).or_insert_with(|| entry.path());
            }
        }
    }
    programs
}

fn can_run(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(directory: &Path, name: &str, mode: u32) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_first_on_the_path_is_taken_and_the_others_are_told() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let podbox = program(one.path(), "dojo-driver-podbox", 0o755);
        program(two.path(), "dojo-driver-podbox", 0o755);
        program(two.path(), "dojo-driver-vms", 0o755);
        program(two.path(), "dojo-driver-Bad", 0o755);
        let path = env::join_paths([one.path(), two.path(), Path::new("/nonexistent")]).unwrap();
        assert_eq!(find("podbox", &path).unwrap(), podbox);
        let text = find("box", &path).unwrap_err().to_string();
        assert_eq!(
            text,
            "there is no driver `box`: `dojo-driver-box` is neither beside `dojo` nor on the PATH; there is `podbox`, `vms`"
        );
    }

    #[test]
    fn what_cannot_be_run_or_is_not_installed_is_no_driver() {
        let directory = tempfile::tempdir().unwrap();
        program(directory.path(), "dojo-driver-podbox", 0o644);
        fs::create_dir(directory.path().join("dojo-driver-folder")).unwrap();
        assert!(all(directory.path().as_os_str()).is_empty());
        let text = find("podbox", OsStr::new("")).unwrap_err().to_string();
        assert!(text.ends_with("nor is any other program `dojo-driver-NAME`"), "{text}");
    }
}
