//! One cluster's directory, held by the command that changes it.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::durable;
use crate::model::{ClusterName, MachineName, SshFiles};
use crate::pace::stretch;

use super::error::Error;
use super::record::Record;

/// A cluster's directory and its lock. The kernel lets the lock go when the process ends, however it
/// ends.
#[derive(Debug)]
pub struct Entry {
    directory: PathBuf,
    name: ClusterName,
    /// Whether it was removed, or is not ours to remove.
    gone: AtomicBool,
    /// Absent where nothing can be written.
    _lock: Option<File>,
}

impl Entry {
    /// The entry of a cluster that is only looked at, or that has no directory and cannot get one: there may be
    /// machines to take away.
    pub(super) fn unlocked(directory: PathBuf, name: ClusterName) -> Self {
        Self { directory, name, gone: AtomicBool::new(true), _lock: None }
    }

    pub(super) async fn lock(
        directory: PathBuf,
        name: ClusterName,
        verb: &str,
        wait: Duration,
        on_wait: impl FnOnce(&str),
    ) -> Result<Self, Error> {
        let path = lock_of(&directory);
        let end = Instant::now() + stretch(wait);
        let mut on_wait = Some(on_wait);
        loop {
            // `down` removes the directory while it holds the lock, so whoever waited may hold a file
            // that is no longer there; only a lock on the file at this path counts.
            durable::private_directory(&directory).map_err(Error::file("make", &directory))?;
            let (mut file, place) = match durable::open_private(&path) {
                Ok(file) => (file, &path),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                // What cannot be written can be locked all the same, and so can the directory it is to be in.
                Err(e) if durable::is_unwritable(&e) => {
                    if let Ok(file) = File::open(&path) {
                        (file, &path)
                    } else {
                        let file = File::open(&directory);
                        (file.map_err(Error::file("open", &directory))?, &directory)
                    }
                }
                Err(e) => return Err(Error::file("open", &path)(e)),
            };
            match durable::lock::try_at(&file, place) {
                Ok(true) => {
                    // A courtesy to those who wait; the disk may be full.
                    let _ = write_holder(&mut file, verb);
                    return Ok(Self {
                        directory,
                        name,
                        gone: AtomicBool::new(false),
                        _lock: Some(file),
                    });
                }
                Ok(false) => {}
                Err(fs::TryLockError::WouldBlock) => {
                    let holder = read_holder(&mut file);
                    if Instant::now() >= end {
                        return Err(Error::Locked { cluster: name, holder });
                    }
                    if let Some(tell) = on_wait.take() {
                        tell(&holder);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(fs::TryLockError::Error(e)) => return Err(Error::file("lock", &path)(e)),
            }
        }
    }

    /// The cluster's name.
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The record; `None` if there is none yet.
    pub fn record(&self) -> Result<Option<Record>, Error> {
        Record::read(&self.directory, &self.name)
    }

    /// Writes the record.
    pub fn save(&self, record: &Record) -> Result<(), Error> {
        let path = self.directory.join("cluster.json");
        let mut text = serde_json::to_vec_pretty(record)
            .expect("a record holds only strings, numbers, lists and maps with string keys");
        text.push(b'\n');
        durable::replace(&path, &text, 0o600).map_err(Error::file("write", &path))
    }

    /// Puts a damaged record aside, so that a new one can be written; returns where it went.
    pub fn set_aside(&self) -> Result<PathBuf, Error> {
        let path = self.directory.join("cluster.json");
        let aside = self.directory.join("cluster.json.damaged");
        fs::rename(&path, &aside).map_err(Error::file("rename", &path))?;
        Ok(aside)
    }

    /// Where the SSH key and the pinned host keys are; the directory is made.
    pub fn ssh(&self) -> Result<SshFiles, Error> {
        Ok(SshFiles::in_directory(&self.subdirectory("ssh")?))
    }

    /// Where the certificates are; the directory is made.
    pub fn pki(&self) -> Result<PathBuf, Error> {
        self.subdirectory("pki")
    }

    /// Where the cluster's own kubeconfig is, if it is a Kubernetes cluster.
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// Where the logs of each run are; the directory is made.
    pub fn logs(&self) -> Result<PathBuf, Error> {
        self.subdirectory("logs")
    }

    fn subdirectory(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.directory.join(name);
        durable::private_directory(&path).map_err(Error::file("make", &path))?;
        Ok(path)
    }

    /// Forgets the certificate of a machine that is gone for good.
    pub fn forget_machine(&self, name: MachineName) -> Result<(), Error> {
        remove_all(&self.directory.join("pki").join(name.to_string()))
    }

    /// Forgets the record and keeps the keys.
    pub fn forget_record(&self) -> Result<(), Error> {
        let record = self.directory.join("cluster.json");
        match fs::remove_file(&record) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("remove", &record)(e))
            }
            _ => Ok(()),
        }
    }

    /// Whether the keys are here that it takes to reach the machines.
    pub fn has_keys(&self) -> bool {
        self.directory.join("ssh/id_ed25519").exists()
            && self.directory.join("pki/ca-key.pem").exists()
    }

    /// Whether anything is here that a cluster leaves behind: keys, or a record that may be damaged.
    pub fn has_memory(&self) -> bool {
        ["cluster.json", "ssh", "pki"].iter().any(|f| self.directory.join(f).exists())
    }

    /// Removes everything that is remembered of the cluster.
    pub fn remove(&self) -> Result<(), Error> {
        // What is at this place from now on is another one's.
        self.gone.store(true, Ordering::Relaxed);
        self.remove_directory()
    }

    fn remove_directory(&self) -> Result<(), Error> {
        // Whoever waits for the lock makes a new file of it as soon as the old one is gone, and keys without a
        // record would pass for those of a cluster that is somewhere. So the directory leaves its place in one
        // step, before anything within it is removed.
        let parent = self.directory.parent().unwrap_or(Path::new("."));
        let aside = parent.join(format!(".{}.gone", self.name));
        loop {
            remove_all(&aside)?;
            match fs::rename(&self.directory, &aside) {
                Ok(()) => break,
                // There was none, see `unlocked`.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                // Another one of this name is being removed at the same time.
                Err(e) if is_occupied(&e) => {}
                Err(e) => return Err(Error::file("remove", &self.directory)(e)),
            }
        }
        remove_all(&aside)?;
        durable::sync_directory(parent).map_err(Error::file("sync", parent))
    }
}

