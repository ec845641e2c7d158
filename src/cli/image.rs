//! `dojo image`.

use std::sync::Arc;

use crate::driver::docker::{DockerDriver, DockerOptions, ImageBuild, Variant};
use crate::event::Progress;
use crate::model::counted;
use crate::provision;
use crate::workflow;

use super::args::{ImageBuild as Build, ImageLoad};
use super::error::{About as _, Error};
use super::output;
use super::services::Context;

pub(super) async fn build(context: &Context, args: Build) -> Result<(), Error> {
    let mut driver = docker(context).await?;
    let progress = Progress::new(Arc::clone(&context.reporter));
    if let Some(bundle) = &args.kubernetes {
        driver = driver.with_baked(context.baked(bundle).await?);
        let tag = driver.bake_image(&progress).await;
        progress.ready();
        return output::line(&tag?);
    }
    let variant = if args.bare { Variant::Bare } else { Variant::Full };
    let build = ImageBuild { variant, base: args.base, tag: args.tag, no_cache: args.no_cache };
    let tag = driver.build_image(build, &progress).await;
    progress.ready();
    output::line(&tag?)
}

pub(super) async fn load(context: &Context, args: ImageLoad) -> Result<(), Error> {
    let cluster = context.cluster(args.cluster)?;
    context.record(&cluster)?;
    let services = context.services_of(&cluster).await?;
    let loading = workflow::load_images(&services, &cluster, &args.images).await.about(&cluster)?;
    for (image, machines) in loading.images.iter().filter(|(_, machines)| *machines > 0) {
        if !context.quiet {
            output::line(&format!("{image} is on {}", counted(*machines, "machine")))?;
        }
    }
    loading.failure.map_or(Ok(()), |failure| Err(workflow::Error::from(failure).into()))
}

/// The docker driver, on the engine that is meant where nobody says it.
async fn docker(context: &Context) -> Result<DockerDriver, Error> {
    let options = DockerOptions::default();
    let engine = if DockerDriver::is_told(&options) { None } else { context.contexts.engine()? };
    let driver = DockerDriver::connect_in(options, engine).await?;
    let driver = driver.with_docker_repository(|| provision::DOCKER.repository());
    Ok(driver.with_proxies(context.proxies()))
}
