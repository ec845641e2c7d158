//! `dojo bundle`.

use std::path::PathBuf;

use serde::Serialize;

use crate::bundle::{Architecture, Bundle, File, Kind, Manifest, Missing};
use crate::driver::registry;
use crate::model::{Orchestrator, Role};
use crate::spec::{ClusterSpec, MachineGroup};
use crate::workflow;

use super::args::{BundleCreate, BundleInspect, BundleVerify, DataFormat};
use super::error::Error;
use super::output;
use super::services::Context;

/// A bundle, as `dojo bundle inspect -o json` prints it.
#[derive(Debug, Serialize)]
struct Inspected<'a> {
    path: PathBuf,
    id: &'a str,
    /// bytes
    size: u64,
    #[serde(flatten)]
    manifest: &'a Manifest,
    missing: Vec<Missing>,
}

pub(super) async fn create(context: &Context, args: BundleCreate) -> Result<(), Error> {
    // A machine of the docker driver has the processor of this computer.
    let here = std::env::consts::ARCH;
    if let Some(wanted) = args.architecture.filter(|wanted| here.parse() != Ok(*wanted)) {
        return Err(Error::Usage(format!(
            "a bundle for {wanted} can only be made on a computer of that kind, and this one is {here}"
        )));
    }
    // Nobody else has the name, and what bears it is gone afterwards.
    let name = format!("bundle-{:08x}", rand::random::<u32>()).parse()?;
    let machine = MachineGroup::new(Role::ControlPlane, 1, registry::default());
    let mut spec = ClusterSpec::new(name, Orchestrator::Kubernetes, vec![machine]);
    spec.kubernetes.version = args.kubernetes_version;
    spec.kubernetes.repository = args.kubernetes_repository;
    spec.kubernetes.repository_key = args.kubernetes_repository_key;
    spec.kubernetes.registry = args.kubernetes_registry;
    spec.engine.repository = args.engine_repository;
    spec.engine.repository_key = args.engine_repository_key;
    spec.validate()?;
    let services = context.services_to_make(&spec).await?;
    let bundle = workflow::create_bundle(&services, &spec, args.output.as_deref()).await?;
    if context.quiet { Ok(()) } else { table(&bundle) }
}

pub(super) fn inspect(args: &BundleInspect) -> Result<(), Error> {
    let bundle = Bundle::open(&args.file)?;
    match args.output {
        DataFormat::Json => output::json(&Inspected {
            path: bundle.path().to_owned(),
            id: bundle.id(),
            size: bundle.length(),
            manifest: bundle.manifest(),
            missing: bundle.manifest().missing(),
        }),
        DataFormat::Table => table(&bundle),
    }
}

pub(super) fn verify(context: &Context, args: &BundleVerify) -> Result<(), Error> {
    let bundle = Bundle::open(&args.file)?;
    bundle.verify()?;
    if context.quiet {
        return Ok(());
    }
    let (path, count) = (bundle.path().display(), bundle.manifest().files.len());
    output::line(&format!("{path}: OK ({count} files, {})", size(bundle.length())))
}

fn table(bundle: &Bundle) -> Result<(), Error> {
    let Manifest { kubernetes, architecture, files, .. } = bundle.manifest();
    let architecture: &Architecture = architecture;
    let mut text = format!(
        "Kubernetes {kubernetes} for {architecture}, {} files, {}, id {}\n",
        files.len(),
        size(bundle.length()),
        bundle.id()
    );
    for role in [Role::ControlPlane, Role::LoadBalancer, Role::Worker] {
        let needed = bundle.files_for(role);
        if !needed.is_empty() {
            let total = needed.iter().map(|file| file.size).sum();
            text.push_str(&format!("each {role} needs {}\n", size(total)));
        }
    }
    output::line(&text)?;
    let mut rows = vec![["KIND", "WHAT", "SIZE", "FOR"].map(str::to_owned).to_vec()];
    rows.extend(files.iter().map(row));
    output::table(&rows)?;
    let missing = bundle.manifest().missing();
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = missing.iter().map(|m| format!("{}: {}", m.what, m.consequence)).collect();
    output::line(&format!("\nnot in it, and needed from elsewhere:\n  {}", lines.join("\n  ")))
}

fn row(file: &File) -> Vec<String> {
    let what = match &file.kind {
        Kind::Binary { target } => target,
        Kind::Image { image } => image,
        Kind::Package => &file.path,
    };
    let roles: Vec<&str> = file.roles.iter().map(|role| role.as_str()).collect();
    vec![file.kind.as_str().to_owned(), what.clone(), size(file.size), roles.join(", ")]
}

/// A size for people.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes < MIB {
        return format!("{} KiB", bytes.div_ceil(1024));
    }
    // Tenths, rounded, without the detour through a float.
    let tenths = bytes.saturating_mul(10).saturating_add(MIB / 2) / MIB;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
