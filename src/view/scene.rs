//! What the page shows, as plain data: a column for each machine, and a tile for each task, pod or container.
//!
//! What is gone is remembered for a while, with why it went: otherwise nobody would see it who looked away for a moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::kind::{self, Majority};
use crate::model::{MachineName, Role, split_tag};
use crate::observe::{Cause, Facts, MachineFacts, NodeFacts, Part, Remark, by_place, ill_tasks};
use crate::remote::{ContainerFact, ContainerState, PodStatus, SwarmService, SwarmTask};

/// How long what is gone is shown.
const GHOSTS: SignedDuration = SignedDuration::from_secs(30);
/// How many of one replica.
const GHOSTS_OF_ONE: usize = 3;

/// All that the page shows of a cluster at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scene {
    /// The name of the cluster.
    pub name: String,
    /// What it is, for people: `swarm of 3`.
    pub kind: String,
    /// When it was so, by the clock of the cluster.
    pub at: Timestamp,
    /// How many milliseconds that clock is ahead of this computer's.
    pub ahead_ms: i64,
    /// Whether those that decide are a majority; absent where nobody decides, or an only one does.
    pub majority: Option<Majority>,
    /// Its machines: those that lead come first.
    pub columns: Vec<Column>,
    /// What is on no machine yet, or on one that is unknown.
    pub waiting: Vec<Tile>,
    /// What is not as it should be, in sentences.
    pub findings: Vec<String>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Its name.
    pub name: MachineName,
    /// What it is there for.
    pub role: Role,
    /// Whether it is on; `null` where its driver does not know.
    pub on: Option<bool>,
    /// Whether one can log in to it.
    pub reachable: Option<bool>,
    /// Whether it leads the others.
    pub leads: bool,
    /// Whether its cluster believes that it takes part; absent where machines are no cluster, or nobody says.
    pub ready: Option<bool>,
    /// Whether it gets work: `active`, `drain`, `cordoned`.
    pub availability: Option<String>,
    /// Why it is not ready, cannot be reached, or is not there.
    pub why: Option<String>,
    /// What is on it.
    pub tiles: Vec<Tile>,
}

/// Something that runs, or ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tile {
    /// What tells it from all others.
    pub id: String,
    /// What a person calls it: `web.1`.
    pub name: String,
    /// What keeps it running, or its own name.
    pub group: String,
    /// How that is.
    pub tone: Tone,
    /// What its cluster says that it does.
    pub state: String,
    /// What the engine of its machine says, where that is asked and is something else.
    pub engine: Option<String>,
    /// `healthy`, `unhealthy` or `starting`; absent without a check.
    pub health: Option<String>,
    /// The tag of its image.
    pub version: Option<String>,
    /// Since when it does that.
    pub since: Option<Timestamp>,
    /// How often its containers were started again.
    pub restarts: i32,
    /// What it says of itself, where something is wrong.
    pub message: Option<String>,
    /// Why it went, and what came in its place; absent while it is there.
    pub ghost: Option<Ghost>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// It runs, and is well as far as anybody says.
    Good,
    /// It is on its way, there or away.
    Starting,
    /// It runs and is ill, or does not come up.
    Bad,
    /// It has done what it was there for.
    Done,
    /// Its machine says nothing.
    Unknown,
}

/// What is known of something that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ghost {
    /// Why, in a word: `unhealthy`, `killed`, `update`, `node-down`, `removed`.
    pub cause: &'static str,
    /// When.
    pub at: Timestamp,
    /// The id of what came in its place; absent as long as nothing has.
    pub successor: Option<String>,
}

/// A tile, and the machine that it is on.
type Placed = (Option<String>, Tile);

/// Looks on, and remembers what was there.
#[derive(Debug, Default)]
pub struct Onlooker {
    ahead: SignedDuration,
    ill: BTreeSet<String>,
    /// Why tasks ended, and when, as it was when that was first seen: later, a node that was down is ready again.
    ended: BTreeMap<String, (Cause, Timestamp)>,
    /// When each was first seen.
    came: BTreeMap<String, Timestamp>,
    /// When each was first seen to be told to go.
    ending: BTreeMap<String, Timestamp>,
    /// What was there the last time.
    before: BTreeMap<String, Placed>,
    /// What was there and is not any more.
    gone: BTreeMap<String, Placed>,
}