/// A command that was refused leaves no directory that taking the lock has made. Keys that are there belong to a
/// cluster whose record was lost, and are the only way to take it over again.
impl Drop for Entry {
    fn drop(&mut self) {
        if !self.gone.load(Ordering::Relaxed) && !self.has_memory() {
            // An empty directory does no harm.
            let _ = self.remove_directory();
        }
    }
}

/// Removes a directory, also while other processes do the same or put another one in its place.
fn remove_all(directory: &Path) -> Result<(), Error> {
    loop {
        match fs::remove_dir_all(directory) {
            Ok(()) => return Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) if is_occupied(&e) => {}
            Err(e) => return Err(Error::file("remove", directory)(e)),
        }
    }
}

/// File systems differ in which of the two they say of a directory that is not empty (rename(2)).
fn is_occupied(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

/// The file that whoever works on the cluster of a directory has locked.
pub(super) fn lock_of(directory: &Path) -> PathBuf {
    directory.join("lock")
}

/// Who holds the lock, for whoever waits for it.
fn write_holder(file: &mut File, verb: &str) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "`dojo {verb}`, process {}", std::process::id())
}

/// What the holder of a lock says of itself, for people.
pub(super) fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    // What cannot be read is a courtesy lost, no more.
    let _ = file.read_to_string(&mut text);
    if text.trim().is_empty() { "it has just begun".to_owned() } else { text.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::Home;
    use super::*;
    use crate::model::{DriverName, Orchestrator, Role};
    use crate::spec::{ClusterSpec, MachineGroup};

    fn record() -> Record {
        let machines = vec![MachineGroup::new(Role::Manager, 1, DriverName::fixed("docker"))];
        let name = "practice".parse().unwrap();
        Record::new(ClusterSpec::new(name, Orchestrator::Swarm, machines))
    }

    async fn lock(home: &Home, wait: u64) -> Result<Entry, Error> {
        home.lock(&"practice".parse().unwrap(), "up", Duration::from_millis(wait), |_| {}).await
    }

    #[tokio::test]
    async fn a_record_reads_back_as_written_and_goes_without_a_trace() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        let entry = lock(&home, 0).await.unwrap();
        assert_eq!(entry.record().unwrap(), None);
        let record = Record { pending: Vec::new(), begun: true, ..record() };
        entry.save(&record).unwrap();
        assert_eq!(entry.record().unwrap(), Some(record));
        entry.remove().unwrap();
        assert_eq!(fs::read_dir(root.path().join("clusters")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_second_command_waits_for_the_first_and_is_told_who_it_is() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        let entry = lock(&home, 0).await.unwrap();
        let refused = lock(&home, 50).await.unwrap_err().to_string();
        assert!(refused.contains("dojo up"), "{refused}");
        drop(entry);
        lock(&home, 0).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_waited_for_a_removed_cluster_gets_a_lock_that_counts() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        let first = lock(&home, 0).await.unwrap();
        let waiting = tokio::spawn({
            let home = home.clone();
            async move { lock(&home, 5000).await }
        });
        tokio::time::sleep(Duration::from_millis(150)).await;
        first.remove().unwrap();
        let second = waiting.await.unwrap().unwrap();
        second.save(&record()).unwrap();
        assert!(matches!(lock(&home, 0).await, Err(Error::Locked { .. })));
    }

    #[test]
    fn a_cluster_can_be_removed_while_others_reach_for_its_lock() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        let path = root.path().join("clusters/practice/lock");
        let done = AtomicBool::new(false);
        let results: Vec<_> = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // Between two removals there is no directory to make it in.
                    let _ = durable::open_private(&path);
                }
            });
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            let remove = || runtime.block_on(lock(&home, 0)).and_then(|entry| entry.remove());
            let results = (0..200).map(|_| remove()).collect();
            done.store(true, Ordering::Relaxed);
            results
        });
        for result in results {
            result.unwrap();
        }
    }

    #[tokio::test]
    async fn a_refused_command_keeps_keys_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        let entry = lock(&home, 0).await.unwrap();
        entry.logs().unwrap();
        drop(entry);
        assert_eq!(fs::read_dir(root.path().join("clusters")).unwrap().count(), 0);
        let entry = lock(&home, 0).await.unwrap();
        let identity = entry.ssh().unwrap().identity;
        fs::write(&identity, "key").unwrap();
        drop(entry);
        assert!(identity.exists());
    }

    #[tokio::test]
    async fn damage_is_told_and_a_newer_schema_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        let entry = lock(&home, 0).await.unwrap();
        let path = root.path().join("clusters/practice/cluster.json");
        fs::write(&path, "{\"schema\": 1, \"clus").unwrap();
        assert!(matches!(entry.record(), Err(Error::Damaged { .. })));
        fs::write(&path, "{\"schema\": 99}").unwrap();
        assert!(matches!(entry.record(), Err(Error::Newer { found: 99, .. })));
        assert_eq!(home.list().unwrap().len(), 1);
    }
}
