//! Drivers make machines. Each one knows a single place where machines come from; none knows what
//! will run on them.
//!
//! The contract, which `tests/e2e` runs against every driver:
//!
//! - every method may be called twice: creating what exists returns it, destroying what is gone is
//!   success;
//! - machines carry their labels from birth, set in the same call that creates them, so that whatever
//!   was begun can be found and removed with nothing remembered;
//! - only what carries our labels is ever changed or removed.

pub mod by_hand;
pub mod docker;
pub mod ec2;
pub mod external;
#[cfg(feature = "fake")]
pub mod fake;
pub mod flag;
mod kind;
mod local_ports;
pub mod mixed;
pub mod nowhere;
pub mod registry;
pub mod section;
pub mod ssh;
#[cfg(feature = "fake")]
pub mod toy;

use std::error::Error as StdError;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use crate::event::Progress;
use crate::model::{
    ClusterName, Dollars, DriverName, Finding, Machine, MachineId, MachineRequest, Place, Places,
};

pub use self::docker::{Baked, Variant};
pub use self::kind::{AsTheyAre, Kind, Memory, Program, Setting};
pub use self::section::Section;

/// The key of the label or tag that holds the cluster's name; whatever lacks it is not ours.
pub const LABEL_CLUSTER: &str = "io.clusterdojo.cluster";
/// The key of the label or tag that holds the cluster's random id.
pub const LABEL_CLUSTER_ID: &str = "io.clusterdojo.cluster-id";
/// The key of the label or tag that holds the random id of the home that made it.
pub const LABEL_HOME: &str = "io.clusterdojo.home";
/// The key of the label or tag that holds a machine's name within the cluster.
pub const LABEL_MACHINE: &str = "io.clusterdojo.machine";
/// The key of the label or tag that holds a machine's role.
pub const LABEL_ROLE: &str = "io.clusterdojo.role";
/// The key of the label or tag that holds what the cluster was to be.
pub const LABEL_ORCHESTRATOR: &str = "io.clusterdojo.orchestrator";

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

/// What a machine costs that is still to be made.
#[derive(Debug, Clone)]
pub struct Price {
    /// What kind of machine: "t3.medium in eu-central-1".
    pub of: String,
    /// For an hour, with its disk and its address, or why that is not known.
    pub hourly: Result<Dollars, String>,
}

/// Something that was made for a cluster and is still there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// Whose business it is.
    pub driver: DriverName,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The cluster's random id.
    pub cluster_id: String,
    /// The random id of the home that made it, if it carries one.
    pub home: Option<String>,
    /// What it is: "machine `worker-1`".
    pub what: String,
}

impl From<Machine> for Leftover {
    fn from(machine: Machine) -> Self {
        Self {
            what: format!("machine `{}` ({})", machine.id.name, machine.handle),
            driver: machine.driver,
            cluster: machine.id.cluster,
            cluster_id: machine.cluster_id,
            home: machine.home,
        }
    }
}

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

/// Makes machines, lists them, starts, stops and destroys them.
#[async_trait]
pub trait Driver: Send + Sync {
    /// The driver's name; its machines carry it.
    fn name(&self) -> DriverName;

    /// Where its machines are: all that it takes to come back there, whatever the environment says by then.
    async fn place(&self) -> Result<Place, Error>;

    /// The places of all the drivers that it is made of.
    async fn places(&self) -> Result<Places, Error> {
        Ok(Places::from([(self.name(), self.place().await?)]))
    }

    /// The architecture of the machines that it will make, where that is known beforehand, in the words
    /// of Debian or of the kernel: `amd64`, `x86_64`.
    async fn architecture(&self) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// Says where to tell what happens on the way, where a method is not given it; the methods of a driver
    /// that has nothing to tell need not know.
    fn report_to(&self, _progress: &Progress) {}

    /// Looks at the surroundings. Findings that are problems mean that no machine can be made;
    /// changes nothing.
    async fn check(&self) -> Result<Vec<Finding>, Error>;

    /// What one of its machines costs, if they cost anything.
    async fn price(&self, _driver: &DriverName) -> Option<Price> {
        None
    }

