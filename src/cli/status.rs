//! `dojo status` and `dojo doctor`: what is, and what to do about it.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::timeout_at;

use crate::kind;
use crate::kind::Majority;
use crate::model::{ClusterName, Dollars, Finding, Level, Machine, MachineName, Role, Service};
use crate::observe::{Ask, NodeFacts, Part};
use crate::remote::{PodStatus, SwarmService, Workload};
use crate::workflow::{self, ClusterStatus, Services};

use super::answer::{due, found_in_time, in_time};
use super::args::{DataFormat, Doctor, Status};
use super::error::{About as _, Error};
use super::services::{Context, DEFAULT_CLUSTER};
use super::status_of_machine::{node, state};
use super::{costs, lifetime, output, status_of_machine};

/// One cluster, as `dojo status -o json` prints it.
#[derive(Debug, Serialize)]
struct View {
    name: String,
    orchestrator: String,
    /// What it is reached by
    #[serde(skip)]
    service: Service,
    healthy: bool,
    /// What is wrong with the cluster as a whole
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Those that decide for the cluster, where there are several
    #[serde(skip_serializing_if = "Option::is_none")]
    majority: Option<MajorityView>,
    /// When the first of its machines ends itself
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    /// What its machines have cost by now at the most, in US dollars
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Dollars>,
    /// The machine on which a watch was installed
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<MachineName>,
    machines: Vec<MachineView>,
    /// What the cluster says of itself, each part with the error that kept it from being known; absent where such a
    /// cluster has no such thing
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Part<NodeFacts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<Part<SwarmService>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workloads: Option<Part<Workload>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Part<PodStatus>>,
}

#[derive(Debug, Serialize)]
struct MajorityView {
    role: String,
    /// How many of them answer, or are on
    on: usize,
    of: usize,
    holds: bool,
}

#[derive(Debug, Serialize)]
struct MachineView {
    name: MachineName,
    healthy: bool,
    state: String,
    address: String,
    /// Where the Docker engine listens
    engine: Option<String>,
    /// Where the Kubernetes API listens
    api: Option<String>,
    version: Option<String>,
    node: Option<String>,
    problem: Option<String>,
}

/// What is asked for: a cluster, or one of its machines.
fn asked(
    context: &Context,
    name: Option<&str>,
    machine: Option<MachineName>,
) -> Result<(ClusterName, Option<MachineName>), Error> {
    match (name, machine) {
        (Some(name), Some(machine)) => Ok((name.parse()?, Some(machine))),
        (name, _) => context.meant(name),
    }
}

