//! What the rest of the program knows of a driver before it has one: its flags, its section of a spec, and how
//! it is connected. Nobody else says anything about a certain driver.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::by_hand::{Made, Wanted};
use super::docker::{Baked, Variant};
use super::flag::{Flag, Given};
use super::section::Shape;
use super::ssh::SshOptions;
use super::{Driver, Error, Section};
use crate::event::Progress;
use crate::model::{
    DriverName, EngineContext, Machine, MachineId, Place, Proxies, SshFiles, Subnet, Ttl,
};

/// One place that machines come from, as the registry has it. Whatever has a default here suits a driver that has
/// nothing to say about it.
#[async_trait]
pub trait Kind: Send + Sync {
    /// Its name.
    fn name(&self) -> DriverName;

    /// How its section of a spec is read.
    fn shape(&self) -> Shape;

    /// Its flags.
    fn flags(&self) -> &'static [Flag] {
        &[]
    }

    /// What stands above its flags in help; without that they stand among those of all machines.
    fn heading(&self) -> Option<&'static str> {
        None
    }

    /// Changes a section as flags say.
    ///
    /// # Errors
    /// What is wrong with what they say.
    fn set(&self, section: &mut Section, given: &Given) -> Result<(), String> {
        given.set(self.flags(), section)
    }

    /// Whether the flags and the section of a driver mean something for its machines.
    fn heeds(&self, driver: &DriverName) -> bool {
        *driver == self.name()
    }

    /// Whether only tests have it.
    fn is_for_tests(&self) -> bool {
        false
    }

    /// Whether a program beside `dojo` makes its machines.
    fn is_program(&self) -> bool {
        false
    }

    /// What is wrong with a section for so many machines, that its type alone cannot say.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    fn validate(&self, _section: &Section, _machines: usize) -> Result<(), String> {
        Ok(())
    }

    /// Why its machines take no limits and publish no ports, if so.
    fn as_they_are(&self) -> Option<AsTheyAre> {
        None
    }

    /// Makes the paths in a section absolute: the record outlives the directory of the command.
    fn make_absolute(&self, _section: &mut Section) {}

    /// Where its machines are, as far as a section alone tells.
    fn place(&self, _section: &Section) -> Option<Place> {
        None
    }

    /// What is asked for its machines, in words.
    fn asked(&self, _section: &Section) -> String {
        format!("driver `{}`", self.name())
    }

    /// Whether one place answers for all its machines at once.
    fn is_one_place(&self) -> bool {
        false
    }

    /// How many machines a section has room for, if there is one for each that it names.
    fn machines(&self, _section: &Section) -> Option<usize> {
        None
    }

    /// The range of addresses that its machines will have, if that is known beforehand.
    fn subnet(&self, _section: &Section) -> Option<Subnet> {
        None
    }

    /// The addresses that a section says of machines, each with what has it: "host `box`".
    fn addresses(&self, _section: &Section) -> Vec<(String, IpAddr)> {
        Vec::new()
    }

    /// What of a section cannot be changed while there are machines, if two differ in it: "the subnet".
    fn changed(&self, _before: &Section, _now: &Section) -> Option<&'static str> {
        None
    }

    /// How long its machines live.
    fn time_to_live(&self, _section: &Section) -> Option<Ttl> {
        None
    }

    /// Whether its machines were there before the cluster and stay after it, with what their owner has on them.
    fn has_borrowed_machines(&self) -> bool {
        false
    }

    /// Whether snapshots of a cluster can be kept on its machines: nobody else has anything there.
    fn keeps_snapshots(&self) -> bool {
        false
    }

    /// Whether its machines are made of an image of which all is known here.
    fn has_known_image(&self, _section: &Section) -> bool {
        false
    }

    /// Whether what machines have in common can be put into their image beforehand.
    fn can_bake(&self) -> bool {
        false
    }

    /// Whether its machines fetch things through the proxies of this computer.
    fn shares_proxies(&self) -> bool {
        false
    }

    /// What runs with the user's rights because a section says so.
    fn programs(&self, _section: &Section) -> Vec<Program> {
        Vec::new()
    }

    /// What of a section may be shown to others.
    fn shown(&self, _section: &Section) -> Value {
        Value::Null
    }

    /// How a person makes machines: unless a driver knows better, with hosts that are there already. Nobody is asked.
    ///
    /// # Errors
    /// What would refuse them before anybody is asked.
    fn by_hand(&self, _section: &Section, wanted: &Wanted<'_>) -> Result<Made, Error> {
        Ok(super::ssh::by_hand(&SshOptions::default(), wanted.requests))
    }

    /// Whether [`Setting::context`] matters with this section.
    fn wants_context(&self, _section: &Section) -> bool {
        false
    }

    /// The driver itself.
    ///
    /// # Errors
    /// When there is no way to where machines come from.
    async fn connect(&self, setting: Setting) -> Result<Arc<dyn Driver>, Error>;

    /// What keeps tunnels to its machines open, and asks nobody; `None` if they need none.
    fn tunnels(&self, _section: &Section, _memory: Memory) -> Option<Arc<dyn Driver>> {
        None
    }
}

/// Machines that are as they are.
#[derive(Debug, Clone, Copy)]
pub struct AsTheyAre {
    /// Why they take no limits.
    pub size: &'static str,
    /// What leads to their ports instead.
    pub ports: &'static str,
}

/// Something that runs with the user's rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What it is: "the program `dojo-driver-podbox`".
    pub what: String,
    /// The file that says what it does, where its contents matter.
    pub file: Option<PathBuf>,
}

/// All that a driver may want to know when it is connected.
pub struct Setting {
    /// What was chosen about its machines.
    pub section: Section,
    /// Where its machines are already, if they are.
    pub place: Option<Place>,
    /// What is in the image of machines that are made of one.
    pub variant: Variant,
    /// Whether machines are to be made: options that it does not take are refused then.
    pub to_make: bool,
    /// What is remembered of the cluster.
    pub memory: Memory,
    /// The engine of docker's context.
    pub context: Option<EngineContext>,
    /// What is put into machine images beforehand.
    pub baked: Option<Baked>,
    /// The proxies of this computer.
    pub proxies: Option<Proxies>,
    /// Where Docker's packages are, for those who build machine images.
    pub docker_repository: fn() -> String,
    /// Where to tell what happens on the way.
    pub progress: Progress,
}

/// What is remembered of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// What was chosen about the driver's machines the last time.
    pub section: Option<Section>,
    /// The machines as last seen, also those of other drivers.
    pub machines: Vec<Machine>,
    /// The host keys that were pinned for machines, one OpenSSH line each.
    pub pins: BTreeMap<MachineId, Vec<String>>,
    /// The cluster's own keys.
    pub keys: Option<SshFiles>,
    /// Whether machines that cannot be reached are given up.
    pub abandon: bool,
}
