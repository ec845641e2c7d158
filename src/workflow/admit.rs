//! What `up` refuses, before the first side effect.

use futures_util::try_join;

use crate::driver::registry;
use crate::event::Progress;
use crate::kind::{self, engines};
use crate::model::{Level, Machine, Role};
use crate::plan::Plan;
use crate::provision::Install;
use crate::spec::ClusterSpec;
use crate::store::Record;

use super::contexts;
use super::error::Error;
use super::lost::{look, ours};
use super::machines;
use super::owner::refuse_other_home;
use super::place::{note, refuse_other_place};
use super::services::Services;
use super::state::{self, Look, refuse_lost};

/// What `up` may begin with.
pub(super) struct Admitted {
    /// The way from what there is to what was asked for.
    pub(super) plan: Plan,
    /// The machines that exist.
    pub(super) existing: Vec<Machine>,
    /// What goes on them.
    pub(super) install: Box<dyn Install>,
    /// The record as it is, or the first one.
    pub(super) record: Record,
    /// Whether nothing of the cluster was recorded before.
    pub(super) is_new: bool,
}

/// Refuses whatever can be refused before the first side effect, for `up` and for its dry run alike. `shrinks` says
/// that it was agreed that machines go.
pub(super) async fn admit_all(
    services: &Services,
    spec: &ClusterSpec,
    recorded: Option<&Record>,
    shrinks: bool,
    closely: Look,
    progress: &Progress,
) -> Result<Admitted, Error> {
    let places = async { Ok(services.driver.places().await?) };
    let admitted = admit(services, spec, recorded, shrinks, closely);
    let ((plan, existing), places) = try_join!(admitted, places)?;
    if let Some(record) = recorded {
        state::tell_of_gone(record, &existing, &plan, progress);
    }
    let mut record = recorded.cloned().unwrap_or_else(|| Record::new(spec.clone()));
    refuse_other_place(&record, &existing, &places)?;
    note(services, &mut record, places);
    contexts::check(services, spec, &record)?;
    let makes_machines = !plan.create.is_empty();
    if makes_machines {
        check_surroundings(services, progress).await?;
    }
    let install = machines::install(spec, !makes_machines)?;
    machines::admit_release(spec, &*install, progress)?;
    if recorded.is_some() {
        refuse_other_release(&record, &*install)?;
    }
    if makes_machines {
        machines::check_architecture(services, &*install).await?;
    }
    Ok(Admitted { plan, existing, install, record, is_new: recorded.is_none() })
}

/// Checks that a spec can be reached from what there is, without taking anything away unless
/// that was agreed; returns the way there, and the machines that exist.
async fn admit(
    services: &Services,
    spec: &ClusterSpec,
    recorded: Option<&Record>,
    shrinks: bool,
    closely: Look,
) -> Result<(Plan, Vec<Machine>), Error> {
    let cluster = &spec.name;
    let has_engines = kind::of(spec.orchestrator).has_engines();
    let (existing, others) = match recorded {
        Some(record) => {
            let sight = look(services, record).await?;
            // What is made anew while the old one is somewhere else, is there twice.
            sight.refuse_unsure(services, record).await?;
            (sight.found, sight.others)
        }
        None => ours(services, cluster, None).await?,
    };
    if !others.is_empty() {
        refuse_other_home(services, cluster, &others)?;
        let machines = others.iter().map(|m| m.id.name).collect();
        return Err(Error::NoRecord { cluster: cluster.clone(), machines });
    }
    let mut plan = Plan::new(spec, &existing);
    if let Some(record) = recorded {
        refuse_other_kind(spec, &record.spec)?;
        refuse_lost(services, record, &existing, closely).await?;
        if has_engines {
            let settings = record.spec.engine.restarts_for(&spec.engine);
            let pki = services.home.directory(cluster).join("pki");
            let certificate = |machine: &Machine| engines::is_due(&pki, machine);
            plan = plan.with_restarts(|name| {
                settings || existing.iter().any(|m| m.id.name == name && certificate(m))
            });
        }
        refuse_changes(spec, &record.spec, &plan)?;
    }
    if !plan.surplus.is_empty() && !shrinks {
        return Err(Error::Surplus { cluster: cluster.clone(), plan: Box::new(plan) });
    }
    Ok((plan, existing))
}