pub(super) async fn run(context: &Context, args: Status) -> Result<ExitCode, Error> {
    let (name, machine) = asked(context, args.name.as_deref(), args.machine)?;
    if let Some(machine) = machine {
        return status_of_machine::run(context, &name, machine, args.output).await;
    }
    let record = context.record(&name)?;
    let end = due();
    // Machines that do not answer must not cost the answer of those that do.
    let patience = end - Duration::from_millis(300);
    let ask = async {
        let services = context.services(&record.spec).await?;
        let wanted = Ask { workloads: args.output == DataFormat::Json, ..Ask::default() };
        let status = workflow::status_asking(&services, &name, wanted, patience).await;
        let status = status.about(&name)?;
        Ok((services, status))
    };
    let (services, status) = in_time(&record.spec.located(&record.places), ask).await?;
    if !status.healthy() {
        let mended = timeout_at(end, mend(&services, &status)).await;
        context.tell_mended(&name, mended.unwrap_or(Ok(None)));
    }
    let view = view(&status);
    match args.output {
        DataFormat::Json => output::json(&view)?,
        DataFormat::Table => {
            output::table(&table(&view))?;
            if let Some(end) = view.expires {
                let left = lifetime::left(end);
                output::line(&format!("machines end themselves in {left}, at {end:.0}"))?;
            }
            if let Some(cost) = view.cost {
                output::line(&format!("machines have cost about {cost} so far"))?;
            }
            if let Some(machine) = view.watch {
                output::line(&format!(
                    "watched on {machine}: dojo logs {name} -m {machine} -u clusterdojo-watch"
                ))?;
            }
            if let Some(text) = status.majority.and_then(|majority| tell(&majority)) {
                output::line(&format!("! {text}"))?;
            }
            for machine in &view.machines {
                if let Some(problem) = machine.problem.as_ref().filter(|p| **p != machine.state) {
                    output::line(&format!("! {}: {problem}", machine.name))?;
                }
            }
            if workflow::watch_is_outdated(&context.home, &status.record) {
                output::line(&format!(
                    "! the watch knows {name} as it was before: `dojo watch {name} --install` again replaces it"
                ))?;
            }
            // That it cannot be asked is told by the machines already.
            let findings = timeout_at(end, services.driver.check()).await;
            let findings = findings.unwrap_or(Ok(Vec::new())).unwrap_or_default();
            for finding in findings.iter().filter(|f| f.level != Level::Ok) {
                output::line(&format!("! {finding}"))?;
            }
        }
    }
    Ok(if view.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has the context of a cluster lead to a machine that answers.
async fn mend(
    services: &Services,
    status: &ClusterStatus,
) -> Result<Option<MachineName>, workflow::Error> {
    let name = &status.record.spec.name;
    let directory = services.home.directory(name);
    let lives = async |machine: &Machine| {
        let found = status.machines.iter().find(|m| m.machine.id == machine.id);
        match kind::of(machine.orchestrator).service() {
            // They have just been asked.
            Service::Engine => {
                found.is_some_and(|m| m.health.as_ref().is_ok_and(|h| h.manager.is_some()))
            }
            _ => workflow::answers(&*services.dialer, &directory, machine).await,
        }
    };
    workflow::mend_context(services, name, lives).await
}

fn view(status: &ClusterStatus) -> View {
    let orchestrator = status.record.spec.orchestrator;
    let machines = status.machines.iter().map(|m| {
        let health = m.health.as_ref().ok();
        let endpoint = |service, scheme: &str| {
            let endpoint = m.machine.endpoints.get(&service).filter(|_| m.exists)?;
            Some(format!("{scheme}://{endpoint}"))
        };
        MachineView {
            name: m.machine.id.name,
            healthy: m.healthy(orchestrator),
            state: state(m),
            address: m.machine.private_ip.to_string(),
            engine: endpoint(Service::Engine, "tcp"),
            api: endpoint(Service::Api, "https"),
            version: health.map(|h| h.version.clone()),
            node: health.and_then(|h| node(&m.machine, h)),
            problem: m.health.as_ref().err().cloned(),
        }
    });
    let there = || status.machines.iter().filter(|m| m.exists).map(|m| &m.machine);
    View {
        name: status.record.spec.name.to_string(),
        orchestrator: orchestrator.to_string(),
        service: kind::of(orchestrator).service(),
        healthy: status.healthy(),
        problem: status.majority.filter(|majority| !majority.holds).map(|m| no_majority(&m)),
        majority: status.majority.map(|Majority { role, on, of, holds }| MajorityView {
            role: role.to_string(),
            on,
            of,
            holds,
        }),
        expires: lifetime::first_end(there()),
        cost: costs::so_far(there()),
        watch: status.record.installed_watch().map(|watch| watch.machine),
        machines: machines.collect(),
        nodes: status.facts.nodes.clone(),
        services: status.facts.services.clone(),
        workloads: status.facts.workloads.clone(),
        pods: status.facts.pods.clone(),
    }
}

/// What is to be said of those that decide; nothing if all of them are there.
fn tell(majority: &Majority) -> Option<String> {
    let Majority { role, on, of, holds } = *majority;
    let are = if role == Role::Manager { "answer" } else { "are on" };
    if !holds {
        return Some(format!(
            "{}: the cluster accepts no changes until there is one",
            no_majority(majority)
        ));
    }
    let spare = match majority.spare() {
        0 => "no more".to_owned(),
        spare => format!("{spare} more"),
    };
    (on < of).then(|| format!("{on} of {of} {} {are}: {spare} may fail", plural(role)))
}

fn no_majority(majority: &Majority) -> String {
    let Majority { role, on, of, .. } = *majority;
    if 2 * on > of {
        return format!("no leader: {on} of {of} {} answer", plural(role));
    }
    format!("no majority: {on} of {of} {}", plural(role))
}

fn plural(role: Role) -> String {
    format!("{}s", role.as_str().replace('-', " "))
}

fn table(view: &View) -> Vec<Vec<String>> {
    let has_api = view.service == Service::Api;
    let (endpoint, version) = if has_api { ("API", "KUBELET") } else { ("ENGINE", "DOCKER") };
    let header = ["MACHINE", "STATE", "ADDRESS", endpoint, version, "NODE"];
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(view.machines.iter().map(|m| {
        let node = match &m.problem {
            Some(_) if m.state == "running" => "no answer".to_owned(),
            _ => dash(&m.node),
        };
        vec![
            m.name.to_string(),
            m.state.clone(),
            m.address.clone(),
            dash(if has_api { &m.api } else { &m.engine }),
            dash(&m.version),
            node,
        ]
    }));
    rows
}

pub(super) async fn doctor(context: &Context, args: Doctor) -> Result<ExitCode, Error> {
    let spec = args.place.spec(DEFAULT_CLUSTER.parse()?)?;
    let ask = async {
        let services = context.services_anywhere(&spec).await?;
        Ok(services.driver.check().await?)
    };
    let findings = found_in_time(&spec, ask).await?;
    match args.output {
        DataFormat::Json => output::json(&findings)?,
        DataFormat::Table => {
            for finding in &findings {
                output::line(&describe(finding))?;
            }
        }
    }
    let problem = findings.iter().any(|f| f.level == Level::Problem);
    Ok(if problem { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

fn describe(finding: &Finding) -> String {
    let mark = match finding.level {
        Level::Ok => "ok  ",
        Level::Warning => "warn",
        Level::Problem => "FAIL",
    };
    let line = format!("{mark}  {}: {}", finding.subject, finding.detail);
    match &finding.fix {
        Some(fix) => format!("{line}\n      → {fix}"),
        None => line,
    }
}
