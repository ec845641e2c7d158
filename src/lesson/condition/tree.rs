//! The tree of conditions that a step is judged by. The names of all conditions stand here, and nowhere else.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::time::Time;
use crate::lesson::told::{Outcome, Told};
use crate::observe::Ask;

use super::leaf::Leaf;
use super::lookout::Lookout;
use super::story::{Met, Moment, Unmet};
use super::{
    answer, engine_container, engine_health, k8s_event, k8s_jobs, k8s_node, k8s_object, k8s_pods,
};
use super::{k8s_restarted, k8s_rollout, machine, machine_file, machine_unit, nodes, probe};
use super::{swarm_replaced, swarm_service, swarm_stack, swarm_update};

macro_rules! conditions {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($leaf:ty)),* $(,)?) => {
        /// A condition, or several.
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        pub enum Condition {
            /// All of them.
            #[serde(rename = "all")]
            All(Several),
            /// One of them.
            #[serde(rename = "any")]
            Any(Several),
            /// All of them, each later than the one before.
            #[serde(rename = "then")]
            Then(Several),
            /// It is not met at any time.
            #[serde(rename = "never")]
            Never(Box<Condition>),
            /// It is met all along for a time, up to now.
            #[serde(rename = "hold")]
            Hold(Hold),
            $($(#[$doc])* #[serde(rename = $name)] $variant($leaf),)*
        }

        impl Condition {
            /// As lessons name it.
            pub fn name(&self) -> &'static str {
                match self {
                    Self::All(_) => "all",
                    Self::Any(_) => "any",
                    Self::Then(_) => "then",
                    Self::Never(_) => "never",
                    Self::Hold(_) => "hold",
                    $(Self::$variant(_) => $name,)*
                }
            }

            fn leaf(&self) -> Option<&dyn Leaf> {
                match self {
                    $(Self::$variant(leaf) => Some(leaf),)*
                    _ => None,
                }
            }

            fn leaf_mut(&mut self) -> Option<&mut dyn Leaf> {
                match self {
                    $(Self::$variant(leaf) => Some(leaf),)*
                    _ => None,
                }
            }
        }
    };
}

conditions! {
    /// A service of a swarm is there, and runs.
    "swarm.service" => SwarmService(swarm_service::Service),
    /// A service of a swarm is not there.
    "swarm.absent" => SwarmAbsent(swarm_service::Absent),
    /// A task of a service was replaced.
    "swarm.replaced" => SwarmReplaced(swarm_replaced::Replaced),
    /// An update of a service has come to an end.
    "swarm.update" => SwarmUpdate(swarm_update::Update),
    /// So many nodes of a swarm are so.
    "swarm.nodes" => SwarmNodes(nodes::SwarmNodes),
    /// A stack is there, with what belongs to it.
    "swarm.stack" => SwarmStack(swarm_stack::Stack),
    /// A manager leads the swarm.
    "swarm.leader" => SwarmLeader(swarm_stack::Leader),
    /// A container of an engine is there, or not.
    "engine.container" => EngineContainer(engine_container::Container),
    /// Probes of a health check went so.
    "engine.health" => EngineHealth(engine_health::Health),
    /// Pods are there, and ready.
    "k8s.pods" => KubernetesPods(k8s_pods::PodsAre),
    /// Neither pods nor what keeps them running are there.
    "k8s.absent" => KubernetesAbsent(k8s_pods::Absent),
    /// Containers of pods were started again.
    "k8s.restarted" => KubernetesRestarted(k8s_restarted::Restarted),
    /// Pods were replaced by others.
    "k8s.replaced" => KubernetesReplaced(k8s_restarted::Replaced),
    /// A deployment is rolled out.
    "k8s.rollout" => KubernetesRollout(k8s_rollout::Rollout),
    /// So many nodes of Kubernetes are so.
    "k8s.nodes" => KubernetesNodes(nodes::KubernetesNodes),
    /// One node of Kubernetes is so.
    "k8s.node" => KubernetesNode(k8s_node::Node),
    /// A part of Kubernetes has told of something.
    "k8s.event" => KubernetesEvent(k8s_event::Event),
    /// Jobs have run.
    "k8s.jobs" => KubernetesJobs(k8s_jobs::Jobs),
    /// A cron job is there, and set so.
    "k8s.cronjob" => KubernetesCronJob(k8s_jobs::CronJob),
    /// An object is there, or not.
    "k8s.object" => KubernetesObject(k8s_object::Object),
    /// A machine is on, or off.
    "machine" => Machine(machine::Machine),
    /// A file on a machine is so.
    "machine.file" => MachineFile(machine_file::File),
    /// A unit of systemd on a machine is so.
    "machine.unit" => MachineUnit(machine_unit::Unit),
    /// A unit has written something into its journal.
    "machine.journal" => MachineJournal(machine_unit::Journal),
    /// A script on a machine says it.
    "script" => Script(machine_unit::Script),
    /// Requests went so.
    "probe" => Probe(probe::Probe),
    /// The learner has answered so.
    "answer" => Answer(answer::Answer),
}

