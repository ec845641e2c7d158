//! A cluster as it changes.
//!
//! Three tasks look, at machines, at what the cluster says of itself and at containers, so that none waits for another;
//! what they know by now is put together and told when it is not what was told before. A fourth one listens to what engines
//! tell, and wakes the others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use tokio::select;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::event::chain;
use crate::model::{Machine, MachineState, Service};
use crate::pace::stretch;
use crate::remote::{Extra, Watching};

use super::cluster::{self, ClusterPart, api_server, engine, leaders, swarm};
use super::containers::{self, Containers};
use super::facts::Facts;
use super::machines::{self, MachinesPart};
use super::once::compose;
use super::sight::Sight;
use super::{Ask, Cluster, PATIENCE, in_time};

/// How often drivers are asked. Nobody tells of machines by itself.
const MACHINES: Duration = Duration::from_secs(1);
/// How often it is tried whether machines answer whose driver says that nothing has changed.
const LOGINS: Duration = Duration::from_secs(6);
/// How often managers are asked while everything is as it is wanted, since nobody tells of tasks.
const SETTLED: Duration = Duration::from_secs(2);
/// The same while something is on its way.
const UNSETTLED: Duration = Duration::from_millis(300);
/// How often engines are asked for their containers.
const CONTAINERS: Duration = Duration::from_secs(1);
/// How many milliseconds to wait for each of the looks after something was told: managers learn of it later than the engine that tells, by a tenth
/// of a second or two, and do something about it then.
const ECHOES: [u64; 7] = [80, 80, 120, 200, 300, 300, 300];
/// How long a manager that answered before may take to answer again before others are asked.
const ANSWERED: Duration = Duration::from_millis(1500);
/// What is told within this time is looked at together.
const TOGETHER: Duration = Duration::from_millis(60);
/// How long to wait before an engine is asked again to tell of events, or anybody after nobody has answered.
const AGAIN: Duration = Duration::from_millis(700);

/// What is known by now.
struct Known {
    cluster: Cluster,
    ask: Ask,
    machines: watch::Receiver<Option<Seen>>,
    inside: watch::Receiver<Option<ClusterPart>>,
    containers: watch::Receiver<Option<Containers>>,
    told: Option<Facts>,
    /// They end with it.
    _tasks: JoinSet<()>,
}

/// Machines as they were seen.
#[derive(Clone)]
struct Seen {
    cluster: Cluster,
    sight: Option<Sight>,
    part: MachinesPart,
}

/// The cluster as it is now, and again each time that it is otherwise. Ends when it is dropped, or when the cluster's
/// record is gone. Must be called within the tokio runtime.
///
/// Changes of a swarm are told by the events of its engines, those of Kubernetes by watches; drivers are asked every
/// second. Where whoever leads the cluster falls silent, another one is asked.
pub fn changes(cluster: Cluster, ask: Ask) -> impl Stream<Item = Facts> + Send + Unpin {
    let mut tasks = JoinSet::new();
    let (seen, machines) = watch::channel(None);
    let (said, inside) = watch::channel(None);
    let (counted, containers) = watch::channel(None);
    let look_again = Arc::new(Notify::new());
    let (tell, told) = watch::channel(());
    tasks.spawn(watch_machines(cluster.clone(), ask, seen, Arc::clone(&look_again)));
    tasks.spawn(watch_engines(cluster.clone(), machines.clone(), tell));
    tasks.spawn(watch_inside(
        cluster.clone(),
        ask,
        machines.clone(),
        told.clone(),
        said,
        look_again,
    ));
    tasks.spawn(watch_containers(cluster.clone(), ask, machines.clone(), told, counted));
    let known = Known { cluster, ask, machines, inside, containers, told: None, _tasks: tasks };
    unfold(known, |mut known| async move {
        let facts = known.news().await?;
        Some((facts, known))
    })
    .boxed()
}