impl Onlooker {
    /// Looks at a cluster whose clock is ahead of this computer's.
    pub fn of(ahead: SignedDuration) -> Self {
        Self { ahead, ..Self::default() }
    }

    /// What is to be shown of a cluster, as it was at a moment.
    pub fn look(&mut self, facts: &Facts, at: Timestamp) -> Scene {
        self.ill.extend(ill_tasks(facts).map(str::to_owned));
        let silent = Silent::of(facts);
        let (mut all, error) = match (&facts.services, &facts.pods) {
            (Some(services), _) => (self.tasks(facts, &silent, at), &services.error),
            (None, Some(all)) => (pods(all, &silent), &all.error),
            (None, None) => (self.containers(facts), &None),
        };
        if error.is_none() {
            self.remember(&all, &silent, at);
        } else {
            // Nobody tells anything: all is as it was, as far as one knows.
            all = self.before.values().cloned().collect();
            for (_, tile) in &mut all {
                tile.tone = Tone::Unknown;
            }
        }
        let is_over = |tile: &Tile| {
            tile.ghost.as_ref().is_some_and(|ghost| at.duration_since(ghost.at) > GHOSTS)
        };
        all.retain(|(_, tile)| !is_over(tile));
        self.gone.retain(|_, (_, tile)| !is_over(tile));
        all.extend(self.gone.values().cloned());
        scene(facts, at, self.ahead, all)
    }

    /// The tasks of a swarm: the newest of each replica, and those before it that went lately.
    fn tasks(&mut self, facts: &Facts, silent: &Silent, at: Timestamp) -> Vec<Placed> {
        let of_tasks = facts.containers().filter_map(|(_, it)| Some((it.task_id.as_deref()?, it)));
        let containers: BTreeMap<&str, &ContainerFact> = of_tasks.collect();
        let mut all = Vec::new();
        for service in facts.services.iter().flat_map(Part::iter) {
            for tasks in by_place(service).into_values() {
                for (age, task) in tasks.iter().take(1 + GHOSTS_OF_ONE).enumerate() {
                    let cause = Cause::known(task, facts, self.ill.contains(&task.id));
                    let newer = age.checked_sub(1).map(|newer| tasks[newer]);
                    let container = containers.get(task.id.as_str()).copied();
                    let mut tile = of_task(service, task, container, silent);
                    if let (Some(newer), Some(cause)) = (newer, cause) {
                        // Of a node that is down nobody says when its tasks ended.
                        let then =
                            if cause == Cause::NodeDown { at } else { task.since.unwrap_or(at) };
                        let (cause, then) =
                            *self.ended.entry(task.id.clone()).or_insert((cause, then));
                        tile.ghost = Some(Ghost {
                            cause: cause.as_str(),
                            at: then,
                            successor: Some(newer.id.clone()),
                        });
                    }
                    all.push((task.node.clone(), tile));
                }
            }
        }
        let ids: BTreeSet<&str> = all.iter().map(|(_, tile)| tile.id.as_str()).collect();
        self.ended.retain(|id, _| ids.contains(id.as_str()));
        all
    }

    /// The containers of plain engines. Of a machine that says nothing, those that were there.
    fn containers(&self, facts: &Facts) -> Vec<Placed> {
        let mut all = Vec::new();
        for machine in facts.machines.iter() {
            let place = Some(machine.name.to_string());
            if let Some(items) = machine.containers.as_ref().and_then(|it| it.items.as_ref()) {
                all.extend(items.iter().map(|it| (place.clone(), of_container(it))));
                continue;
            }
            let was_there = |(was, tile): &&Placed| *was == place && tile.ghost.is_none();
            let before = self.before.values().filter(was_there).cloned();
            all.extend(before.map(|(was, tile)| (was, Tile { tone: Tone::Unknown, ..tile })));
        }
        all
    }

