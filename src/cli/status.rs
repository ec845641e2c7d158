//! `dojo status` and `dojo doctor`: what is, and what to do about it.

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{Dollars, Finding, Level, MachineName, Service};
use crate::workflow::{self, ClusterStatus};

use super::args::{DataFormat, Doctor, Status};
use super::error::Error;
use super::services::{Context, DEFAULT_CLUSTER};
use super::{costs, lifetime, output};

/// One cluster, as `dojo status -o json` prints it.
#[derive(Debug, Serialize)]
struct View {
    name: String,
    orchestrator: String,
    healthy: bool,
    /// When the first of its machines ends itself
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    /// What its machines have cost by now at the most, in US dollars
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Dollars>,
    machines: Vec<MachineView>,
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

pub(super) async fn run(context: &Context, args: Status) -> Result<ExitCode, Error> {
    let name = context.cluster(args.name)?;
    let record = context.record(&name)?;
    let services = context.services(&record.spec).await?;
    let status = workflow::status(&services, &name).await?;
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
            for machine in &view.machines {
                if let Some(problem) = machine.problem.as_ref().filter(|p| **p != machine.state) {
                    output::line(&format!("! {}: {problem}", machine.name))?;
                }
            }
            // That it cannot be asked is told by the machines already.
            let findings = services.driver.check().await.unwrap_or_default();
            for finding in findings.iter().filter(|f| f.level != Level::Ok) {
                output::line(&format!("! {finding}"))?;
            }
        }
    }
    Ok(if view.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
            state: match (m.exists, m.lost) {
                (true, _) => m.machine.state.to_string(),
                (false, true) => "not found".to_owned(),
                (false, false) => "gone".to_owned(),
            },
            address: m.machine.private_ip.to_string(),
            engine: endpoint(Service::Engine, "tcp"),
            api: endpoint(Service::Api, "https"),
            version: health.map(|h| h.version.clone()),
            node: health.and_then(|h| h.member.clone()),
            problem: m.health.as_ref().err().cloned(),
        }
    });
    let there = || status.machines.iter().filter(|m| m.exists).map(|m| &m.machine);
    View {
        name: status.record.spec.name.to_string(),
        orchestrator: orchestrator.to_string(),
        healthy: status.healthy(),
        expires: lifetime::first_end(there()),
        cost: costs::so_far(there()),
        machines: machines.collect(),
    }
}

fn table(view: &View) -> Vec<Vec<String>> {
    let kubernetes = view.orchestrator == "kubernetes";
    let (endpoint, version) = if kubernetes { ("API", "KUBELET") } else { ("ENGINE", "DOCKER") };
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
            dash(if kubernetes { &m.api } else { &m.engine }),
            dash(&m.version),
            node,
        ]
    }));
    rows
}

pub(super) async fn doctor(context: &Context, args: Doctor) -> Result<ExitCode, Error> {
    let spec = args.place.spec(DEFAULT_CLUSTER.parse()?)?;
    let services = context.services_anywhere(&spec).await?;
    let findings = services.driver.check().await?;
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