impl Known {
    /// What is otherwise than it was told; `None` if there is nothing to be seen any more.
    async fn news(&mut self) -> Option<Facts> {
        loop {
            let facts = self.facts();
            if let Some(facts) = facts.filter(|facts| self.told.as_ref() != Some(facts)) {
                self.told = Some(facts.clone());
                return Some(facts);
            }
            select! {
                changed = self.machines.changed() => changed.ok()?,
                changed = self.inside.changed() => changed.ok()?,
                changed = self.containers.changed() => changed.ok()?,
            }
        }
    }

    /// What is known by now, once all sides are.
    fn facts(&mut self) -> Option<Facts> {
        let seen = self.machines.borrow_and_update().clone()?;
        let inside = self.inside.borrow_and_update().clone()?;
        let containers = self.containers.borrow_and_update().clone()?;
        self.cluster = seen.cluster;
        Some(compose(&self.cluster, self.ask, &seen.part, Some(&inside), &containers))
    }
}

/// Looks at machines again and again, until the record is gone.
async fn watch_machines(
    mut cluster: Cluster,
    ask: Ask,
    seen: watch::Sender<Option<Seen>>,
    look_again: Arc<Notify>,
) {
    let mut before: Option<Sight> = None;
    let mut looked = Instant::now();
    let mut at_once = true;
    loop {
        match cluster.home.record(&cluster.record.spec.name) {
            Ok(Some(record)) if record.cluster_id == cluster.record.cluster_id => {
                cluster.record = record;
            }
            Ok(_) => return,
            // It may be written at this moment.
            Err(_) => {}
        }
        let end = Instant::now() + stretch(PATIENCE);
        let listed = in_time(end, async { cluster.look().await.map_err(|e| chain(&e)) }).await;
        let (sight, part) = match listed {
            Ok(sight) => {
                let same = before.as_ref().is_some_and(|before| before.found == sight.found);
                if same && !at_once && looked.elapsed() < LOGINS {
                    (None, None)
                } else {
                    looked = Instant::now();
                    let part = machines::look(&cluster, &sight, ask, end).await;
                    (Some(sight), Some(part))
                }
            }
            Err(error) => (None, Some(MachinesPart::unknown(&cluster, error))),
        };
        if let Some(part) = part {
            before.clone_from(&sight);
            let now = Seen { cluster: cluster.clone(), sight, part };
            if seen.send(Some(now)).is_err() {
                return;
            }
        }
        at_once = select! {
            () = sleep(MACHINES) => false,
            () = look_again.notified() => true,
        };
        if at_once {
            // Whoever asks for it asks again as long as nobody answers.
            sleep(AGAIN).await;
        }
    }
}

/// Listens to the engines of all machines that run.
async fn watch_engines(
    cluster: Cluster,
    mut seen: watch::Receiver<Option<Seen>>,
    told: watch::Sender<()>,
) {
    let told = Arc::new(told);
    let mut listening = JoinSet::new();
    let mut listened: BTreeSet<String> = BTreeSet::new();
    loop {
        let machines = machines_of(&cluster, &seen);
        let listens = |machine: &&Machine| {
            let services = machine.orchestrator.services(machine.id.name.role);
            machine.state == MachineState::Running && services.contains(&Service::Engine)
        };
        let running = machines.iter().filter(listens);
        let handles: BTreeSet<String> = running.clone().map(|m| m.handle.clone()).collect();
        if handles != listened {
            listening = JoinSet::new();
            for machine in running {
                listening.spawn(listen(cluster.clone(), machine.clone(), Arc::clone(&told)));
            }
            listened = handles;
        }
        if seen.changed().await.is_err() {
            return;
        }
        // Ended ones would be kept.
        while listening.try_join_next().is_some() {}
    }
}

/// Asks engines for their containers again and again: nobody tells of probes that change nothing.
async fn watch_containers(
    cluster: Cluster,
    ask: Ask,
    mut seen: watch::Receiver<Option<Seen>>,
    mut told: watch::Receiver<()>,
    counted: watch::Sender<Option<Containers>>,
) {
    let mut before = Containers::new();
    if !ask.extras.has(Extra::Containers) {
        counted.send_replace(Some(before));
        return std::future::pending().await;
    }
    loop {
        let machines = machines_of(&cluster, &seen);
        let end = Instant::now() + stretch(PATIENCE);
        let now = containers::look(&cluster, &machines, &before, end).await;
        counted.send_if_modified(|told| {
            let is_new = told.as_ref() != Some(&now);
            *told = Some(now.clone());
            is_new
        });
        before = now;
        select! {
            () = sleep(CONTAINERS) => {}
            changed = told.changed() => {
                if changed.is_err() { return }
                sleep(TOGETHER).await;
            }
            changed = seen.changed() => if changed.is_err() { return },
        }
    }
}

