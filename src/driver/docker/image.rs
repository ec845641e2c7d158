//! The image that machines are made from. It is built here, from templates in this binary, so that
//! nothing but a Debian base has to be fetched.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;

use async_trait::async_trait;
use bollard::body_full;
use bollard::query_parameters::{BuildImageOptions, CreateImageOptions};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::engine::{Engine, NOT_FOUND, failed, status};
use super::variant::Variant;
use super::{DockerDriver, archive};
use crate::driver::{Error, Image, Images, Source};
use crate::event::Progress;
use crate::model::Proxies;

macro_rules! template {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../templates/docker/", $name)))
    };
}

/// The build context: every file of the image that is ours.
const TEMPLATES: [(&str, &str); 9] = [
    template!("Dockerfile"),
    (
        "containerd.sh",
        concat!(
            include_str!("../../../templates/apt.sh"),
            include_str!("../../../templates/keyring.sh"),
            include_str!("../../../templates/docker-repository.sh"),
            include_str!("../../../templates/kubernetes/containerd.sh"),
            include_str!("../../../templates/docker/containerd.sh")
        ),
    ),
    template!("entrypoint.sh"),
    template!("journald.conf"),
    template!("mounts.fstab"),
    template!("no-oom-score.conf"),
    template!("shutdown.sh"),
    template!("ssh.service"),
    template!("sshd.conf"),
];

/// The repository of machine images.
const REPOSITORY: &str = "clusterdojo/machine";
/// What an image of ours begins with; the same stands in the Dockerfile.
pub(super) const ENTRYPOINT: &str = "/usr/local/sbin/dojo-entrypoint";
/// A base that was made without a registry, used when it is there.
const LOCAL_BASE: &str = "clusterdojo/base:trixie";
/// The base otherwise; the engine pulls it.
const PUBLIC_BASE: &str = "debian:trixie-slim";
/// The label of our images; tells which variant it is.
pub(super) const LABEL_IMAGE: &str = "io.clusterdojo.image";
/// How many lines of output explain a failed build.
const TAIL: usize = 12;

/// What image to build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageBuild {
    /// What to put into it.
    pub variant: Variant,
    /// The image to build upon; absent means a local Debian base, else Debian's own.
    pub base: Option<String>,
    /// The tag to give it; absent means the one that machines are made from.
    pub tag: Option<String>,
    /// Build every step anew.
    pub no_cache: bool,
}

/// Why a build failed, with what it said last.
#[derive(Debug, thiserror::Error)]
#[error("{reason}; it said last:\n{output}")]
struct BuildFailed {
    reason: String,
    output: String,
}

