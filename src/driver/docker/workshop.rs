//! Containers in which images are made, and what is left of them when a `dojo` is killed meanwhile.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::try_join;

use super::DockerDriver;
use super::labels::{self, LABEL_WORKSHOP};
use crate::driver::{Error, LABEL_CLUSTER};
use crate::model::counted;

/// After this time nobody makes an image any more, whoever it was.
const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);

/// What tells who makes an image: the process, so that nobody else takes its work away.
pub(super) fn mark() -> HashMap<String, String> {
    let process = std::process::id();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let begun = beginning(process).unwrap_or_default();
    let mark = format!("{}/{process}/{begun}/{seconds}", surroundings());
    HashMap::from([(LABEL_WORKSHOP.to_owned(), mark)])
}

/// Whether whoever made a mark is gone.
fn is_dead(mark: &str) -> bool {
    let parts: Vec<&str> = mark.rsplitn(4, '/').collect();
    let &[seconds, begun, process, place] = parts.as_slice() else { return false };
    if place == surroundings() {
        let now = process.parse().ok().and_then(beginning);
        return now.unwrap_or_default() != begun;
    }
    // Another computer, or this one before it was started anew: it cannot be asked.
    let Ok(seconds) = seconds.parse() else { return false };
    let then = UNIX_EPOCH + Duration::from_secs(seconds);
    SystemTime::now().duration_since(then).is_ok_and(|age| age > LONGEST)
}

/// Where processes have numbers of their own: this run of this kernel, and the namespace.
fn surroundings() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", boot.trim(), namespace.display())
}

/// When a process began, in the kernel's ticks; numbers are given again, but not at the same time.
fn beginning(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything (proc_pid_stat(5)).
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// Containers and volumes that nobody will remove any more.
struct Abandoned {
    /// Id and name of each.
    containers: Vec<(String, String)>,
    volumes: Vec<String>,
}

impl DockerDriver {
    async fn abandoned(&self) -> Result<Abandoned, Error> {
        let filter = || Some(labels::workshop_filter());
        let (containers, volumes) = try_join!(self.containers(filter()), self.volumes(filter()))?;
        let containers = containers.iter().filter(|container| {
            // Machines inherit labels of their image.
            labels::label(container, LABEL_CLUSTER).is_none()
                && labels::label(container, LABEL_WORKSHOP).is_some_and(is_dead)
        });
        let volumes = volumes.into_iter();
        Ok(Abandoned {
            containers: containers
                .filter_map(|c| Some((c.id.clone()?, labels::name(c).to_owned())))
                .collect(),
            volumes: volumes
                .filter(|v| v.labels.get(LABEL_WORKSHOP).is_some_and(|mark| is_dead(mark)))
                .map(|volume| volume.name)
                .collect(),
        })
    }

    /// What killed processes have left of making images, in words.
    pub(super) async fn find_litter(&self) -> Result<Vec<String>, Error> {
        let Abandoned { containers, volumes } = self.abandoned().await?;
        let mut found: Vec<String> = containers
            .iter()
            .map(|(_, name)| format!("container `{name}` of an image build that was killed"))
            .collect();
        if !volumes.is_empty() {
            let volumes = counted(volumes.len(), "volume");
            found.push(format!("{volumes} of an image build that was killed"));
        }
        Ok(found)
    }

    /// Removes what killed processes have left of making images.
    pub(super) async fn remove_litter(&self) -> Result<(), Error> {
        let Abandoned { containers, volumes } = self.abandoned().await?;
        for (id, name) in &containers {
            self.remove_container(id, name).await?;
        }
        for volume in &volumes {
            self.remove_volume(volume).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> String {
        mark().remove(LABEL_WORKSHOP).unwrap()
    }

    #[test]
    fn a_process_that_runs_is_not_disturbed() {
        assert!(!is_dead(&own()));
        // What no process has marked is nobody's to remove.
        for other in ["", "x", "a/b/c"] {
            assert!(!is_dead(other), "{other}");
        }
    }

    #[test]
    fn a_process_that_was_killed_is_known_also_by_its_number_that_another_one_has() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (here, me) = (surroundings(), std::process::id());
        child.wait().unwrap();
        assert!(is_dead(&format!("{here}/{}/12345/0", child.id())));
        assert!(is_dead(&format!("{here}/{me}/1/0")), "it began at another time");
    }

    #[test]
    fn who_cannot_be_asked_has_time() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let elsewhere = |age: u64| format!("other-boot/pid:[1]/1/1/{}", now - age);
        assert!(!is_dead(&elsewhere(60)));
        assert!(is_dead(&elsewhere(7 * 60 * 60)));
    }
}
