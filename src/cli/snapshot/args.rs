//! What can be said of snapshots on the command line.

use clap::{Args, Subcommand};

use crate::cli::data_format::DataFormat;
use crate::cli::examples;
use crate::model::ClusterName;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SnapshotCommand {
    /// Keep the state of a cluster on its machines; everything is restarted
    Save(SnapshotSave),
    /// List the snapshots of a cluster (exits 1 if a machine could not be asked)
    Ls(SnapshotLs),
    /// Put the state of a cluster back; everything is restarted
    Restore(OneSnapshot),
    /// Remove a snapshot
    Rm(OneSnapshot),
}

/// What is kept is what the cluster knows: services, networks, secrets and configs of a swarm; all objects of
/// Kubernetes, with its certificates. Volumes, images and the files of containers are not.
#[derive(Debug, Args)]
#[command(after_help = examples::SNAPSHOT_SAVE)]
pub(in crate::cli) struct SnapshotSave {
    /// What to call it: before-lunch, or practice/before-lunch
    #[arg(value_name = "SNAPSHOT")]
    pub(super) snapshot: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SnapshotLs {
    /// Which cluster [default: the current one]
    pub(super) name: Option<ClusterName>,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t = DataFormat::Table)]
    pub(super) output: DataFormat,
}

#[derive(Debug, Args)]
#[command(after_help = examples::SNAPSHOT)]
pub(in crate::cli) struct OneSnapshot {
    /// Which snapshot: before-lunch, or practice/before-lunch
    #[arg(value_name = "SNAPSHOT")]
    pub(super) snapshot: String,
}