/// The tag of the image for this version of the templates: other templates, another image.
pub(super) fn tag(variant: Variant) -> String {
    let mut hash = Sha256::new();
    for (name, content) in TEMPLATES {
        for part in [name, content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let mut tag = format!("{REPOSITORY}:trixie-");
    for byte in &hash.finalize()[..6] {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    if variant != Variant::Full {
        tag.push('-');
        tag.push_str(variant.stage());
    }
    tag
}

/// Whether the engine has an image.
pub(super) async fn present(engine: &Engine, reference: &str) -> Result<bool, Error> {
    match engine.client.inspect_image(reference).await {
        Ok(_) => Ok(true),
        Err(error) if status(&error) == Some(NOT_FOUND) => Ok(false),
        Err(error) => Err(failed("look for", format!("image `{reference}`"))(error)),
    }
}

/// Builds an image and returns its tag.
pub(super) async fn build(
    driver: &DockerDriver,
    build: &ImageBuild,
    progress: &Progress,
) -> Result<String, Error> {
    let (engine, proxies) = (&driver.engine, driver.proxies.as_ref());
    let tag = build.tag.clone().unwrap_or_else(|| tag(build.variant));
    let base = match &build.base {
        Some(base) => base,
        None if present(engine, LOCAL_BASE).await? => LOCAL_BASE,
        None => PUBLIC_BASE,
    };
    let variant = build.variant.stage();
    // Proxies are arguments that every build has and no image keeps.
    let mut arguments = HashMap::from([("BASE".to_owned(), base.to_owned())]);
    if build.variant == Variant::Node {
        arguments.insert("DOCKER_REPOSITORY".to_owned(), (driver.docker_repository)());
    }
    for (name, value) in proxies.map(Proxies::variables).unwrap_or_default() {
        arguments.insert(name, value.expose().to_owned());
    }
    let by_host = engine.process.is_some() && proxies.is_some_and(|p| p.on_loopback().is_some());
    let options = BuildImageOptions {
        t: Some(tag.clone()),
        target: variant.to_owned(),
        buildargs: Some(arguments),
        // Only from the host's own network a proxy on its loopback can be reached.
        networkmode: by_host.then(|| "host".to_owned()),
        labels: Some(HashMap::from([(LABEL_IMAGE.to_owned(), variant.to_owned())])),
        nocache: build.no_cache,
        forcerm: true,
        ..Default::default()
    };
    let work = run(engine, options, &tag, progress);
    progress.step("build machine image", work).await?;
    Ok(tag)
}

async fn run(
    engine: &Engine,
    options: BuildImageOptions,
    tag: &str,
    progress: &Progress,
) -> Result<(), Error> {
    let failed = |source: Source| Error::Failed {
        operation: "build",
        subject: format!("image `{tag}`"),
        source,
    };
    let context = archive::pack(&TEMPLATES.map(|(path, content)| archive::File {
        path,
        mode: 0o644,
        content: content.as_bytes(),
    }));
    let context = body_full(context.map_err(|error| failed(error.into()))?);
    let mut output = engine.client.build_image(options, None, Some(context));
    let mut tail = VecDeque::new();
    while let Some(said) = output.next().await {
        let said = said.map_err(|error| {
            let output = Vec::from(std::mem::take(&mut tail)).join("\n");
            let reason = error.to_string();
            failed(Box::new(BuildFailed { reason, output }))
        })?;
        let text = said.stream.or(said.status).unwrap_or_default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            progress.detail(line);
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(line.to_owned());
        }
    }
    Ok(())
}

pub(super) async fn pull(
    engine: &Engine,
    reference: &str,
    progress: &Progress,
) -> Result<(), Error> {
    let options =
        CreateImageOptions { from_image: Some(reference.to_owned()), ..Default::default() };
    let pull = engine.client.create_image(Some(options), None, None);
    let pull = pull.try_for_each(|said| {
        if let Some(status) = said.status {
            progress.detail(status);
        }
        std::future::ready(Ok(()))
    });
    let work = async { pull.await.map_err(failed("pull", format!("image `{reference}`"))) };
    progress.step("pull machine image", work).await
}

#[async_trait]
impl Images for DockerDriver {
    async fn find(&self, text: &str) -> Result<Option<Image>, Error> {
        match self.engine.client.inspect_image(text).await {
            Ok(found) => Ok(Some(Image {
                id: found.id.unwrap_or_default(),
                names: found.repo_tags.unwrap_or_default(),
            })),
            Err(error) if status(&error) == Some(NOT_FOUND) => Ok(None),
            Err(error) => Err(failed("look for", format!("image `{text}`"))(error)),
        }
    }

    async fn save(
        &self,
        reference: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let subject = format!("image `{reference}`");
        let engine = &self.engine;
        // Asked first, because an archive of nothing is an answer like any other.
        let inspect = engine.client.inspect_image(reference).await;
        inspect.map_err(failed("save", subject.clone()))?;
        let archive = engine.client.export_image(reference);
        Ok(archive.map_err(move |error| failed("save", subject.clone())(error)).boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_has_every_file_that_the_dockerfile_copies() {
        let (_, dockerfile) = TEMPLATES[0];
        let copied = dockerfile.lines().filter_map(|line| {
            let rest = line.strip_prefix("COPY ")?;
            rest.split_whitespace().next()
        });
        let copied: Vec<_> = copied.collect();
        assert!(!copied.is_empty());
        for file in copied {
            assert!(TEMPLATES.iter().any(|(name, _)| *name == file), "{file}");
        }
    }

    #[test]
    fn the_variants_have_their_own_tags() {
        let (full, bare) = (tag(Variant::Full), tag(Variant::Bare));
        assert_eq!(bare, format!("{full}-bare"));
        assert_eq!(tag(Variant::Node), format!("{full}-node"));
        let hash = full.strip_prefix("clusterdojo/machine:trixie-").unwrap();
        assert!(hash.len() == 12 && hash.chars().all(|c| c.is_ascii_hexdigit()));
    }
}
