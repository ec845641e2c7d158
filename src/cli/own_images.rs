//! The images of this computer, which machines may be given.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::context::DockerContexts;
use crate::driver::docker::{DockerDriver, DockerOptions};
use crate::driver::{self, Image, Images};

/// The images of the user's own engine, which is looked for when they are needed.
pub(super) struct OwnImages(pub(super) DockerContexts);

impl OwnImages {
    async fn engine(&self) -> Result<DockerDriver, driver::Error> {
        let options = DockerOptions::default();
        let context = if DockerDriver::is_told(&options) {
            None
        } else {
            self.0.engine().map_err(|source| driver::Error::Failed {
                operation: "find",
                subject: "the engine of docker's context".to_owned(),
                source: source.into(),
            })?
        };
        DockerDriver::connect_in(options, context).await
    }
}

#[async_trait]
impl Images for OwnImages {
    async fn find(&self, text: &str) -> Result<Option<Image>, driver::Error> {
        self.engine().await?.find(text).await
    }

    async fn save(
        &self,
        reference: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, driver::Error>>, driver::Error> {
        self.engine().await?.save(reference).await
    }
}