/// At least one condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Condition>")]
pub struct Several(Vec<Condition>);

impl TryFrom<Vec<Condition>> for Several {
    type Error = &'static str;

    fn try_from(list: Vec<Condition>) -> Result<Self, &'static str> {
        if list.is_empty() { Err("no condition: expected at least one") } else { Ok(Self(list)) }
    }
}

/// A condition that is to be met for a time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// For how long.
    #[serde(rename = "for")]
    pub time: Time,
    /// Which one.
    pub of: Box<Condition>,
}

impl Condition {
    /// Those within it.
    pub(in crate::lesson) fn parts(&self) -> &[Condition] {
        match self {
            Self::All(Several(parts)) | Self::Any(Several(parts)) | Self::Then(Several(parts)) => {
                parts
            }
            Self::Never(part) => std::slice::from_ref(part),
            Self::Hold(Hold { of, .. }) => std::slice::from_ref(of),
            _ => &[],
        }
    }

    fn parts_mut(&mut self) -> &mut [Condition] {
        match self {
            Self::All(Several(parts)) | Self::Any(Several(parts)) | Self::Then(Several(parts)) => {
                parts
            }
            Self::Never(part) => std::slice::from_mut(part),
            Self::Hold(Hold { of, .. }) => std::slice::from_mut(of),
            _ => &mut [],
        }
    }

