//! What is asked of an engine that is not about starting or joining anything.

use std::path::Path;

use bollard::models::LocalNodeState;
use bollard::query_parameters::ImportImageOptionsBuilder;
use futures_util::StreamExt as _;

use crate::driver::Source;

use super::Engine;

/// Images are sent in pieces of this many bytes.
const CHUNK: usize = 256 * 1024;

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHealth {
    /// The version of what it runs on: of its engine, as in `26.1.5`, or of its kubelet, as in `v1.32.4`.
    pub version: String,
    /// Its state as a member, as docker (`active`, `pending`, …) or kubectl (`Ready`, `NotReady`) calls
    /// it; absent where there is no cluster.
    pub member: Option<String>,
}

impl Engine {
    /// Asks the engine for its version and its swarm state, in one request.
    pub async fn health(&self) -> Result<NodeHealth, Source> {
        let info = self.api().info().await?;
        let state = info.swarm.and_then(|s| s.local_node_state);
        let member = match state {
            None | Some(LocalNodeState::EMPTY | LocalNodeState::INACTIVE) => None,
            Some(state) => Some(state.to_string()),
        };
        Ok(NodeHealth { version: info.server_version.unwrap_or_default(), member })
    }

    /// Loads an image archive, as `docker save` writes it, straight from the file.
    pub async fn load_image(&self, archive: &Path) -> Result<(), Source> {
        let file = tokio::fs::File::open(archive).await?;
        let body = tokio_util::io::ReaderStream::with_capacity(file, CHUNK);
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut answers = self.api().import_image_stream(options, body, None);
        while let Some(answer) = answers.next().await {
            if let Some(error) = answer?.error_detail {
                return Err(error.message.unwrap_or_default().into());
            }
        }
        Ok(())
    }
}
