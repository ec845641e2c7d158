//! What is done on a machine for a snapshot.

use std::time::Duration;

use crate::kind;
use crate::model::{Orchestrator, SnapshotName};
use crate::remote::Script;

use super::About;

/// An engine may take long to stop what it runs, and a disk to copy.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What is done on each machine of a kind of cluster.
#[derive(Debug, Clone, Copy)]
pub struct Scripts(&'static str);

impl Scripts {
    /// Those of a kind; `None` if it has nothing that could be kept.
    pub fn of(orchestrator: Orchestrator) -> Option<Self> {
        kind::of(orchestrator).snapshots().map(Self)
    }

    fn step(self, title: &'static str, why: &'static str, step: &'static str) -> Step {
        Step {
            title,
            why,
            verb: step,
            body: self.0,
            name: String::new(),
            about: String::new(),
            hold: "",
        }
    }

    /// Asks for the snapshots that there are.
    pub fn look(self) -> Script {
        self.step("look for snapshots", "They lie on the machines themselves.", "look").script()
    }

    /// Brings everything to rest.
    pub fn stop(self) -> Script {
        self.step("stop", "A copy of what changes is of no moment at all.", "stop").script()
    }

    /// The same, and nothing starts by itself until it is [told to](Self::start).
    pub fn hold(self) -> Script {
        let why = "One that starts too early would spread what is to be forgotten, also after a boot in the midst of it.";
        Step { hold: "yes", ..self.step("stop", why, "stop") }.script()
    }

    /// Copies the state; it is no snapshot until it is [kept](Self::keep).
    ///
    /// # Panics
    /// Never: what is told of a snapshot is strings, lists and numbers.
    pub fn copy(self, about: &About) -> Script {
        let text = serde_json::to_string(about).expect("it holds only strings and lists");
        let step =
            self.step("copy its state", "With it come its keys, so only root may read it.", "copy");
        Step { about: text, ..step.of(&about.name) }.script()
    }

    /// Makes the copy the snapshot.
    pub fn keep(self, name: &SnapshotName) -> Script {
        self.step("keep the copy", "It counts once all machines have theirs.", "keep")
            .of(name)
            .script()
    }

    /// Lays the state of a snapshot beside the present one, if it is whole.
    pub fn lay(self, name: &SnapshotName) -> Script {
        let why = "What takes long, or may fail, comes before anything is replaced.";
        self.step("lay the former state beside the present one", why, "lay").of(name).script()
    }

    /// Puts the one in the place of the other.
    pub fn swap(self, name: &SnapshotName) -> Script {
        let why = "Directories are renamed; the present ones stay beside them for now.";
        self.step("put the former state in its place", why, "swap").of(name).script()
    }

    /// Puts back what was there before.
    pub fn back(self) -> Script {
        self.step("put the present state back", "All machines have the same, or none.", "back")
            .script()
    }

    /// Starts everything; what the state of a snapshot that was `restored` does not know is removed.
    pub fn start(self, restored: Option<&SnapshotName>) -> Script {
        let step =
            self.step("start", "Whoever was stopped finds its peers again by itself.", "start");
        match restored {
            Some(name) => step.of(name),
            None => step,
        }
        .script()
    }

    /// Removes what was there before.
    pub fn clear(self) -> Script {
        let why = "It is of no use any more, and has keys in it.";
        self.step("remove what was there before", why, "clear").script()
    }

    /// Removes a snapshot, or what there is of one.
    pub fn remove(self, name: &SnapshotName) -> Script {
        self.step("remove the snapshot", "Nothing else holds it.", "remove").of(name).script()
    }
}

struct Step {
    title: &'static str,
    why: &'static str,
    verb: &'static str,
    body: &'static str,
    name: String,
    about: String,
    hold: &'static str,
}

impl Step {
    fn of(self, name: &SnapshotName) -> Self {
        Self { name: name.to_string(), ..self }
    }

    fn script(self) -> Script {
        Script::new(self.title, self.why, self.body)
            .with("STEP", self.verb)
            .with("NAME", self.name)
            .with("ABOUT", self.about)
            .with("HOLD", self.hold)
            .within(PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::found::tests::about;
    use super::*;

    #[test]
    fn every_kind_that_keeps_a_state_has_a_script_with_all_steps() {
        let name = about(7).name;
        for kind in Orchestrator::ALL {
            let Some(scripts) = Scripts::of(kind) else {
                assert!(kind::of(kind).bootstrapper().is_none(), "{kind}");
                continue;
            };
            for script in [
                scripts.look(),
                scripts.hold(),
                scripts.copy(&about(7)),
                scripts.keep(&name),
                scripts.lay(&name),
                scripts.swap(&name),
                scripts.back(),
                scripts.start(Some(&name)),
                scripts.clear(),
                scripts.remove(&name),
            ] {
                let inputs: Vec<_> = script.inputs(|value, _| value.to_owned()).collect();
                assert!(script.body().contains(&format!("\n{}() {{", inputs[0].1)), "{inputs:?}");
            }
            for function in ["runs", "kept", "units", "halt", "known", "begin"] {
                assert!(scripts.0.contains(&format!("\n{function}() {{")), "{kind}: {function}");
            }
        }
    }
}
