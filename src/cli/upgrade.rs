//! `dojo upgrade`.

use crate::kind;
use crate::provision;
use crate::spec::ClusterSpec;
use crate::store::{Phase, Record};
use crate::workflow;

use super::args::Upgrade;
use super::error::{About as _, Error};
use super::services::Context;
use super::{output, up};

pub(super) async fn run(context: &Context, args: Upgrade) -> Result<(), Error> {
    let name = context.cluster(args.name.clone())?;
    let record = context.record(&name)?;
    let seen = record.goal().clone();
    let spec = wanted(&record, &args)?;
    let services = context.services_to_upgrade(&spec).await.about(&name)?.seen(Some(seen));
    let cluster = services.lock(&name, "upgrade").await.about(&name)?;
    let spec = wanted(&cluster.record().about(&name)?, &args)?;
    let upgraded = Box::pin(workflow::upgrade(cluster, spec)).await.about(&name)?;
    if context.quiet {
        return Ok(());
    }
    let (release, nodes) = (upgraded.release, upgraded.nodes);
    output::line(&if upgraded.changes {
        let seconds = upgraded.elapsed.as_secs_f64();
        format!("{name} has Kubernetes {release} now: {nodes} nodes, {seconds:.1} s")
    } else {
        format!("{name} has Kubernetes {release} already, so there is nothing to do")
    })
}

/// What the cluster is to be: as it is, but for where its Kubernetes comes from.
fn wanted(record: &Record, args: &Upgrade) -> Result<ClusterSpec, Error> {
    let mut spec = record.spec.clone();
    if !kind::of(spec.orchestrator).upgrades() {
        // Refused in words that fit.
        return Ok(spec);
    }
    let options = &mut spec.kubernetes;
    match (&args.bundle, args.kubernetes_version) {
        (Some(bundle), version) => {
            options.bundle = Some(up::absolute(bundle)?);
            options.version = version;
            (options.repository, options.repository_key) = (None, None);
        }
        (None, Some(version)) => {
            options.bundle = None;
            options.version = Some(version);
            let repository = args.kubernetes_repository.clone().or(options.repository.take());
            options.repository = repository.or_else(|| Some(provision::KUBERNETES.repository()));
            options.repository_key =
                args.kubernetes_repository_key.clone().or(options.repository_key.take());
        }
        // One that was cut short knows where it was going.
        (None, None) if record.phase() == Phase::Upgrading => {}
        (None, None) => {
            return Err(Error::Usage(
                "say to which release: --bundle FILE or --kubernetes-version VERSION".to_owned(),
            ));
        }
    }
    spec.validate()?;
    Ok(spec)
}
