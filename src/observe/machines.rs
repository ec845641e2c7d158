//! How machines are: what their driver says, whether one can log in, and whether what listens on them answers.

use futures_util::future::{join, join_all, join3};
use tokio::time::Instant;

use crate::driver::Driver;
use crate::event::chain;
use crate::model::{Machine, MachineName, MachineState, Service, SshFiles};

use super::cluster::{Nodes, engine, nodes};
use super::facts::{ApiFacts, EngineFacts, MachineFacts, NodeFacts, Part};
use super::sight::{Lost, Sight};
use super::{Ask, Cluster, PATIENCE, in_time};

/// What was learnt of machines.
#[derive(Debug, Clone)]
pub(super) struct MachinesPart {
    pub(super) machines: Part<MachineFacts>,
    /// The nodes of Kubernetes, which everyone was asked for to see whether they answer.
    pub(super) nodes: Option<Part<NodeFacts>>,
}

impl MachinesPart {
    /// The driver does not answer.
    pub(super) fn unknown(cluster: &Cluster, error: String) -> Self {
        let kubernetes = cluster.asked() == Some(Service::Api);
        let nodes = kubernetes.then(|| Err(error.clone()).into());
        Self { machines: Err(error).into(), nodes }
    }
}

/// Looks at the machines of a cluster, all at once.
pub(super) async fn look(cluster: &Cluster, sight: &Sight, ask: Ask, end: Instant) -> MachinesPart {
    let missing = missing(cluster, sight, end);
    let nodes = async {
        if cluster.asked() != Some(Service::Api) {
            return None;
        }
        let kubeconfig = cluster.directory().join("kubeconfig");
        Some(nodes(&*cluster.driver, &sight.found, &kubeconfig, end).await)
    };
    let there = join_all(sight.found.iter().map(|machine| there(cluster, machine, ask, end)));
    let (missing, nodes, mut there) = join3(missing, nodes, there).await;
    for facts in &mut there {
        facts.api = nodes.as_ref().and_then(|nodes| api(facts.name, nodes));
    }
    let mut machines = [there, missing].concat();
    machines.sort_by_key(|facts| facts.name);
    let nodes = nodes.map(|nodes| {
        let list = nodes.list.map(|list| list.into_iter().map(NodeFacts::from).collect());
        Part::from(list)
    });
    MachinesPart { machines: Ok(machines).into(), nodes }
}

fn api(name: MachineName, nodes: &Nodes) -> Option<ApiFacts> {
    let (_, error) = nodes.answers.iter().find(|(asked, _)| *asked == name)?;
    Some(ApiFacts { answers: error.is_none(), error: error.clone() })
}

fn facts(machine: &Machine) -> MachineFacts {
    MachineFacts {
        name: machine.id.name,
        role: machine.id.name.role,
        driver: machine.driver.clone(),
        exists: Some(true),
        state: Some(machine.state),
        address: machine.private_ip,
        reachable: None,
        error: None,
        engine: None,
        api: None,
        images: None,
        containers: None,
    }
}

/// A machine that its driver knows.
async fn there(cluster: &Cluster, machine: &Machine, ask: Ask, end: Instant) -> MachineFacts {
    let mut facts = facts(machine);
    let listens = machine.orchestrator.services(machine.id.name.role);
    if machine.state != MachineState::Running {
        let state = machine.state.to_string();
        if listens.contains(&Service::Engine) {
            facts.engine = Some(EngineFacts::of(Err(state.clone())));
        }
        facts.error = Some(state);
        return facts;
    }
    let asked = async {
        if !listens.contains(&Service::Engine) {
            return None;
        }
        let health = async {
            let engine = engine(cluster, machine).await?;
            let health = engine.health().await.map_err(|e| chain(&*e))?;
            Ok((engine, health))
        };
        Some(match in_time(end, health).await {
            Ok((engine, health)) if ask.images => {
                let images = async { engine.images().await.map_err(|e| chain(&*e)) };
                (Ok(health), Some(in_time(end, images).await))
            }
            Ok((_, health)) => (Ok(health), None),
            Err(error) => (Err(error.clone()), ask.images.then_some(Err(error))),
        })
    };
    let (asked, silence) = join(asked, silence(cluster, machine, end)).await;
    if let Some((health, images)) = asked {
        facts.engine = Some(EngineFacts::of(health));
        facts.images = images.map(Part::from);
    }
    facts.reachable = Some(silence.is_none());
    facts.error = silence;
    facts
}

/// Machines that their driver does not know.
async fn missing(cluster: &Cluster, sight: &Sight, end: Instant) -> Vec<MachineFacts> {
    if sight.missing.is_empty() {
        return Vec::new();
    }
    let driver = &*cluster.driver;
    // Those that nothing says of that they are gone.
    let ask = async { sight.unsure(driver, &cluster.record).await.map_err(|e| chain(&e)) };
    let unsure = in_time(end, ask).await.ok().flatten();
    let of = sight.missing.iter().map(|machine| {
        let lost = unsure.as_ref().filter(|lost| lost.machines.contains(&machine.id.name));
        let mut facts = MachineFacts { state: None, exists: Some(false), ..facts(machine) };
        let listens = machine.orchestrator.services(machine.id.name.role);
        async move {
            let why = match lost.map(Lost::where_and_why) {
                Some(why) => {
                    facts.exists = None;
                    why
                }
                None => termination_reason(driver, machine, end).await,
            };
            if listens.contains(&Service::Engine) {
                facts.engine = Some(EngineFacts::of(Err(why.clone())));
            }
            facts.error = Some(why);
            facts
        }
    });
    join_all(of).await
}

/// What has become of a machine that its driver no longer lists.
async fn termination_reason(driver: &dyn Driver, machine: &Machine, end: Instant) -> String {
    let ask = async { driver.termination_reason(machine).await.map_err(|e| chain(&e)) };
    in_time(end, ask).await.ok().flatten().unwrap_or_else(|| "gone".to_owned())
}

/// Why one cannot log in to a machine that runs, if that is so; where the driver sees the reason, it is told.
async fn silence(cluster: &Cluster, machine: &Machine, end: Instant) -> Option<String> {
    let files = SshFiles::in_directory(&cluster.directory().join("ssh"));
    // Before all have to have answered, so that what was seen can be told.
    let greet = cluster.dialer.greet(machine, &files, PATIENCE * 5 / 6);
    match in_time(end, async { Ok(greet.await) }).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) if error.is_slow_login() => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(late) => Some(late),
    }
}
