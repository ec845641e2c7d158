//! Where a fault makes sense.

use crate::driver::registry;
use crate::kind;
use crate::model::{Machine, MachineId, Role};

use super::{Error, Fault};

/// What matters of a machine for its faults.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    /// Whether it runs a Docker engine, and else kubelet or a load balancer.
    pub has_engine: bool,
    /// Its role.
    pub role: Role,
    /// Whether it belongs to somebody who has other things on it.
    pub is_borrowed: bool,
    /// Whether there are others in its cluster.
    pub has_peers: bool,
}

impl Ground {
    /// What matters of a machine in a cluster of so many.
    pub fn of(machine: &Machine, machines: usize) -> Self {
        Self {
            has_engine: kind::of(machine.orchestrator).has_engines(),
            role: machine.id.name.role,
            is_borrowed: registry::kind(&machine.driver).has_borrowed_machines(),
            has_peers: machines > 1,
        }
    }

    /// Why a fault makes no sense here.
    fn refusal(self, fault: Fault) -> Option<&'static str> {
        let balances = self.role == Role::LoadBalancer;
        let no_engine = (!self.has_engine).then_some("it has no Docker engine");
        let no_kubelet = (self.has_engine || balances).then_some("it has no kubelet");
        match (fault.entry().name, fault.variant()) {
            ("unit-stopped", Some("docker")) | ("frozen", Some("dockerd")) => no_engine,
            ("unit-stopped" | "frozen", Some("kubelet")) => no_kubelet,
            ("unit-stopped", Some("containerd")) => balances.then_some("it runs no containers"),
            ("frozen", Some("etcd")) => {
                (self.role != Role::ControlPlane).then_some("etcd is on control planes")
            }
            ("unreachable" | "slow-network", _) => {
                (!self.has_peers).then_some("it is alone in its cluster")
            }
            ("disk-full", _) if self.is_borrowed => {
                Some("it is a host of yours, with other things on its disk")
            }
            ("disk-full", _) => (!self.has_engine && self.role != Role::Worker)
                .then_some("pods of users are on workers"),
            ("cert-expired", _) => (!self.has_engine && self.role != Role::ControlPlane)
                .then_some("the certificates that kubeadm makes are on control planes"),
            _ => None,
        }
    }
}

/// Refuses a fault where it makes no sense, and tells those that do.
///
/// # Errors
/// [`Error::Unfit`]
pub fn admit(fault: Fault, machine: &MachineId, ground: Ground) -> Result<(), Error> {
    let Some(why) = ground.refusal(fault) else { return Ok(()) };
    let fitting = Fault::all().filter(|other| ground.refusal(*other).is_none());
    Err(Error::Unfit {
        fault: fault.to_string(),
        machine: machine.clone(),
        why,
        fitting: fitting.map(|fault| fault.to_string()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting(has_engine: bool, role: Role) -> Vec<String> {
        let ground = Ground { has_engine, role, is_borrowed: false, has_peers: true };
        let all = Fault::all().filter(|fault| ground.refusal(*fault).is_none());
        all.map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn each_machine_has_the_faults_of_what_it_runs() {
        let everywhere = ["power-off", "unreachable", "slow-network"];
        let with = |some: &[&str], more: &[&str]| {
            let all = some.iter().chain(&everywhere).chain(more);
            all.map(|fault| (*fault).to_owned()).collect::<Vec<_>>()
        };
        let engine = with(
            &["unit-stopped:docker", "unit-stopped:containerd", "frozen:dockerd"],
            &["disk-full", "cert-expired"],
        );
        for role in [Role::Manager, Role::Worker, Role::Engine] {
            assert_eq!(fitting(true, role), engine, "{role:?}");
        }
        let kubelet = ["unit-stopped:containerd", "unit-stopped:kubelet", "frozen:kubelet"];
        assert_eq!(fitting(false, Role::Worker), with(&kubelet, &["disk-full"]));
        let leader = [kubelet.as_slice(), &["frozen:etcd"]].concat();
        assert_eq!(fitting(false, Role::ControlPlane), with(&leader, &["cert-expired"]));
        assert_eq!(fitting(false, Role::LoadBalancer), everywhere);
    }

    #[test]
    fn no_disk_of_others_is_filled_and_nobody_is_cut_off_from_nobody() {
        let ground =
            Ground { has_engine: true, role: Role::Manager, is_borrowed: true, has_peers: false };
        for fault in ["disk-full", "unreachable", "slow-network"] {
            assert!(ground.refusal(fault.parse().unwrap()).is_some(), "{fault}");
        }
        assert_eq!(ground.refusal("cert-expired".parse().unwrap()), None);
    }
}
