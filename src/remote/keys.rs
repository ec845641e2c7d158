//! The SSH keys of a cluster: its own identity, the host keys of its machines, and the file that pins
//! them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey, key};

use crate::driver::Source;
use crate::durable;
use crate::model::{HostKey, Secret, SshFiles};

use super::Error;

/// The cluster's public key as one OpenSSH line. Makes the key pair (Ed25519) if it is absent; the
/// public file is made again from the private one whenever it does not fit.
///
/// # Errors
/// [`Error::File`] if a file cannot be read, written or parsed. A private key that is there is never
/// replaced, whatever is wrong with it: machines may trust it.
pub fn ensure_identity(files: &SshFiles) -> Result<String, Error> {
    let path = &files.identity;
    let private = match durable::read_to_string(path, durable::TEXT) {
        Ok(text) => PrivateKey::from_openssh(text).map_err(failed("parse", path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let private = generate().map_err(failed("make", path))?;
            let text = private.to_openssh(LineEnding::LF).map_err(failed("make", path))?;
            durable::replace(path, text.as_bytes(), 0o600).map_err(failed("write", path))?;
            private
        }
        Err(error) => return Err(failed("read", path)(error)),
    };
    let public = private.public_key().to_openssh().map_err(failed("parse", path))?;
    let public_path = with_pub(path);
    let line = format!("{public}\n");
    if durable::read_to_string(&public_path, durable::TEXT).is_ok_and(|found| found == line) {
        return Ok(public);
    }
    durable::replace(&public_path, line.as_bytes(), 0o644)
        .map_err(failed("write", &public_path))?;
    Ok(public)
}

/// The cluster's private key.
pub(super) fn identity(files: &SshFiles) -> Result<Arc<PrivateKey>, Error> {
    let path = &files.identity;
    let text = durable::read_to_string(path, durable::TEXT).map_err(failed("read", path))?;
    let private = PrivateKey::from_openssh(text).map_err(failed("parse", path))?;
    Ok(Arc::new(private))
}

/// Makes a host key (Ed25519) on this computer, so that it can be pinned before the machine exists.
///
/// # Errors
/// [`Error::File`] if the key cannot be encoded, which has no known cause.
pub fn generate_host_key() -> Result<HostKey, Error> {
    let path = Path::new("host key");
    let private = generate().map_err(failed("make", path))?;
    let public = PublicKey::new(private.public_key().key_data().clone(), "");
    let text = private.to_openssh(LineEnding::LF).map_err(failed("make", path))?;
    Ok(HostKey {
        public: public.to_openssh().map_err(failed("make", path))?,
        private: Secret::new(text.as_str()),
    })
}

fn generate() -> Result<PrivateKey, russh::keys::ssh_key::Error> {
    let mut private = PrivateKey::random(&mut key::safe_rng(), Algorithm::Ed25519)?;
    private.set_comment("clusterdojo");
    Ok(private)
}

/// Pins host keys, each an alias and one OpenSSH line. Each alias then has exactly this key; lines of
/// other aliases stay. May be called from many tasks at once.
///
/// # Errors
/// [`Error::File`] if a key is malformed (nothing is written then) or the file cannot be replaced.
pub fn pin(known_hosts: &Path, pins: &[(String, String)]) -> Result<(), Error> {
    let lines = pins.iter().map(|(alias, public)| pin_line(known_hosts, alias, public));
    let lines = lines.collect::<Result<Vec<_>, Error>>()?;
    rewrite(known_hosts, |line| !pins.iter().any(|(alias, _)| names(line, alias)), &lines)
}

/// Pins one more host key of an alias, while it changes from one to another.
///
/// # Errors
/// As [`pin`].
pub fn pin_beside(known_hosts: &Path, alias: &str, public: &str) -> Result<(), Error> {
    let line = pin_line(known_hosts, alias, public)?;
    rewrite(known_hosts, |other| other != line, std::slice::from_ref(&line))
}

fn pin_line(known_hosts: &Path, alias: &str, public: &str) -> Result<String, Error> {
    let public = PublicKey::from_openssh(public).map_err(failed("parse", known_hosts))?;
    let public = PublicKey::new(public.key_data().clone(), "");
    let public = public.to_openssh().map_err(failed("parse", known_hosts))?;
    Ok(format!("{alias} {public}"))
}

/// Forgets the host key of an alias. Nothing happens if there is none.
///
/// # Errors
/// [`Error::File`] if the file cannot be read or replaced.
pub fn unpin(known_hosts: &Path, alias: &str) -> Result<(), Error> {
    if pinned(known_hosts, alias)?.is_none() {
        return Ok(());
    }
    rewrite(known_hosts, |line| !names(line, alias), &[])
}

/// The pinned host key of an alias, one OpenSSH line; the first, if it has several.
///
/// # Errors
/// [`Error::File`] if the file is there but cannot be read.
pub fn pinned(known_hosts: &Path, alias: &str) -> Result<Option<String>, Error> {
    Ok(all_pinned(known_hosts, alias)?.into_iter().next())
}

/// Every pinned host key of an alias, one OpenSSH line each.
///
/// # Errors
/// [`Error::File`] if the file is there but cannot be read.
pub fn all_pinned(known_hosts: &Path, alias: &str) -> Result<Vec<String>, Error> {
    let text = read(known_hosts)?;
    let lines = text.lines().filter(|line| names(line, alias));
    let keys = lines.filter_map(|line| line.trim_start().split_once(char::is_whitespace));
    Ok(keys.map(|(_, key)| key.trim().to_owned()).collect())
}

/// The aliases that have pinned host keys.
///
/// # Errors
/// [`Error::File`] if the file is there but cannot be read.
pub fn aliases(known_hosts: &Path) -> Result<BTreeSet<String>, Error> {
    let text = read(known_hosts)?;
    let hosts = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(hosts.flat_map(|hosts| hosts.split(',')).map(str::to_owned).collect())
}

/// The fingerprint of a public key as OpenSSH writes it, `SHA256:…`; `None` if it is malformed.
pub fn fingerprint(public: &str) -> Option<String> {
    let public = PublicKey::from_openssh(public).ok()?;
    Some(public.fingerprint(HashAlg::Sha256).to_string())
}

/// Whether a line of a `known_hosts` file, as sshd(8) describes it, is about an alias.
/// Markers, hashed names and patterns are not: nothing of ours writes them.
fn names(line: &str, alias: &str) -> bool {
    let hosts = line.split_whitespace().next().unwrap_or_default();
    hosts.split(',').any(|host| host == alias)
}

/// Keeps the lines that `keep` wants and adds others, as one step for every reader and writer.
fn rewrite(path: &Path, keep: impl Fn(&str) -> bool, add: &[String]) -> Result<(), Error> {
    // Whoever had the lock before has put another file in the place of the one that was locked.
    let _lock = durable::lock::wait(path).map_err(failed("lock", path))?;
    let old = read(path)?;
    let kept = old.lines().filter(|line| keep(line));
    let lines = kept.chain(add.iter().map(String::as_str));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    durable::replace(path, text.as_bytes(), 0o600).map_err(failed("write", path))
}

fn read(path: &Path) -> Result<String, Error> {
    match durable::read_to_string(path, durable::TEXT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        result => result.map_err(failed("read", path)),
    }
}

fn with_pub(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn failed<E: Into<Source>>(operation: &'static str, path: &Path) -> impl FnOnce(E) -> Error {
    move |source| Error::File { operation, path: path.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn files(directory: &Path) -> SshFiles {
        SshFiles::in_directory(directory)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn host_key() -> String {
        generate_host_key().unwrap().public
    }

    #[test]
    fn an_identity_is_made_once_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        let public = ensure_identity(&files).unwrap();
        assert!(public.starts_with("ssh-ed25519 AAAA"));
        assert_eq!(mode(&files.identity), 0o600);
        let private = fs::read(&files.identity).unwrap();
        assert_eq!(ensure_identity(&files).unwrap(), public);
        assert_eq!(fs::read(&files.identity).unwrap(), private);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_lost_or_foreign_public_file_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        let public = ensure_identity(&files).unwrap();
        let public_path = with_pub(&files.identity);
        fs::remove_file(&public_path).unwrap();
        assert_eq!(ensure_identity(&files).unwrap(), public);
        fs::write(&public_path, "ssh-ed").unwrap();
        assert_eq!(ensure_identity(&files).unwrap(), public);
        assert_eq!(fs::read_to_string(&public_path).unwrap().trim_end(), public);
    }

    #[test]
    fn a_damaged_private_key_is_an_error_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        fs::write(&files.identity, "").unwrap();
        let error = ensure_identity(&files).unwrap_err();
        assert!(matches!(error, Error::File { operation: "parse", .. }));
        assert_eq!(fs::read(&files.identity).unwrap(), b"");
    }

    #[test]
    fn the_private_host_key_belongs_to_the_public_one() {
        let key = generate_host_key().unwrap();
        let private = PrivateKey::from_openssh(key.private.expose()).unwrap();
        let public = PublicKey::from_openssh(&key.public).unwrap();
        assert_eq!(private.public_key().key_data(), public.key_data());
        assert_eq!(key.public.split(' ').count(), 2, "no comment");
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }

    #[test]
    fn one_line_per_alias_and_others_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        assert_eq!(pinned(&path, "a").unwrap(), None);
        let (one, two, three) = (host_key(), host_key(), host_key());
        fs::write(&path, format!("# mine\nother,b {three}\n")).unwrap();
        pin(&path, &[("a".to_owned(), one)]).unwrap();
        pin(&path, &[("a".to_owned(), two.clone())]).unwrap();
        assert_eq!(pinned(&path, "a").unwrap(), Some(two));
        assert_eq!(pinned(&path, "b").unwrap(), Some(three));
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.starts_with("# mine\n"));
        assert_eq!(mode(&path), 0o600);
        unpin(&path, "a").unwrap();
        unpin(&path, "a").unwrap();
        assert_eq!(pinned(&path, "a").unwrap(), None);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn two_keys_are_pinned_while_one_takes_the_place_of_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        let (old, new) = (host_key(), host_key());
        pin(&path, &[("a".to_owned(), old.clone()), ("b".to_owned(), host_key())]).unwrap();
        pin_beside(&path, "a", &new).unwrap();
        pin_beside(&path, "a", &new).unwrap();
        assert_eq!(all_pinned(&path, "a").unwrap(), [old, new.clone()]);
        pin(&path, &[("a".to_owned(), new.clone())]).unwrap();
        assert_eq!(all_pinned(&path, "a").unwrap(), [new]);
        assert_eq!(all_pinned(&path, "b").unwrap().len(), 1);
    }

    #[test]
    fn aliases_are_compared_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        pin(&path, &[("dojo-a-worker-1".to_owned(), host_key())]).unwrap();
        assert_eq!(pinned(&path, "dojo-a-worker-11").unwrap(), None);
        assert_eq!(pinned(&path, "dojo-a-worker-").unwrap(), None);
        assert_eq!(Vec::from_iter(aliases(&path).unwrap()), ["dojo-a-worker-1"]);
    }

    #[test]
    fn nothing_is_written_for_a_malformed_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        let hostile = "ssh-ed25519 AAAA\nevil ssh-ed25519 AAAA".to_owned();
        assert!(pin(&path, &[("a".to_owned(), hostile)]).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn pins_from_many_threads_all_arrive() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        let key = host_key();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let (path, key) = (&path, key.clone());
                scope.spawn(move || pin(path, &[(format!("m{n}"), key)]).unwrap());
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 16);
    }

    #[test]
    fn fingerprints_are_those_of_openssh() {
        let public = "ssh-ed25519 \
                      AAAAC3NzaC1lZDI1NTE5AAAAIILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqt me";
        let of_openssh = "SHA256:Dt4p/IYQUY8IjlClfUDZ9fO6xJanzLSPoEWFOHZ7dq4";
        assert_eq!(fingerprint(public).as_deref(), Some(of_openssh));
        assert_eq!(fingerprint("nonsense"), None);
    }
}
