//! `dojo image`.

use std::io::Write as _;
use std::sync::Arc;

use futures_util::StreamExt as _;

use crate::driver::docker::{DockerDriver, DockerOptions, ImageBuild, Variant};
use crate::event::Progress;
use crate::workflow;

use super::args::{ImageBuild as Build, ImageLoad};
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) async fn build(context: &Context, args: Build) -> Result<(), Error> {
    let mut driver = context.docker(DockerOptions::default()).await?;
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
    let record = context.record(&cluster)?;
    let services = context.services(&record.spec).await?;
    let engine = context.docker(DockerOptions::default()).await?;
    for image in &args.images {
        let archive = save(&engine, image).await?;
        let machines = workflow::load_image(&services, &cluster, archive.path()).await?;
        if !context.quiet {
            output::line(&format!("{image} is on {machines} machines"))?;
        }
    }
    Ok(())
}

/// Saves an image of the user's own engine to a temporary file: it is read once and sent many times.
async fn save(engine: &DockerDriver, image: &str) -> Result<tempfile::NamedTempFile, Error> {
    let failed = |source| Error::Io { operation: "save the image", source };
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    let mut pieces = std::pin::pin!(engine.save_image(image).await?);
    while let Some(piece) = pieces.next().await {
        file.write_all(&piece?).map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    Ok(file)
}
