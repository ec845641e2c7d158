//! Pods whose containers end, that fail, or that cannot start.

use std::collections::{BTreeMap, BTreeSet};

use crate::observe::Part;
use crate::remote::{ContainerState, PodContainer, PodStatus};

use super::happening::{Happening, What};
use super::look::Look;
use super::machines::{Because, Troubles};
use super::tasks::OUT_OF_MEMORY;

/// Why containers wait that will not start without somebody's help.
const STUCK: [&str; 6] = [
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// What is known of pods, by their uid.
#[derive(Debug, Default)]
pub(super) struct Pods {
    /// Whether pods were seen before: nobody may have told of them at the first look.
    has_begun: bool,
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// How often each container was started again.
    restarts: BTreeMap<String, i32>,
    has_failed: bool,
    is_going: bool,
    stuck: BTreeSet<String>,
}

impl Pods {
    pub(super) fn look(&mut self, look: Look<'_>, troubles: &Troubles) -> Vec<Happening> {
        let mut all = Vec::new();
        let Some(pods) = look.facts.pods.as_ref().and_then(|it| it.items.as_ref()) else {
            return all;
        };
        let look = Look { is_first: !self.has_begun, ..look };
        self.has_begun = true;
        for pod in pods {
            let known = self.known.entry(pod.uid.clone()).or_default();
            let found = known.look(pod, look);
            let because = troubles.because(pod.node_name.as_deref(), look.at);
            if look.is_first || look.asked || because == Because::Asked {
                continue;
            }
            all.extend(found.into_iter().map(|happening| Happening {
                machine: pod.node_name.clone(),
                follows: because == Because::OfMachine,
                ..happening
            }));
        }
        self.known.retain(|uid, _| pods.iter().any(|pod| pod.uid == *uid));
        all
    }
}

impl Known {
    fn look(&mut self, pod: &PodStatus, look: Look<'_>) -> Vec<Happening> {
        let mut all = Vec::new();
        let name = format!("{}/{}", pod.namespace, pod.name);
        let on = pod.node_name.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
        // Whoever is told to go may end as it likes.
        let is_going = pod.deletion_timestamp.is_some();
        if is_going && !self.is_going && node_is_down(pod, look) {
            let words = format!("is lost{on}, which is down");
            let happening = look.happening(What::Replaced, &*name, words);
            all.push(Happening { cause: Some("node-down"), ..happening });
        }
        self.is_going = is_going;
        for container in pod.containers.iter().flatten() {
            let now = container.restart_count;
            let before = self.restarts.insert(container.name.clone(), now).unwrap_or(0);
            if now > before && !is_going {
                let (cause, words) = ended(pod, container, look);
                let words = format!("was restarted{on}: container {} {words}", container.name);
                let happening = look.happening(What::Restarted, &*name, words);
                all.push(Happening { cause: Some(cause), ..happening });
            }
            if let Some(ContainerState::Waiting { reason: Some(reason), .. }) = &container.state
                && STUCK.contains(&reason.as_str())
                && self.stuck.insert(container.name.clone())
                && !is_going
            {
                let words =
                    format!("cannot start{on}: container {} waits, {reason}", container.name);
                let happening = look.happening(What::Stuck, &*name, words);
                all.push(Happening { cause: Some("stuck"), ..happening });
            }
        }
        let has_failed = pod.phase.as_deref() == Some("Failed");
        if has_failed && !self.has_failed && !is_going {
            let (cause, words) = failed(pod);
            let happening = look.happening(What::Ended, &*name, format!("failed{on}: {words}"));
            all.push(Happening { cause: Some(cause), ..happening });
        }
        self.has_failed = has_failed;
        all
    }
}

fn node_is_down(pod: &PodStatus, look: Look<'_>) -> bool {
    let mut nodes = look.facts.nodes.iter().flat_map(Part::iter);
    nodes.any(|node| Some(&node.name) == pod.node_name.as_ref() && node.ready == Some(false))
}

/// Why a container ended that was started again, in a word and in a sentence.
fn ended(pod: &PodStatus, container: &PodContainer, look: Look<'_>) -> (&'static str, String) {
    let Some(ContainerState::Terminated { exit_code, reason, .. }) = &container.last_state else {
        return ("exited", "has ended".to_owned());
    };
    let code = format!("(exit code {exit_code})");
    if was_ill(pod, container, look) {
        return ("unhealthy", format!("was unhealthy {code}"));
    }
    how(*exit_code, reason.as_deref(), &code)
}

fn how(exit_code: i32, reason: Option<&str>, code: &str) -> (&'static str, String) {
    match (reason, exit_code) {
        (Some("OOMKilled"), _) => (OUT_OF_MEMORY, format!("ran out of memory {code}")),
        (_, 137 | 143) => ("killed", format!("was killed {code}")),
        _ => ("exited", format!("ended by itself {code}")),
    }
}

/// Whether its kubelet says that it ends a container because a probe failed.
fn was_ill(pod: &PodStatus, container: &PodContainer, look: Look<'_>) -> bool {
    let Some(ContainerState::Terminated { started_at, .. }) = &container.last_state else {
        return false;
    };
    let its = |about: &Option<String>| about.as_ref() == Some(&pod.uid);
    let mut events = look.facts.extras.events.iter().flat_map(Part::iter);
    events.any(|event| {
        let said = event.message.as_deref().unwrap_or_default();
        event.reason.as_deref() == Some("Killing")
            && its(&event.about_uid)
            && said.contains(&format!("Container {} ", container.name))
            && (said.contains("liveness probe") || said.contains("startup probe"))
            // Not one of an earlier run.
            && started_at.is_none_or(|start| event.last.is_none_or(|last| last >= start))
    })
}

/// Why a pod failed, in a word and in a sentence.
fn failed(pod: &PodStatus) -> (&'static str, String) {
    if let Some(reason) = &pod.reason {
        let said = pod.message.as_ref().map(|said| format!(", {said}")).unwrap_or_default();
        let cause = if reason == "Evicted" { "evicted" } else { "failed" };
        return (cause, format!("{reason}{said}"));
    }
    let ended = pod.containers.iter().flatten().find_map(|container| match &container.state {
        Some(ContainerState::Terminated { exit_code, reason, .. }) if *exit_code != 0 => {
            let code = format!("(exit code {exit_code})");
            let (cause, words) = how(*exit_code, reason.as_deref(), &code);
            Some((cause, format!("container {} {words}", container.name)))
        }
        _ => None,
    });
    ended.unwrap_or_else(|| ("failed", "nobody says why".to_owned()))
}
