//! The mark on a host that a cluster has claimed: the labels of every machine, in a file of root's. One
//! look at it tells everything; nothing has to be remembered.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::options::DRIVER;
use crate::driver::{
    LABEL_CLUSTER, LABEL_CLUSTER_ID, LABEL_HOME, LABEL_MACHINE, LABEL_ORCHESTRATOR, LABEL_ROLE,
};
use crate::model::{ClusterName, Machine, MachineId, MachineName, MachineRequest, MachineState};

/// The version of the file's format.
const SCHEMA: u32 = 1;

/// What `/etc/clusterdojo/machine.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    schema: u32,
    labels: BTreeMap<String, String>,
    /// Where the cluster was told that the host is among its peers.
    private_address: IpAddr,
    pub(super) state: MachineState,
}

impl Claim {
    /// The mark of a machine that is yet to be made.
    pub(super) fn of(request: &MachineRequest, private_address: IpAddr) -> Self {
        let labels = [
            (LABEL_CLUSTER, request.id.cluster.to_string()),
            (LABEL_CLUSTER_ID, request.cluster_id.clone()),
            (LABEL_HOME, request.home.clone()),
            (LABEL_MACHINE, request.id.name.to_string()),
            (LABEL_ROLE, request.id.name.role.to_string()),
            (LABEL_ORCHESTRATOR, request.orchestrator.to_string()),
        ];
        Self {
            schema: SCHEMA,
            labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
            private_address,
            state: MachineState::Unfinished,
        }
    }

    pub(super) fn in_state(&self, state: MachineState) -> Self {
        Self { state, ..self.clone() }
    }

    /// The mark as it stands in the file, in one line.
    pub(super) fn to_line(&self) -> String {
        serde_json::to_string(self).expect("a mark holds only strings and numbers")
    }

    fn label<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.labels.get(key)?.parse().ok()
    }

    /// The cluster that the host was claimed for.
    pub(super) fn cluster(&self) -> Option<ClusterName> {
        self.label(LABEL_CLUSTER)
    }

    /// The id of that cluster.
    pub(super) fn cluster_id(&self) -> &str {
        self.labels.get(LABEL_CLUSTER_ID).map_or("", String::as_str)
    }

    /// The machine that the host is.
    pub(super) fn machine_id(&self) -> Option<MachineId> {
        let name: MachineName = self.label(LABEL_MACHINE)?;
        Some(MachineId { cluster: self.cluster()?, name })
    }

    /// Whether the host was claimed for this very machine.
    pub(super) fn is_of(&self, request: &MachineRequest) -> bool {
        self.is_of_cluster(request) && self.machine_id().as_ref() == Some(&request.id)
    }

    /// Whether the host was claimed for the cluster of this machine.
    pub(super) fn is_of_cluster(&self, request: &MachineRequest) -> bool {
        self.cluster().as_ref() == Some(&request.id.cluster)
            && self.cluster_id() == request.cluster_id
    }

    /// The machine as others see it, except that nobody knows how to reach it; `None` if labels are missing.
    pub(super) fn machine(&self, handle: &str, user: &str) -> Option<Machine> {
        Some(Machine {
            id: self.machine_id()?,
            driver: DRIVER,
            cluster_id: self.cluster_id().to_owned(),
            home: self.label(LABEL_HOME),
            orchestrator: self.label(LABEL_ORCHESTRATOR)?,
            handle: handle.to_owned(),
            state: self.state,
            user: user.to_owned(),
            private_ip: self.private_address,
            endpoints: BTreeMap::new(),
            expires: None,
            cost: None,
        })
    }
}
