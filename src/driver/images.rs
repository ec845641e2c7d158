//! The images of the user's own engine.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::Error;

/// An image that this computer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its names, each with a tag, as docker lists them.
    pub names: Vec<String>,
}

/// The images of the user's own engine, wherever machines come from.
#[async_trait]
pub trait Images: Send + Sync {
    /// The image that is meant by a name, a digest or an id; `None` if there is none.
    async fn find(&self, text: &str) -> Result<Option<Image>, Error>;

    /// An image as the archive that `docker load` takes.
    async fn save(
        &self,
        reference: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error>;
}