    /// Refuses requests that [`prepare`](Self::prepare) would refuse; makes nothing. They carry no keys.
    async fn admit(
        &self,
        _cluster: &ClusterName,
        _requests: &[MachineRequest],
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Makes what a cluster's machines share (a network, an image), if it is not there yet. All the
    /// requests are given, so that everything that can be refused is refused before anything is made.
    async fn prepare(
        &self,
        cluster: &ClusterName,
        requests: &[MachineRequest],
        progress: &Progress,
    ) -> Result<(), Error>;

    /// Makes one machine and starts it, or returns the one that exists. A machine that is
    /// [`Unfinished`](crate::model::MachineState::Unfinished) is replaced. Returns once the machine
    /// boots; it need not answer yet.
    async fn create(&self, request: &MachineRequest) -> Result<Machine, Error>;

    /// The machines of one cluster, or of all clusters, whatever their state, by name.
    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error>;

    /// Everything that carries our labels, of whichever cluster, machines or not.
    async fn leftovers(&self) -> Result<Vec<Leftover>, Error> {
        let machines = self.list(None).await?;
        Ok(machines.into_iter().map(Leftover::from).collect())
    }

    /// What killed commands have left that belongs to no cluster, in words.
    async fn litter(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// Removes [that](Self::litter).
    async fn remove_litter(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Refuses, before anything of a cluster is removed, what could not be: others use it.
    async fn refuse_held(
        &self,
        _cluster: &ClusterName,
        _cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Starts a stopped machine, at the same addresses unless [`located`](Self::located) says otherwise.
    async fn start(&self, machine: &Machine) -> Result<(), Error>;

    /// The machine as it can be reached since it was started. Its private address is always the same; where
    /// its endpoints may be others, the driver looks.
    async fn located(&self, machine: Machine) -> Result<Machine, Error> {
        Ok(machine)
    }

    /// Makes sure that what a machine's endpoints lead to is that machine, where something has to be kept open
    /// for it: a tunnel. Everything that speaks to a machine asks for this before.
    async fn open_tunnel(&self, _machine: &Machine) -> Result<(), Error> {
        Ok(())
    }

    /// Why a machine that runs does not answer, where that is certain and can be seen without reaching it; changes
    /// nothing.
    async fn diagnose(&self, _machine: &Machine) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// Puts right what [`diagnose`](Self::diagnose) would tell of, if it can.
    async fn recover(&self, _machine: &Machine) -> Result<(), Error> {
        Ok(())
    }

    /// Stops a machine; its disk is kept.
    async fn stop(&self, machine: &Machine) -> Result<(), Error>;

    /// Notes that a machine that ends itself will do so at another time. It was told already.
    async fn extend(&self, machine: &Machine, _end: Timestamp) -> Result<(), Error> {
        Err(Error::Unsupported(format!("machine `{}` does not end itself", machine.id)))
    }

    /// Why a machine that is gone went away, as far as that is known where it was.
    async fn termination_reason(&self, _machine: &Machine) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// Removes a machine and its disk for good.
    async fn destroy(&self, machine: &Machine) -> Result<(), Error>;

    /// Removes whatever else carries the cluster's label: what `prepare` made, and remains. With an id
    /// only what carries that id as well, because clusters of one name may belong to several users.
    async fn cleanup(&self, cluster: &ClusterName, cluster_id: Option<&str>) -> Result<(), Error>;

    /// The public host key of a machine, read over a channel that needs no SSH; `None` where there
    /// is no such channel.
    async fn host_key(&self, machine: &Machine) -> Result<Option<String>, Error>;

    /// The host key of a machine, if it is still the one of its request and others may know it, because they can
    /// read what the machine was told at its birth: type and data, as OpenSSH writes them. The machine is then
    /// given another one.
    async fn known_host_key(&self, _machine: &Machine) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// Notes that a machine has another host key from now on.
    async fn note_host_key(&self, _machine: &Machine, _public: &str) -> Result<(), Error> {
        Ok(())
    }

    /// The public host key that a machine of this request will present, where it is not the request's:
    /// hosts that are there already keep theirs. Known once [`prepare`](Self::prepare) has returned.
    fn own_host_key(&self, request: &MachineRequest) -> Option<String> {
        let _ = request;
        None
    }
}
