//! Why a driver could not do what it was asked.

use std::error::Error as StdError;

use crate::model::{ClusterName, DriverName, MachineId};

/// Any error of a library, boxed where it enters.
pub type Source = Box<dyn StdError + Send + Sync>;

/// Why a driver could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place where machines come from does not answer.
    #[error("cannot reach {place}")]
    Unreachable {
        /// What was tried: "the Docker engine at `unix:///var/run/docker.sock`".
        place: String,
        /// Why it failed.
        #[source]
        source: Source,
    },
    /// There are no credentials, or they are not accepted.
    #[error("{place} does not accept the credentials: tried {tried}")]
    NoCredentials {
        /// Where: "AWS".
        place: String,
        /// Which ones.
        tried: String,
        /// What would make them good.
        help: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// Something has to be chosen or set up first.
    #[error("{message}")]
    NotConfigured {
        /// What is missing.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// Something of that name exists and is not ours; it was left alone.
    #[error("{subject} already exists and was not made by clusterdojo, so it is left alone")]
    Foreign {
        /// What exists: "a container named `dojo-practice-worker-1`".
        subject: String,
    },
    /// A port, subnet or name is in use.
    #[error("{resource} is already taken by {owner}")]
    Taken {
        /// What was wanted: "port 8080".
        resource: String,
        /// Who has it, as far as can be known: "network `bridge`".
        owner: String,
    },
    /// Others use what is a cluster's, so it cannot be removed.
    #[error("cluster `{cluster}` is not removed: {}", told(.holders))]
    Held {
        /// Which cluster.
        cluster: ClusterName,
        /// Who holds what.
        holders: Vec<Holder>,
    },
    /// The request cannot be met here, whatever is tried.
    #[error("{0}")]
    Unsupported(String),
    /// There is no program for an external driver.
    #[error(
        "there is no driver `{name}`: `dojo-driver-{name}` is neither beside `dojo` nor on the PATH{}", others(.found)
    )]
    Absent {
        /// The driver's name.
        name: String,
        /// Those whose programs are there.
        found: Vec<String>,
        /// What would make it be there, if that is known.
        help: Option<&'static str>,
    },
    /// An option that the driver does not have, or a value that it does not take.
    #[error("driver `{driver}` {problem}")]
    Option {
        /// The driver.
        driver: DriverName,
        /// "has no option `sise`".
        problem: String,
    },
    /// A host does not let us in, or does not answer.
    #[error("cannot log in to host `{host}`")]
    NoLogin {
        /// Which host.
        host: String,
        /// What was said.
        #[source]
        source: Source,
    },
    /// No key of a host is known, so it cannot be told from an impostor. Nothing was sent to it.
    #[error("no host key of `{host}` is known")]
    NoHostKey {
        /// Which host.
        host: String,
    },
    /// A host presented another key than the known one. Nothing was sent to it.
    #[error("host `{host}` presented another host key than the known one; nothing was sent")]
    OtherHostKey {
        /// Which host.
        host: String,
        /// What was said.
        #[source]
        source: Source,
    },
    /// The name of a host leads to another one than the machine was made on, or to the same one installed anew.
    #[error(
        "host `{host}` is not the one that machine `{machine}` was made on: it has other host keys"
    )]
    OtherHost {
        /// As it is called.
        host: String,
        /// Which machine was made there.
        machine: MachineId,
    },
    /// A host carries something of somebody else; it was left alone.
    #[error("host `{host}` is in use already, so it is left alone: it carries {by}")]
    Occupied {
        /// Which host.
        host: String,
        /// What it carries: "2 containers".
        by: String,
    },
    /// A call failed.
    #[error("cannot {operation} {subject}")]
    Failed {
        /// What was being done: "start".
        operation: &'static str,
        /// To what: "machine `practice/worker-1`".
        subject: String,
        /// Why it failed.
        #[source]
        source: Source,
    },
}

/// Something of somebody else's that uses what is a cluster's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What is in use: "network `dojo-practice`".
    pub what: String,
    /// By what: "container `web`".
    pub by: String,
    /// The command that frees it.
    pub command: String,
}

fn told(holders: &[Holder]) -> String {
    let told = |holder: &Holder| {
        format!("{} is in use by {}, which clusterdojo did not make", holder.what, holder.by)
    };
    holders.iter().map(told).collect::<Vec<_>>().join("; ")
}

fn others(found: &[String]) -> String {
    if found.is_empty() {
        return ", nor is any other program `dojo-driver-NAME`".to_owned();
    }
    format!("; there is {}", found.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
}
