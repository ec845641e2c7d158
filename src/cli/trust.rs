//! A spec file can name programs, as a Makefile does. One that lies elsewhere than where the user works may be
//! anybody's, so its user is asked once.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest as _, Sha256};

use crate::durable;
use crate::model::DriverName;
use crate::spec::ClusterSpec;

use super::costs::asked;
use super::error::Error;
use super::services::Context;

/// Refuses a spec file from elsewhere that names what runs with the user's rights, unless the user knows of
/// that: by having said so, now or earlier of these very contents.
pub(super) fn check(
    context: &Context,
    path: &Path,
    text: &str,
    spec: &ClusterSpec,
    trusted: bool,
) -> Result<(), Error> {
    let (programs, files) = programs(spec);
    if programs.is_empty() || is_below_here(path) {
        return Ok(());
    }
    let digest = digest(text, &files);
    if context.home.trusts(&digest) {
        return Ok(());
    }
    let (path, programs) = (path.display().to_string(), programs.join(", "));
    let question = format!("`{path}` names what runs with your rights: {programs}. Use it? [y/N] ");
    if !(trusted || context.can_ask() && asked(&question)) {
        return Err(Error::Untrusted { path, programs });
    }
    Ok(context.home.trust(&digest)?)
}

/// What of a spec runs with the user's rights, on this computer or in the user's account, and the files that
/// say what that is.
fn programs(spec: &ClusterSpec) -> (Vec<String>, Vec<PathBuf>) {
    let (mut programs, mut files) = (Vec::new(), Vec::new());
    for driver in spec.drivers() {
        if let DriverName::External(name) = driver {
            programs.push(format!("the program `dojo-driver-{name}`"));
        }
    }
    for (what, file) in [
        ("a configuration of ssh, which can name commands", &spec.ssh.config),
        ("user data of instances", &spec.ec2.user_data),
    ] {
        if let Some(file) = file {
            programs.push(format!("{what} (`{}`)", file.display()));
            files.push(file.clone());
        }
    }
    if let Some(image) = &spec.docker.image {
        programs.push(format!("machine image `{image}`, with nearly all rights of root"));
    }
    (programs, files)
}

/// Whether a file lies in the directory in which the user works, or below it.
fn is_below_here(path: &Path) -> bool {
    let here = env::current_dir().and_then(fs::canonicalize);
    matches!((here, fs::canonicalize(path)), (Ok(here), Ok(path)) if path.starts_with(&here))
}

/// What the spec file and the files that it names contain; another content is another one.
fn digest(text: &str, files: &[PathBuf]) -> String {
    let mut all = Sha256::new();
    // One that cannot be read is refused later, in words that fit.
    let files = files.iter().map(|file| durable::read(file, durable::TEXT).unwrap_or_default());
    for bytes in [text.as_bytes().to_vec()].into_iter().chain(files) {
        all.update((bytes.len() as u64).to_be_bytes());
        all.update(bytes);
    }
    let mut digest = String::new();
    for byte in all.finalize() {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Orchestrator, Role};
    use crate::spec::MachineGroup;

    #[test]
    fn whatever_runs_with_the_users_rights_is_named() {
        let spec = |driver: &str| {
            let group = MachineGroup::new(Role::Engine, 1, driver.parse().unwrap());
            ClusterSpec::new("practice".parse().unwrap(), Orchestrator::None, vec![group])
        };
        let named = |spec: &ClusterSpec| programs(spec).0.join(", ");
        for harmless in ["docker", "ssh", "ec2"] {
            assert_eq!(named(&spec(harmless)), "");
        }
        assert!(named(&spec("podbox")).contains("`dojo-driver-podbox`"));
        let mut hosts = spec("ssh");
        hosts.ssh.config = Some("/x/ssh".into());
        assert!(named(&hosts).contains("`/x/ssh`"));
        let mut instances = spec("ec2");
        instances.ec2.user_data = Some("/x/data".into());
        assert!(named(&instances).contains("`/x/data`"));
        let mut containers = spec("docker");
        containers.docker.image = Some("somebody/image".to_owned());
        assert!(named(&containers).contains("`somebody/image`"));
    }

    #[test]
    fn other_contents_are_another_file() {
        let directory = tempfile::tempdir().unwrap();
        let config = [directory.path().join("config")];
        let absent = digest("one", &config);
        fs::write(&config[0], "two").unwrap();
        let both = digest("one", &config);
        fs::write(&config[0], "three").unwrap();
        let changed = digest("one", &config);
        let moved = digest("onethree", &[]);
        let all = [absent, both, changed, moved];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one) && one.len() == 64);
        }
    }
}
