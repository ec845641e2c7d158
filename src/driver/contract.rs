//! What is asked of every driver.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Error;
use crate::event::Progress;
use crate::model::{
    ClusterName, Dollars, DriverName, Finding, Machine, MachineRequest, Place, Places,
};

/// What a machine costs that is still to be made.
#[derive(Debug, Clone)]
pub struct Price {
    /// What kind of machine: "t3.medium in eu-central-1".
    pub of: String,
    /// For an hour, with its disk and its address, or why that is not known.
    pub hourly: Result<Dollars, String>,
}

/// What is done to a machine at once, without a word to what runs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Switch it off, as pulling its plug does; its disk is kept.
    Kill,
    /// Freeze it, with all that is in its memory.
    Pause,
    /// Let it go on.
    Unpause,
}

impl Force {
    /// The verb: `kill`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
        }
    }

    /// What is said where the driver of a machine has no such thing.
    pub(super) fn unsupported(self, machine: &Machine) -> Error {
        let (verb, driver) = (self.verb(), &machine.driver);
        Error::Unsupported(format!(
            "machine `{}` is of driver `{driver}`, which cannot {verb} machines",
            machine.id
        ))
    }
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

    /// Refuses what [`force`](Self::force) cannot do to such a machine; changes nothing.
    fn admit_force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        Err(force.unsupported(machine))
    }

    /// Does that to a machine, or nothing if it is in that state already.
    async fn force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        self.admit_force(machine, force)
    }

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