fn refuse_other_kind(spec: &ClusterSpec, recorded: &ClusterSpec) -> Result<(), Error> {
    if recorded.orchestrator == spec.orchestrator {
        return Ok(());
    }
    Err(Error::OtherKind {
        cluster: spec.name.clone(),
        exists: kind::of(recorded.orchestrator).noun().to_owned(),
        wanted: kind::of(spec.orchestrator).noun().to_owned(),
    })
}

/// What a machine is given at birth stays with it; a wish to change it must not pass for done.
fn refuse_changes(spec: &ClusterSpec, recorded: &ClusterSpec, plan: &Plan) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::Unchangeable { cluster: spec.name.clone(), what });
    let exists = |name| plan.keep.contains(&name) || plan.start.contains(&name);
    let before = recorded.machines();
    for machine in spec.machines().into_iter().filter(|m| exists(m.name)) {
        let Some(old) = before.iter().find(|m| m.name == machine.name) else { continue };
        if old.driver != machine.driver {
            return refuse(format!("the driver of machine `{}`", machine.name));
        }
        if old.size != machine.size {
            return refuse(format!("the limits of machine `{}`", machine.name));
        }
        if old.ports != machine.ports {
            return refuse(format!("the ports of machine `{}`", machine.name));
        }
    }
    let any_exists = !(plan.keep.is_empty() && plan.start.is_empty());
    if any_exists {
        for kind in registry::inside() {
            let driver = kind.name();
            let (then, now) = (recorded.sections.of(&driver), spec.sections.of(&driver));
            if let Some(what) = kind.changed(then, now) {
                return refuse(what.to_owned());
            }
        }
        refuse_resizing(spec, recorded)?;
        // These stand in the cluster's certificates and in its own configuration.
        let (now, then) = (&spec.kubernetes, &recorded.kubernetes);
        for (what, same) in [
            ("the pod subnet", now.pod_subnet == then.pod_subnet),
            ("the service subnet", now.service_subnet == then.service_subnet),
            ("the pod network", now.cni == then.cni),
        ] {
            if !same {
                return refuse(what.to_owned());
            }
        }
    }
    Ok(())
}

/// With one control plane the members of a Kubernetes cluster know the API by its address, and with
/// several by that of the load balancer; it stands in every kubelet's configuration and in certificates.
pub(super) fn refuse_resizing(spec: &ClusterSpec, recorded: &ClusterSpec) -> Result<(), Error> {
    if recorded.count(Role::ControlPlane) == spec.count(Role::ControlPlane) {
        return Ok(());
    }
    let what = "the number of its control planes".to_owned();
    Err(Error::Unchangeable { cluster: spec.name.clone(), what })
}

/// What the nodes of a cluster run is not replaced under their pods.
fn refuse_other_release(record: &Record, install: &dyn Install) -> Result<(), Error> {
    let (Some(exists), Some(wanted)) = (record.release, install.version()) else {
        return Ok(());
    };
    if wanted.admits(exists) {
        return Ok(());
    }
    Err(Error::OtherRelease { cluster: record.spec.name.clone(), exists, wanted })
}

/// Looks whether machines can be made here at all.
pub(super) async fn check_surroundings(
    services: &Services,
    progress: &Progress,
) -> Result<(), Error> {
    let findings = services.ask(services.driver.check()).await?;
    let warnings = findings.iter().filter(|f| f.level == Level::Warning);
    let subjects: Vec<&str> = warnings.map(|f| f.subject.as_str()).collect();
    if !subjects.is_empty() {
        // What follows from it and what helps takes more words than fit here.
        progress.warn(format!("`dojo doctor` reports warnings: {}", subjects.join(", ")));
    }
    let problems: Vec<_> = findings.into_iter().filter(|f| f.level == Level::Problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::NotReady(problems)) }
}