    /// Notes what has gone since the last time.
    fn remember(&mut self, now: &[Placed], silent: &Silent, at: Timestamp) {
        let there: BTreeSet<&str> = now.iter().map(|(_, tile)| tile.id.as_str()).collect();
        self.gone.retain(|id, _| !there.contains(id.as_str()));
        for (id, (place, tile)) in &self.before {
            // What ended by itself was shown as that.
            if there.contains(id.as_str()) || tile.ghost.is_some() || tile.tone == Tone::Done {
                continue;
            }
            let mut tile = tile.clone();
            let cause = cause_of(place.as_deref(), &tile, silent);
            tile.ghost = Some(Ghost { cause, at, successor: None });
            self.gone.insert(id.clone(), (place.clone(), tile));
        }
        for (_, tile) in now {
            self.came.entry(tile.id.clone()).or_insert(at);
            if tile.state == ENDING {
                self.ending.entry(tile.id.clone()).or_insert(at);
            }
        }
        // Whoever has come since it was told to go and belongs to the same, the oldest first.
        let mut taken: BTreeSet<String> =
            self.gone.values().filter_map(|(_, it)| it.ghost.as_ref()?.successor.clone()).collect();
        for (id, (_, gone)) in &mut self.gone {
            let Some(ghost) = gone.ghost.as_mut().filter(|it| it.successor.is_none()) else {
                continue;
            };
            let from = self.ending.get(id).copied().unwrap_or(ghost.at);
            let is_update = |tile: &Tile| template(&tile.name) != template(&gone.name);
            // What an update brings may come before what is old goes.
            let is_next = |tile: &Tile| {
                let came = self.came[&tile.id];
                came >= from || is_update(tile) && self.came.get(id).is_some_and(|it| came > *it)
            };
            let fits = |tile: &&Tile| {
                tile.group == gone.group && is_next(tile) && !taken.contains(&tile.id)
            };
            let next =
                now.iter().map(|(_, tile)| tile).filter(fits).min_by_key(|it| self.came[&it.id]);
            if let Some(next) = next {
                if ghost.cause == REMOVED && is_update(next) {
                    ghost.cause = Cause::Update.as_str();
                }
                ghost.successor = Some(next.id.clone());
                taken.insert(next.id.clone());
            }
        }
        let is_shown = |id: &String| there.contains(id.as_str()) || self.gone.contains_key(id);
        self.came.retain(|id, _| is_shown(id));
        self.ending.retain(|id, _| is_shown(id));
        self.before = now.iter().map(|placed| (placed.1.id.clone(), placed.clone())).collect();
    }
}

/// Why something that is not listed any more has gone, as far as anybody can tell.
fn cause_of(place: Option<&str>, tile: &Tile, silent: &Silent) -> &'static str {
    match tile.health.as_deref() {
        _ if silent.is_down(place) => Cause::NodeDown.as_str(),
        _ if silent.is_drained(place) => Cause::Drained.as_str(),
        Some("unhealthy") => Cause::Unhealthy.as_str(),
        _ => REMOVED,
    }
}

/// Somebody has taken it away, or nobody tells why it went.
const REMOVED: &str = "removed";

/// The part of a pod's name that all have which were made alike: `web-5dbc7c58b4`.
fn template(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(template, _)| template)
}

/// What is told to end and has not yet.
const ENDING: &str = "terminating";

/// The part of an image's name that tells its version.
fn version(image: Option<&str>) -> Option<String> {
    split_tag(image?).1.map(str::to_owned)
}

