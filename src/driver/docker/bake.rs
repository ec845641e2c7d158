//! Machine images with more inside: what would otherwise be installed on each machine, one by one, is
//! installed once in a container that becomes an image.

use std::fmt::Write as _;

use bollard::body_try_stream;
use bollard::models::{ContainerConfig, ContainerCreateBody};
use bollard::query_parameters::{
    CommitContainerOptions, CreateContainerOptions, LogsOptions, UploadToContainerOptions,
    WaitContainerOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use super::baked::Baked;
use super::engine::failed;
use super::image::{self, ImageBuild, LABEL_IMAGE};
use super::labels::LABEL_WORKSHOP;
use super::variant::Variant;
use super::{DockerDriver, archive, container, workshop};
use crate::driver::lock::lock;
use crate::driver::{Error, Source};
use crate::event::Progress;

/// Where the script is put.
const SCRIPT: &str = "run/bake.sh";
/// Archives are sent in pieces of this many bytes.
const CHUNK: usize = 256 * 1024;

impl Baked {
    /// The image's tag: another archive, script or machine image is another image.
    pub(super) fn tag(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.archive_id, &self.directory, &self.script] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut tag = format!("{}-{}-", image::tag(Variant::Node), self.name);
        for byte in &hash.finalize()[..4] {
            // Writing to a string cannot fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag
    }
}

/// Builds the image.
pub(super) async fn bake(
    driver: &DockerDriver,
    baked: &Baked,
    progress: &Progress,
) -> Result<(), Error> {
    let node = ImageBuild { variant: Variant::Node, ..Default::default() };
    if !image::present(&driver.engine, &image::tag(Variant::Node)).await? {
        image::build(driver, &node, progress).await?;
    }
    let work = async {
        driver.remove_litter().await?;
        let id = create(driver, baked).await?;
        let result = fill_and_commit(driver, baked, &id).await;
        // Whatever came of it, the container has served.
        let removed = driver.remove_container(&id, "the container of the image build").await;
        result.and(removed)
    };
    progress.step(format!("build machine image with {}", baked.name), work).await
}

async fn create(driver: &DockerDriver, baked: &Baked) -> Result<String, Error> {
    let client = &driver.engine.client;
    let allowances = lock(&driver.allowances).clone();
    let mark = workshop::mark();
    let host_config = container::workshop(&allowances, &mark);
    let mut labels = mark;
    labels.insert(LABEL_IMAGE.to_owned(), baked.name.clone());
    let body = ContainerCreateBody {
        image: Some(image::tag(Variant::Node)),
        entrypoint: Some(vec!["/bin/sh".to_owned(), format!("/{SCRIPT}")]),
        labels: Some(labels),
        host_config: Some(host_config),
        ..Default::default()
    };
    let subject = || format!("image `{}`", baked.tag());
    let created = client.create_container(None::<CreateContainerOptions>, body).await;
    created.map(|created| created.id).map_err(failed("build", subject()))
}

async fn fill_and_commit(driver: &DockerDriver, baked: &Baked, id: &str) -> Result<(), Error> {
    let client = &driver.engine.client;
    let subject = || format!("image `{}`", baked.tag());
    let other = |source: Source| Error::Failed { operation: "build", subject: subject(), source };

    let file = tokio::fs::File::open(&baked.archive).await.map_err(|e| other(e.into()))?;
    let stream = ReaderStream::with_capacity(file, CHUNK);
    let into =
        |path: &str| Some(UploadToContainerOptions { path: path.to_owned(), ..Default::default() });
    let upload = client.upload_to_container(id, into(&baked.directory), body_try_stream(stream));
    upload.await.map_err(failed("build", subject()))?;
    let script = archive::File { path: SCRIPT, mode: 0o700, content: baked.script.as_bytes() };
    let script = archive::pack(&[script]).map_err(|error| other(error.into()))?;
    let upload = client.upload_to_container(id, into("/"), bollard::body_full(script));
    upload.await.map_err(failed("build", subject()))?;

    client.start_container(id, None).await.map_err(failed("build", subject()))?;
    let ended = client.wait_container(id, None::<WaitContainerOptions>).next().await;
    if !matches!(ended, Some(Ok(_))) {
        let options = LogsOptions { stderr: true, tail: "12".to_owned(), ..Default::default() };
        let logs: Vec<_> = client
            .logs(id, Some(options))
            .try_collect()
            .await
            .map_err(failed("build", subject()))?;
        let said: String = logs.iter().map(ToString::to_string).collect();
        return Err(other(format!("its script failed and said last: {}", said.trim()).into()));
    }
    let (repository, tag) =
        baked.tag().split_once(':').map(|(r, t)| (r.to_owned(), t.to_owned())).unwrap_or_default();
    let options = CommitContainerOptions {
        container: Some(id.to_owned()),
        repo: Some(repository),
        tag: Some(tag),
        ..Default::default()
    };
    // The image is to boot, not to bake again.
    let config = ContainerConfig {
        entrypoint: Some(vec![image::ENTRYPOINT.to_owned()]),
        cmd: Some(Vec::new()),
        // Its labels are those of the container, and this one says that the container may be removed.
        labels: Some([(LABEL_WORKSHOP.to_owned(), String::new())].into()),
        ..Default::default()
    };
    client.commit_container(options, config).await.map(drop).map_err(failed("build", subject()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn another_script_is_another_image() {
        let baked = |script: &str| Baked {
            name: "kubernetes-1.32.4".to_owned(),
            archive: PathBuf::new(),
            archive_id: "0123".to_owned(),
            directory: "/usr/lib/x".to_owned(),
            script: script.to_owned(),
        };
        assert_eq!(baked("true").tag(), baked("true").tag());
        assert_ne!(baked("true").tag(), baked("false").tag());
        assert!(baked("true").tag().len() < 128 + "clusterdojo/machine:".len(), "docker's limit");
    }
}
