//! `dojo status MACHINE`: one machine in detail.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{
    ClusterName, Dollars, DriverName, Machine, MachineId, MachineName, Role, Service,
};
use crate::observe::{Ask, Facts, Part};
use crate::remote::{ContainerFact, Extra, Extras, NodeHealth, PodStatus};
use crate::workflow::{self, MachineStatus};

use super::answer::{due, in_time};
use super::args::DataFormat;
use super::error::{About as _, Error};
use super::services::Context;
use super::{costs, lifetime, output};

/// One machine, as `dojo status MACHINE -o json` prints it. What it has not, and what is not known, is absent.
#[derive(Debug, Serialize)]
struct View {
    name: MachineName,
    cluster: ClusterName,
    role: Role,
    healthy: bool,
    state: String,
    /// Why it is not as it should be
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    driver: DriverName,
    /// What its driver calls it
    handle: String,
    /// Its address among its peers
    address: String,
    /// Where its services listen, seen from this computer
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<String>,
    /// Of its engine, or of its kubelet
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// What its cluster believes of it
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Dollars>,
    /// Containers, or pods of Kubernetes
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Vec<Run>>,
}

/// A container or a pod.
#[derive(Debug, Serialize)]
struct Run {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

pub(super) async fn run(
    context: &Context,
    cluster: &ClusterName,
    name: MachineName,
    format: DataFormat,
) -> Result<ExitCode, Error> {
    let record = context.record(cluster)?;
    let unknown = || workflow::Error::UnknownMachine { cluster: cluster.clone(), machine: name };
    // Those that the cluster is to have may be gone, or not be made yet.
    if !record.machines.iter().any(|machine| machine.id.name == name) {
        return Err(unknown().into());
    }
    let patience = due() - Duration::from_millis(300);
    let ask = async {
        let services = context.services(&record.spec).await?;
        let extras = Extras::of(&[Extra::Containers]);
        let wanted = Ask { workloads: true, extras, ..Ask::default() };
        let status = workflow::status_asking(&services, cluster, wanted, patience).await;
        status.about(cluster)
    };
    let status = in_time(&record.spec.located(&record.places), ask).await?;
    let found = status.machines.iter().find(|m| m.machine.id.name == name).ok_or_else(unknown)?;
    let healthy = found.healthy(status.record.spec.orchestrator);
    let view = view(found, healthy, &status.facts);
    match format {
        DataFormat::Json => output::json(&view)?,
        DataFormat::Table => print(&view)?,
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn view(status: &MachineStatus, healthy: bool, facts: &Facts) -> View {
    let machine = &status.machine;
    let MachineId { cluster, name } = machine.id.clone();
    let health = status.health.as_ref().ok();
    let at = |service, scheme: &str| {
        let endpoint = machine.endpoint(service).ok().filter(|_| status.exists)?;
        Some(format!("{scheme}{endpoint}"))
    };
    View {
        name,
        cluster,
        role: name.role,
        healthy,
        state: state(status),
        problem: status.health.as_ref().err().cloned(),
        driver: machine.driver.clone(),
        handle: machine.handle.clone(),
        address: machine.private_ip.to_string(),
        ssh: at(Service::Ssh, ""),
        engine: at(Service::Engine, "tcp://"),
        api: at(Service::Api, "https://"),
        version: health.map(|h| h.version.clone()),
        node: health.and_then(|h| node(machine, h)),
        expires: machine.expires,
        cost: costs::so_far([machine]),
        runs: runs(name, facts),
    }
}

/// What a machine does, or whether it is there at all.
pub(super) fn state(status: &MachineStatus) -> String {
    match (status.exists, status.lost) {
        (true, _) => status.machine.state.to_string(),
        (false, true) => "not found".to_owned(),
        (false, false) => "gone".to_owned(),
    }
}

/// Its state as a member, and what it lacks as a manager.
pub(super) fn node(machine: &Machine, health: &NodeHealth) -> Option<String> {
    let member = health.member.clone()?;
    let is_meant = machine.id.name.role == Role::Manager;
    Some(match health.manager {
        None if is_meant => format!("{member}, not a manager"),
        Some(manager) if !manager.sees_leader => format!("{member}, no leader"),
        _ => member,
    })
}

/// What runs on a machine, if anybody could tell: its engine, or its cluster.
fn runs(name: MachineName, facts: &Facts) -> Option<Vec<Run>> {
    let machine = facts.machines.iter().find(|machine| machine.name == name)?;
    if let Some(containers) = &machine.containers {
        let run = |container: &ContainerFact| Run {
            name: container.name.clone(),
            image: container.image.clone(),
            state: container.state.clone(),
        };
        return Some(containers.items.as_ref()?.iter().map(run).collect());
    }
    let pods = facts.pods.as_ref()?;
    pods.items.as_ref()?;
    let node = name.to_string();
    let here = Part::iter(pods).filter(|pod| pod.node_name.as_ref() == Some(&node));
    let run = |pod: &PodStatus| Run {
        name: format!("{}/{}", pod.namespace, pod.name),
        image: None,
        state: pod.phase.clone(),
    };
    Some(here.map(run).collect())
}

fn print(view: &View) -> Result<(), Error> {
    let line = |key: &str, value: &str| vec![key.to_owned(), value.to_owned()];
    let mut rows = vec![
        line("machine", &format!("{}/{}", view.cluster, view.name)),
        line("role", view.role.as_str()),
        line("state", &view.state),
    ];
    if let Some(problem) = view.problem.as_ref().filter(|problem| **problem != view.state) {
        rows.push(line("problem", problem));
    }
    rows.push(line("driver", &format!("{} ({})", view.driver, view.handle)));
    rows.push(line("address", &view.address));
    let version = if view.engine.is_some() { "docker" } else { "kubelet" };
    for (key, value) in [
        ("ssh", &view.ssh),
        ("engine", &view.engine),
        ("api", &view.api),
        (version, &view.version),
        ("node", &view.node),
    ] {
        rows.extend(value.as_ref().map(|value| line(key, value)));
    }
    rows.extend(
        view.expires
            .map(|end| line("ends itself", &format!("in {}, at {end:.0}", lifetime::left(end)))),
    );
    rows.extend(view.cost.map(|cost| line("cost", &format!("about {cost} so far"))));
    match view.runs.as_deref() {
        None => {}
        Some([]) => rows.push(line("runs", "nothing")),
        Some(runs) => {
            for (index, run) in runs.iter().enumerate() {
                let words = [Some(&run.name), run.image.as_ref(), run.state.as_ref()];
                let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
                rows.push(line(if index == 0 { "runs" } else { "" }, &words.join("  ")));
            }
        }
    }
    output::table(&rows)
}