fn of_task(
    service: &SwarmService,
    task: &SwarmTask,
    container: Option<&ContainerFact>,
    silent: &Silent,
) -> Tile {
    let state = task.state.clone().unwrap_or_else(|| "unknown".to_owned());
    let health = container.and_then(health_of);
    let is_silent = silent.is(task.node.as_deref());
    let tone = match (state.as_str(), health.as_deref()) {
        _ if is_silent => Tone::Unknown,
        ("running", Some("unhealthy")) | ("failed" | "rejected" | "orphaned", _) => Tone::Bad,
        ("running", _) => Tone::Good,
        ("complete" | "shutdown" | "remove", _) => Tone::Done,
        _ => Tone::Starting,
    };
    let engine = match container.and_then(|it| it.state.clone()) {
        _ if is_silent => Some("silent".to_owned()),
        Some(said) if (said == "running") != (state == "running") => Some(said),
        _ => None,
    };
    Tile {
        id: task.id.clone(),
        name: task.name(&service.name),
        group: service.name.clone(),
        tone,
        state,
        engine,
        health,
        version: version(task.image.as_deref()),
        since: task.since,
        restarts: 0,
        message: task.err.clone().filter(|err| !err.is_empty()),
        ghost: None,
    }
}

fn health_of(container: &ContainerFact) -> Option<String> {
    container.health.as_ref()?.status.clone().filter(|status| status != "none")
}

/// The machines on which nobody says how it is.
struct Silent {
    /// They are off, or out of reach.
    machines: BTreeSet<String>,
    /// Their cluster believes that they take no part.
    nodes: BTreeSet<String>,
    /// They say how it is, and get no work.
    drained: BTreeSet<String>,
}

impl Silent {
    fn of(facts: &Facts) -> Self {
        let machines =
            facts.machines.iter().filter(|it| !it.is_on() || it.reachable == Some(false));
        let nodes = || facts.nodes.iter().flat_map(Part::iter);
        let is_drained =
            |it: &&NodeFacts| matches!(it.availability.as_deref(), Some("drain" | "cordoned"));
        let (down, drained) =
            (nodes().filter(|it| it.ready == Some(false)), nodes().filter(is_drained));
        Self {
            machines: machines.map(|machine| machine.name.to_string()).collect(),
            nodes: down.map(|node| node.name.clone()).collect(),
            drained: drained.map(|node| node.name.clone()).collect(),
        }
    }

    fn is(&self, place: Option<&str>) -> bool {
        self.is_down(place) || place.is_some_and(|place| self.machines.contains(place))
    }

    fn is_drained(&self, place: Option<&str>) -> bool {
        place.is_some_and(|place| self.drained.contains(place))
    }

    fn is_down(&self, place: Option<&str>) -> bool {
        place.is_some_and(|place| self.nodes.contains(place))
    }
}

fn pods(all: &Part<PodStatus>, silent: &Silent) -> Vec<Placed> {
    // What Kubernetes itself needs would hide what is learned.
    let wanted = all.iter().filter(|pod| pod.namespace != "kube-system");
    wanted.map(|pod| (pod.node_name.clone(), of_pod(pod, silent))).collect()
}

fn of_pod(pod: &PodStatus, silent: &Silent) -> Tile {
    let containers = || pod.containers.iter().flatten();
    let waiting = containers().find_map(|it| match &it.state {
        Some(ContainerState::Waiting { reason: Some(reason), message }) => {
            Some((reason.clone(), message.clone()))
        }
        _ => None,
    });
    let phase = pod.phase.clone().unwrap_or_else(|| "Unknown".to_owned());
    let state = match (&waiting, &pod.reason) {
        _ if pod.deletion_timestamp.is_some() => ENDING.to_owned(),
        (_, Some(reason)) | (Some((reason, _)), None) => reason.clone(),
        _ => phase.clone(),
    };
    let is_stuck = ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull"]
        .contains(&state.as_str());
    let is_ready = pod.ready == Some(true);
    let is_silent = silent.is(pod.node_name.as_deref());
    let tone = match phase.as_str() {
        _ if is_silent => Tone::Unknown,
        "Failed" => Tone::Bad,
        "Succeeded" => Tone::Done,
        _ if state == ENDING => Tone::Starting,
        _ if is_stuck => Tone::Bad,
        "Running" if is_ready => Tone::Good,
        _ => Tone::Starting,
    };
    let group = pod.owner.as_ref().map_or_else(|| pod.name.clone(), |owner| owner.name.clone());
    let image = containers().find(|it| !it.init).map(|it| it.image.as_str());
    Tile {
        id: pod.uid.clone(),
        name: pod.name.clone(),
        group,
        tone,
        engine: is_silent.then(|| "silent".to_owned()),
        state,
        health: (phase == "Running")
            .then(|| if is_ready { "ready" } else { "not ready" }.to_owned()),
        version: version(image),
        since: pod.start_time,
        restarts: containers().map(|it| it.restart_count).sum(),
        message: pod.message.clone().or_else(|| waiting.and_then(|(_, message)| message)),
        ghost: None,
    }
}