    /// Gives all its texts away to be filled in.
    pub(in crate::lesson) fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        if let Some(leaf) = self.leaf_mut() {
            leaf.fill(with);
        }
        self.parts_mut().iter_mut().for_each(|part| part.fill(with));
    }

    /// Where it looks if it does not say.
    pub(in crate::lesson) fn settle(&mut self, namespace: &str) {
        if let Some(leaf) = self.leaf_mut() {
            leaf.settle(namespace);
        }
        self.parts_mut().iter_mut().for_each(|part| part.settle(namespace));
    }

    /// From which machine the step's probe asks.
    pub(in crate::lesson) fn probe_from(&mut self, machine: &str) {
        if let Some(leaf) = self.leaf_mut() {
            leaf.probe_from(machine);
        }
        self.parts_mut().iter_mut().for_each(|part| part.probe_from(machine));
    }

    /// What has to be looked at on machines so that it and those within it can be told.
    pub fn looks(&self) -> BTreeSet<Lookout> {
        let mut all = BTreeSet::new();
        self.each(&mut |condition| all.extend(condition.leaf().and_then(Leaf::lookout)));
        all
    }

    /// It and all those within it.
    pub(in crate::lesson) fn each(&self, with: &mut dyn FnMut(&Self)) {
        with(self);
        self.parts().iter().for_each(|part| part.each(with));
    }

    /// The image that it names.
    pub(in crate::lesson) fn image(&self) -> Option<&str> {
        self.leaf().and_then(Leaf::image)
    }

    /// What has to be asked so that it and those within it can be told.
    pub fn asks(&self) -> Ask {
        let own = self.leaf().map(Leaf::asks).unwrap_or_default();
        self.parts().iter().fold(own, |asked, part| asked.and(part.asks()))
    }

    /// Why it may be not met, whatever its parts say.
    pub(in crate::lesson) fn reasons(&self) -> &'static [Reason] {
        match self {
            Self::Then(_) => &[Reason::TooEarly, Reason::NotWatched],
            Self::Never(_) => &[Reason::Happened, Reason::NotWatched],
            Self::Hold(_) => &[Reason::NotLongEnough],
            _ => self.leaf().map(Leaf::reasons).unwrap_or_default(),
        }
    }

    fn is_live(&self) -> bool {
        match self.leaf() {
            Some(leaf) => leaf.is_live(),
            None => self.parts().iter().any(Self::is_live),
        }
    }

    /// How it stands at a moment.
    pub(in crate::lesson) fn told(&self, moment: Moment<'_>) -> Told {
        if let Some(leaf) = self.leaf() {
            return self.told_of_leaf(leaf, moment);
        }
        match self {
            Self::Any(_) => self.told_of_any(moment),
            Self::Then(_) => self.told_of_then(moment),
            Self::Never(part) => self.told_of_never(part, moment),
            Self::Hold(hold) => self.told_of_hold(hold, moment),
            _ => self.told_of_all(moment),
        }
    }

    fn told_of_leaf(&self, leaf: &dyn Leaf, moment: Moment<'_>) -> Told {
        let mut told = match leaf.look(moment) {
            Ok(Met { seen, at }) => {
                let mut told = Told::new(self.name(), Outcome::Passed, None);
                (told.seen, told.since) = (seen, at);
                told
            }
            Err(Unmet { outcome, reason, seen, since }) => {
                let mut told = Told::new(self.name(), outcome, Some(reason));
                (told.seen, told.since) = (seen, since);
                told
            }
        };
        told.wanted = leaf.wanted();
        told.look = Some(leaf.command());
        told
    }

    fn told_with(&self, outcome: Outcome, reason: Option<Reason>, parts: Vec<Told>) -> Told {
        let mut told = Told::new(self.name(), outcome, reason);
        told.since = parts.iter().filter_map(|part| part.since).max();
        told.parts = parts;
        told
    }

    fn told_of_all(&self, moment: Moment<'_>) -> Told {
        let parts: Vec<_> = self.parts().iter().map(|part| part.told(moment)).collect();
        let order = [Outcome::Lost, Outcome::NotYet, Outcome::CannotTell];
        let worst = order.into_iter().find(|it| parts.iter().any(|part| part.outcome == *it));
        let reason = parts.iter().find(|part| Some(part.outcome) == worst).and_then(|it| it.reason);
        self.told_with(worst.unwrap_or(Outcome::Passed), reason, parts)
    }

    fn told_of_any(&self, moment: Moment<'_>) -> Told {
        let parts: Vec<_> = self.parts().iter().map(|part| part.told(moment)).collect();
        let order = [Outcome::Passed, Outcome::CannotTell, Outcome::NotYet];
        let best = order.into_iter().find(|it| parts.iter().any(|part| part.outcome == *it));
        let best = best.unwrap_or(Outcome::Lost);
        let reason = parts.iter().find(|part| part.outcome == best).and_then(|it| it.reason);
        self.told_with(best, reason, parts)
    }

    fn told_of_then(&self, moment: Moment<'_>) -> Told {
        let mut parts: Vec<Told> = Vec::new();
        let mut now = moment;
        let count = self.parts().len();
        for (number, part) in self.parts().iter().enumerate() {
            if parts.last().is_some_and(|before| !before.is_passed()) {
                parts.push(part.waiting());
                continue;
            }
            let is_last = number + 1 == count;
            let mut told = part.told(now);
            if is_last {
                // It is to be so now, not only at some time.
            } else if let Some(at) = part.first(now) {
                if !told.is_passed() {
                    let (wanted, look) = (told.wanted, told.look);
                    told = Told { wanted, look, ..Told::new(part.name(), Outcome::Passed, None) };
                }
                told.since = Some(at);
                now = now.later_than(at);
            } else if told.is_passed() {
                // So it was before what comes before; it has to be so later, too, and nobody has looked yet.
                told = Told { outcome: Outcome::NotYet, reason: Some(Reason::Waits), ..told };
            } else if told.outcome == Outcome::NotYet && part.is_live() && part.is_hidden(now) {
                told =
                    Told { outcome: Outcome::CannotTell, reason: Some(Reason::NotWatched), ..told };
            }
            let is_early = told.outcome == Outcome::NotYet
                && !part.is_live()
                && now.after > moment.after
                && part.told(moment).is_passed();
            if is_early {
                told.reason = Some(Reason::TooEarly);
            }
            parts.push(told);
        }
        let unmet = parts.iter().find(|part| !part.is_passed());
        let (outcome, reason) =
            unmet.map_or((Outcome::Passed, None), |part| (part.outcome, part.reason));
        self.told_with(outcome, reason, parts)
    }

    /// What is told of it before its turn has come.
    fn waiting(&self) -> Told {
        let mut told = Told::new(self.name(), Outcome::NotYet, Some(Reason::Waits));
        if let Some(leaf) = self.leaf() {
            told.wanted = leaf.wanted();
            told.look = Some(leaf.command());
        }
        told.parts = self.parts().iter().map(Self::waiting).collect();
        told
    }

    fn told_of_never(&self, part: &Self, moment: Moment<'_>) -> Told {
        let inner = part.told(moment);
        if let Some(at) = part.first(moment) {
            let mut told = self.told_with(Outcome::Lost, Some(Reason::Happened), Vec::new());
            (told.wanted, told.seen, told.look) = (inner.wanted, inner.seen, inner.look);
            told.since = Some(at);
            return told;
        }
        let (outcome, reason) = match inner.outcome {
            Outcome::CannotTell => (Outcome::CannotTell, inner.reason),
            _ if part.is_live() && part.is_hidden(moment) => {
                (Outcome::CannotTell, Some(Reason::NotWatched))
            }
            _ => (Outcome::Passed, None),
        };
        let mut told = self.told_with(outcome, reason, Vec::new());
        (told.wanted, told.look) = (inner.wanted, inner.look);
        if outcome == Outcome::CannotTell {
            told.seen = inner.seen;
        }
        told
    }

    fn told_of_hold(&self, hold: &Hold, moment: Moment<'_>) -> Told {
        let inner = hold.of.told(moment);
        if !inner.is_passed() {
            return self.told_with(inner.outcome, inner.reason, vec![inner]);
        }
        let mut since = moment.after;
        for (index, sample) in moment.samples().enumerate() {
            if !hold.of.told(moment.up_to(index)).is_passed() {
                // Until the next one.
                let next = moment.story.seen.get(index + 1).map_or(sample.at, |next| next.at);
                since = since.max(next);
            } else if index == 0 {
                since = since.max(sample.at);
            }
        }
        // Who has not looked does not know.
        let gaps = moment.story.gaps_after(since);
        let since = gaps.map(|gap| gap.to).fold(since, Timestamp::max);
        let lasted = moment.until().duration_since(since);
        let wanted = SignedDuration::try_from(hold.time.0).unwrap_or(SignedDuration::MAX);
        let is_enough = lasted >= wanted;
        let outcome = if is_enough { Outcome::Passed } else { Outcome::NotYet };
        let reason = (!is_enough).then_some(Reason::NotLongEnough);
        let mut told = self.told_with(outcome, reason, vec![inner]);
        told.wanted.insert("time", hold.time.to_string());
        told.seen.insert("time", format!("{}s", lasted.as_secs()));
        told.since = Some(since);
        told
    }

    /// When it was met first.
    fn first(&self, moment: Moment<'_>) -> Option<Timestamp> {
        if let Some(leaf) = self.leaf()
            && let Ok(Met { at: Some(at), .. }) = leaf.look(moment)
        {
            return Some(at);
        }
        let samples = moment.samples().enumerate();
        // A sample holds until the next one.
        let later = samples.filter(|(index, _)| moment.up_to(*index).until() > moment.after);
        let mut met = later.filter(|(index, _)| self.told(moment.up_to(*index)).is_passed());
        met.next().map(|(_, sample)| sample.at.max(moment.after))
    }

    /// Whether it may have been met while nobody looked, or nobody answered.
    fn is_hidden(&self, moment: Moment<'_>) -> bool {
        let is_unknown = |index: usize| {
            let told = self.told(moment.up_to(index));
            told.outcome == Outcome::CannotTell && told.reason != Some(Reason::NothingSeen)
        };
        moment.story.gaps_after(moment.after).next().is_some()
            || moment
                .samples()
                .enumerate()
                .any(|(index, sample)| sample.at > moment.after && is_unknown(index))
    }
}