/// Listens to what a cluster says of itself.
async fn watch_inside(
    cluster: Cluster,
    ask: Ask,
    mut seen: watch::Receiver<Option<Seen>>,
    mut told: watch::Receiver<()>,
    said: watch::Sender<Option<ClusterPart>>,
    look_again: Arc<Notify>,
) {
    if cluster.asked().is_none() || !(ask.workloads || ask.images) {
        said.send_replace(Some(ClusterPart::default()));
        return std::future::pending().await;
    }
    if cluster.asked() == Some(Service::Engine) {
        watch_swarm(&cluster, ask, &mut seen, &mut told, &said, &look_again).await;
    } else {
        watch_kubernetes(&cluster, ask, &mut seen, &said, &look_again).await;
    }
}

/// Tells what the cluster says, if that is something else than before.
fn tell(said: &watch::Sender<Option<ClusterPart>>, part: ClusterPart) {
    said.send_if_modified(|before| {
        let is_new = before.as_ref() != Some(&part);
        *before = Some(part);
        is_new
    });
}

/// The machines as last seen, or as they were remembered.
fn machines_of(cluster: &Cluster, seen: &watch::Receiver<Option<Seen>>) -> Vec<Machine> {
    let seen = seen.borrow();
    let sight = seen.as_ref().and_then(|seen| seen.sight.as_ref());
    sight.map_or_else(|| cluster.record.machines.clone(), |sight| sight.found.clone())
}

async fn watch_swarm(
    cluster: &Cluster,
    ask: Ask,
    seen: &mut watch::Receiver<Option<Seen>>,
    told: &mut watch::Receiver<()>,
    said: &watch::Sender<Option<ClusterPart>>,
    look_again: &Notify,
) {
    let mut leader: Option<Machine> = None;
    let mut echoes = ECHOES.iter();
    loop {
        let machines = machines_of(cluster, seen);
        let part = ask_swarm(cluster, ask, &machines, &mut leader).await;
        let is_settled = part.is_settled();
        let is_known = leader.is_some();
        tell(said, part);
        if !is_known {
            look_again.notify_one();
        }
        let pause = match (is_known, echoes.next()) {
            (false, _) => AGAIN,
            (true, Some(echo)) => Duration::from_millis(*echo),
            (true, None) if is_settled => SETTLED,
            (true, None) => UNSETTLED,
        };
        select! {
            () = sleep(pause) => {}
            changed = told.changed() => {
                if changed.is_err() { return }
                echoes = ECHOES.iter();
                sleep(TOGETHER).await;
            }
            changed = seen.changed() => if changed.is_err() { return },
        }
    }
}

/// Asks the manager that answered the last time; all of them if it does not answer, or hears too few of the others.
async fn ask_swarm(
    cluster: &Cluster,
    ask: Ask,
    machines: &[Machine],
    leader: &mut Option<Machine>,
) -> ClusterPart {
    let managers: Vec<&Machine> = leaders(cluster, machines).collect();
    if let Some(last) = leader.take().filter(|last| managers.iter().any(|m| m.id == last.id)) {
        let end = Instant::now() + stretch(ANSWERED);
        if let Ok(view) = swarm(cluster, &last, ask, end).await
            && view.hears_majority()
        {
            *leader = Some(last);
            return ClusterPart::of_swarm(Ok(view), ask);
        }
    }
    let end = Instant::now() + stretch(PATIENCE);
    match cluster::ask_managers(cluster, &managers, ask, end).await {
        Ok((machine, view)) => {
            *leader = Some(machine);
            ClusterPart::of_swarm(Ok(view), ask)
        }
        Err(error) => ClusterPart::of_swarm(Err(error), ask),
    }
}

