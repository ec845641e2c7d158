//! A driver that makes nothing and notes how a person would.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, empty};

use crate::driver::by_hand::{Made, MadeMachine, Wanted};
use crate::driver::{Driver, Error, Image, Images, Variant, registry};
use crate::event::Progress;
use crate::kind;
use crate::model::{
    ClusterName, DriverName, Finding, Machine, MachineName, MachineRequest, MachineState, Place,
};
use crate::remote::by_hand::{Commands, Notes, Step};
use crate::spec::{ClusterSpec, Sections};

/// Makes machines that are not there.
#[derive(Debug)]
pub(super) struct NotingDriver {
    notes: Notes,
    name: DriverName,
    variant: Variant,
    sections: Sections,
    made: Mutex<BTreeMap<MachineName, MadeMachine>>,
}

impl NotingDriver {
    pub(super) fn new(spec: &ClusterSpec, notes: Notes) -> Self {
        let variant = kind::of(spec.orchestrator).image();
        Self {
            notes,
            name: spec.driver(),
            variant,
            sections: spec.sections.clone(),
            made: Mutex::default(),
        }
    }

    /// The addresses of the machines that were made so far.
    pub(super) fn addresses(&self) -> Vec<(MachineName, IpAddr)> {
        self.made().values().map(|machine| (machine.name, machine.address)).collect()
    }

    /// What a script says that looks at a machine for its kubelet.
    pub(super) fn look(&self, name: MachineName) -> String {
        let made = self.made();
        let Some(machine) = made.get(&name) else { return String::new() };
        let mut words = Vec::new();
        if machine.cgroup_v2 {
            words.push("cgroup-v2");
        }
        if machine.is_container {
            // Its resolver is the engine's, which pods cannot reach.
            words.extend(["container", "resolver"]);
        }
        words.join("\n")
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<MachineName, MadeMachine>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How machines are called from here on: a variable with the address of each, and `on MACHINE COMMAND`.
fn naming(machines: &BTreeMap<MachineName, MadeMachine>) -> String {
    let mut text = String::new();
    for machine in machines.values() {
        let address = machine.find.clone().unwrap_or_else(|| machine.address.to_string());
        text.push_str(&format!("{}={address}\n", machine.name.variable()));
    }
    text.push_str(
        "# on MACHINE COMMAND: has root of a machine run a command.\n\
         on() {\n    on=$1\n    shift\n    case $on in\n",
    );
    for machine in machines.values() {
        text.push_str(&format!("    {}) {} \"$@\" ;;\n", machine.name, machine.run));
    }
    text.push_str("    esac\n}\n");
    text
}

#[async_trait]
impl Driver for NotingDriver {
    fn name(&self) -> DriverName {
        self.name.clone()
    }

    async fn place(&self) -> Result<Place, Error> {
        Ok(Place { name: "nowhere".to_owned(), id: None, options: BTreeMap::new() })
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        Ok(Vec::new())
    }

    async fn prepare(
        &self,
        cluster: &ClusterName,
        requests: &[MachineRequest],
        _progress: &Progress,
    ) -> Result<(), Error> {
        let mut by_driver: BTreeMap<DriverName, Vec<MachineRequest>> = BTreeMap::new();
        for request in requests {
            by_driver.entry(request.driver.clone()).or_default().push(request.clone());
        }
        let (mut whys, mut text) = (Vec::new(), String::new());
        for (driver, requests) in &by_driver {
            let wanted = Wanted { cluster, requests, variant: self.variant };
            let Made { why, commands, machines } =
                registry::kind(driver).by_hand(self.sections.of(driver), &wanted)?;
            whys.push(why);
            text.push_str(&commands);
            self.made().extend(machines.into_iter().map(|machine| (machine.name, machine)));
        }
        let names: Vec<_> = requests.iter().map(|request| request.id.name.to_string()).collect();
        let title = format!("make the machines {}", names.join(", "));
        text.push_str(&naming(&self.made()));
        self.notes.add(Step::Machines(Commands::new(&title, &whys.join(" "), text)));
        Ok(())
    }

    async fn create(&self, request: &MachineRequest) -> Result<Machine, Error> {
        let made = self.made().get(&request.id.name).cloned();
        let made = made.expect("what is created was prepared");
        let endpoint = |port| SocketAddr::new(made.address, port);
        Ok(Machine {
            id: request.id.clone(),
            driver: request.driver.clone(),
            cluster_id: request.cluster_id.clone(),
            home: Some(request.home.clone()),
            orchestrator: request.orchestrator,
            handle: request.id.alias(),
            state: MachineState::Running,
            user: "root".to_owned(),
            private_ip: made.address,
            endpoints: request.services().into_iter().map(|s| (s, endpoint(s.port()))).collect(),
            expires: None,
            cost: None,
        })
    }

    async fn list(&self, _cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        Ok(Vec::new())
    }

    async fn start(&self, _machine: &Machine) -> Result<(), Error> {
        Ok(())
    }

    async fn stop(&self, _machine: &Machine) -> Result<(), Error> {
        Ok(())
    }

    async fn destroy(&self, _machine: &Machine) -> Result<(), Error> {
        Ok(())
    }

    async fn cleanup(
        &self,
        _cluster: &ClusterName,
        _cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        Ok(())
    }

    async fn host_key(&self, _machine: &Machine) -> Result<Option<String>, Error> {
        Ok(None)
    }
}

#[async_trait]
impl Images for NotingDriver {
    async fn find(&self, _text: &str) -> Result<Option<Image>, Error> {
        Ok(None)
    }

    async fn save(
        &self,
        _reference: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        Ok(empty().boxed())
    }
}