fn of_container(container: &ContainerFact) -> Tile {
    let state = container.state.clone().unwrap_or_else(|| "unknown".to_owned());
    // That the check of one that has ended fails goes without saying.
    let health = health_of(container).filter(|_| state == "running");
    let tone = match (state.as_str(), health.as_deref(), container.exit_code) {
        ("running", Some("unhealthy"), _) | ("dead", _, _) => Tone::Bad,
        ("running", _, _) => Tone::Good,
        ("exited", _, Some(0)) => Tone::Done,
        ("exited", _, _) => Tone::Bad,
        _ => Tone::Starting,
    };
    let ended = container.exit_code.filter(|_| state == "exited");
    Tile {
        id: container.id.clone(),
        name: container.name.clone(),
        group: container.name.clone(),
        tone,
        // As `docker ps` says it.
        state: ended.map_or(state, |code| format!("exited ({code})")),
        engine: None,
        health,
        version: version(container.image.as_deref()),
        since: container.finished_at.filter(|_| ended.is_some()).or(container.started_at),
        restarts: 0,
        message: None,
        ghost: None,
    }
}

fn scene(facts: &Facts, at: Timestamp, ahead: SignedDuration, tiles: Vec<Placed>) -> Scene {
    let mut by_place = BTreeMap::<Option<String>, Vec<Tile>>::new();
    for (place, tile) in tiles {
        by_place.entry(place).or_default().push(tile);
    }
    for tiles in by_place.values_mut() {
        tiles.sort_by(|a, b| {
            (&a.name, a.ghost.is_some(), &a.id).cmp(&(&b.name, b.ghost.is_some(), &b.id))
        });
    }
    let nodes: BTreeMap<&str, &NodeFacts> =
        facts.nodes.iter().flat_map(Part::iter).map(|node| (node.name.as_str(), node)).collect();
    let mut machines: Vec<&MachineFacts> = facts.machines.iter().collect();
    machines.sort_by_key(|machine| (machine.role == Role::Worker, machine.name));
    let columns = machines.into_iter().map(|machine| {
        let name = machine.name.to_string();
        let node = nodes.get(name.as_str());
        let of_node =
            node.filter(|node| node.ready == Some(false)).and_then(|it| it.reason.clone());
        let of_engine = machine.engine.as_ref().and_then(|engine| engine.error.clone());
        Column {
            name: machine.name,
            role: machine.role,
            on: machine.exists.map(|_| machine.is_on()),
            reachable: machine.reachable,
            leads: facts.leader.as_deref() == Some(name.as_str()),
            ready: node.and_then(|node| node.ready),
            availability: node.and_then(|node| node.availability.clone()),
            why: machine.error.clone().or(of_engine).or(of_node),
            tiles: by_place.remove(&Some(name)).unwrap_or_default(),
        }
    });
    let columns = columns.collect();
    Scene {
        name: facts.name.to_string(),
        kind: kind::of(facts.orchestrator).sized(facts.machines.iter().count()),
        at,
        ahead_ms: i64::try_from(ahead.as_millis()).unwrap_or(0),
        majority: facts.majority,
        columns,
        waiting: by_place.into_values().flatten().collect(),
        findings: facts.findings.iter().map(told).collect(),
    }
}

fn told(finding: &Remark) -> String {
    let message = &finding.message;
    match finding.machine {
        Some(machine) if !message.contains(&format!("`{machine}`")) => {
            format!("{machine}: {message}")
        }
        _ => message.clone(),
    }
}