/// Passes on that an engine tells of something, as long as the machine is there.
async fn listen(cluster: Cluster, machine: Machine, told: Arc<watch::Sender<()>>) {
    loop {
        if let Ok(engine) = engine(&cluster, &machine).await {
            let mut events = engine.events();
            while let Some(Ok(())) = events.next().await {
                told.send_replace(());
            }
        }
        sleep(AGAIN).await;
    }
}

async fn watch_kubernetes(
    cluster: &Cluster,
    ask: Ask,
    seen: &mut watch::Receiver<Option<Seen>>,
    said: &watch::Sender<Option<ClusterPart>>,
    look_again: &Notify,
) {
    let (mut turn, mut silent) = (0, 0);
    loop {
        let machines = machines_of(cluster, seen);
        let leaders: Vec<&Machine> = leaders(cluster, &machines).collect();
        let mut heard = false;
        let error = if leaders.is_empty() {
            "no control plane is running".to_owned()
        } else {
            let machine = leaders[turn % leaders.len()];
            follow(cluster, ask, machine, seen, said, &mut heard).await
        };
        turn += 1;
        silent = if heard { 1 } else { silent + 1 };
        look_again.notify_one();
        if silent >= leaders.len() {
            // Nobody of them tells anything.
            tell(said, ClusterPart::of_kubernetes(Err(error), ask));
            sleep(AGAIN).await;
        }
        if seen.has_changed().is_err() {
            return;
        }
    }
}

/// Tells what one API server tells, until it does so no more; returns why.
async fn follow(
    cluster: &Cluster,
    ask: Ask,
    machine: &Machine,
    seen: &mut watch::Receiver<Option<Seen>>,
    said: &watch::Sender<Option<ClusterPart>>,
    heard: &mut bool,
) -> String {
    let mut watching = match api_server(cluster, machine).await {
        Ok(server) => server.watch(ask.extras),
        Err(error) => return error,
    };
    let first = async { watching.changed().await.map_err(|e| chain(&e)) };
    if let Err(error) = in_time(Instant::now() + stretch(PATIENCE), first).await {
        return error;
    }
    loop {
        if let Err(error) = settle(&mut watching).await {
            return error;
        }
        *heard = true;
        tell(said, ClusterPart::of_kubernetes(Ok(watching.view()), ask));
        loop {
            select! {
                changed = watching.changed() => match changed {
                    Ok(()) => break,
                    Err(error) => return chain(&error),
                },
                changed = seen.changed() => {
                    if changed.is_err() {
                        return "the cluster is gone".to_owned();
                    }
                    if let Some(error) = silent(machine, seen) {
                        return error;
                    }
                }
            }
        }
    }
}

/// Waits for what comes together with what has just been told.
async fn settle(watching: &mut Watching) -> Result<(), String> {
    let pause = sleep(TOGETHER);
    tokio::pin!(pause);
    loop {
        select! {
            () = &mut pause => return Ok(()),
            changed = watching.changed() => changed.map_err(|e| chain(&e))?,
        }
    }
}

/// Why a machine that was last heard cannot be heard any more, if it is so: a connection to it may look alive for
/// a while.
fn silent(machine: &Machine, seen: &watch::Receiver<Option<Seen>>) -> Option<String> {
    let seen = seen.borrow();
    let items = seen.as_ref()?.part.machines.items.as_ref()?;
    match items.iter().find(|facts| facts.name == machine.id.name) {
        None => Some("gone".to_owned()),
        Some(facts) if !facts.is_on() => Some(facts.error.clone().unwrap_or_default()),
        Some(facts) => facts.api.as_ref().and_then(|api| api.error.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_otherwise_is_told() {
        let (said, mut heard) = watch::channel(None);
        let silent = || ClusterPart::of_swarm(Err("no leader".to_owned()), Ask::ALL);
        tell(&said, silent());
        assert!(heard.has_changed().unwrap());
        heard.mark_unchanged();
        tell(&said, silent());
        assert!(!heard.has_changed().unwrap());
        tell(&said, ClusterPart::of_swarm(Err("no answer".to_owned()), Ask::ALL));
        assert!(heard.has_changed().unwrap());
    }
}
