//! What types alone cannot say about a spec. Everything is checked before anything is done.

use crate::driver::{AsTheyAre, registry};
use crate::kind;
use crate::model::{DriverName, PodNetwork, Role};

use super::proof::{ENGINE_KEY, KUBERNETES_KEY, MANIFEST_SUM, refuse_unproven};
use super::{ClusterSpec, MachineGroup, ranges};

/// A spec that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Invalid {
    /// Which part of the spec: `machines[1]`, `engine.daemon.hosts`.
    pub place: Place,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

/// A part of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The machine group with this index.
    Group(usize),
    /// The list of machine groups.
    Machines,
    /// The engine's options.
    Engine,
    /// The choices about Kubernetes.
    Kubernetes,
    /// The options of a driver inside.
    Driver(DriverName),
    /// The options of external drivers.
    External,
}

/// The most machines of one role; each driver may set a lower limit.
const MOST_MACHINES: usize = 99;

/// Keys of `daemon.json` that would undo what provisioning sets up, each with the reason.
const RESERVED_DAEMON_KEYS: [(&str, &str); 6] = [
    ("hosts", "clusterdojo decides where the engine listens"),
    ("tls", "mutual TLS is always on"),
    ("tlsverify", "mutual TLS is always on"),
    ("tlscacert", "clusterdojo manages the certificates"),
    ("tlscert", "clusterdojo manages the certificates"),
    ("tlskey", "clusterdojo manages the certificates"),
];

impl ClusterSpec {
    /// Checks what types alone cannot say.
    pub fn validate(&self) -> Result<(), Invalid> {
        for (index, group) in self.machines.iter().enumerate() {
            self.validate_group(group)
                .map_err(|problem| Invalid { place: Place::Group(index), problem })?;
        }
        let machines = |problem: String| Err(Invalid { place: Place::Machines, problem });
        let kind = kind::of(self.orchestrator);
        kind.refuse_count(self.count(kind.roles()[0])).or_else(machines)?;
        for role in Role::ALL {
            if self.count(role) > MOST_MACHINES {
                return machines(format!("more than {MOST_MACHINES} machines of role {role}"));
            }
        }
        let mut ports: Vec<_> = self.machines.iter().flat_map(|g| &g.ports).collect();
        ports.sort_by_key(|p| (p.host, p.protocol));
        if let Some(twice) =
            ports.windows(2).find(|p| p[0].host == p[1].host && p[0].protocol == p[1].protocol)
        {
            return machines(format!("port {} of this computer is given twice", twice[0].host));
        }
        self.validate_engine().map_err(|problem| Invalid { place: Place::Engine, problem })?;
        for kind in registry::inside() {
            let name = kind.name();
            kind.validate(self.sections.of(&name), self.count_of(&name))
                .map_err(|problem| Invalid { place: Place::Driver(name), problem })?;
        }
        self.validate_kubernetes().map_err(|problem| Invalid { place: Place::Kubernetes, problem })
    }

    fn validate_group(&self, group: &MachineGroup) -> Result<(), String> {
        let roles = kind::of(self.orchestrator).roles();
        if !roles.contains(&group.role) {
            let expected: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
            return Err(format!(
                "role `{}` does not belong in a cluster with orchestrator `{}`: expected {}",
                group.role,
                self.orchestrator,
                expected.join(" or ")
            ));
        }
        if let Some(why) = registry::kind(&group.driver).as_they_are() {
            let size = group.memory.is_some() || group.cpus.is_some();
            refuse_what_cannot_be_chosen(&group.driver, why, size, !group.ports.is_empty())?;
        }
        if group.count == 0 && !group.ports.is_empty() {
            return Err("ports are given, but no machine to lead them to".to_owned());
        }
        Ok(())
    }

    fn validate_engine(&self) -> Result<(), String> {
        for (key, reason) in RESERVED_DAEMON_KEYS {
            if self.engine.daemon.contains_key(key) {
                return Err(format!("daemon key `{key}` cannot be set: {reason}"));
            }
        }
        let kind = kind::of(self.orchestrator);
        kind.refuse_engine(&self.engine)?;
        let docker_ce = self.engine.channel == crate::model::EngineChannel::DockerCe;
        if self.engine.repository.is_some() && !docker_ce && kind.has_engines() {
            return Err(
                "the base address of Docker's package repository is given, but the packages are the \
                 distribution's: channel docker-ce takes Docker's"
                    .to_owned(),
            );
        }
        if let Some(address) = &self.engine.repository {
            refuse_unproven(address, self.engine.repository_key.is_some(), &ENGINE_KEY)?;
        }
        match self.engine.labels.iter().find(|l| !l.contains('=')) {
            Some(label) => Err(format!("engine label `{label}` is not of the form KEY=VALUE")),
            None => Ok(()),
        }
    }

    fn validate_kubernetes(&self) -> Result<(), String> {
        let chosen = &self.kubernetes;
        if !kind::of(self.orchestrator).has_kubernetes() {
            let problem = "choices about Kubernetes are given, but there is no Kubernetes in it";
            return if chosen.is_default() { Ok(()) } else { Err(problem.to_owned()) };
        }
        let drivers = self.drivers();
        let subnet = |driver| registry::kind(driver).subnet(self.sections.of(driver));
        let subnets: Vec<_> = drivers.iter().filter_map(subnet).collect();
        if let Some(version) = chosen.version {
            version.refuse_old()?;
        }
        ranges::of_kubernetes(chosen.pod_subnet, chosen.service_subnet, &subnets)?;
        for driver in self.sections.drivers() {
            for (what, address) in registry::kind(driver).addresses(self.sections.of(driver)) {
                chosen.refuse_address(&what, address)?;
            }
        }
        if let Some(address) = chosen.repository.as_deref().filter(|a| !is_address(a)) {
            return Err(format!(
                "`{address}` is not the base address of a package repository: it begins with https:// \
                 or http:// and has no spaces"
            ));
        }
        if let Some(address) = &chosen.repository {
            refuse_unproven(address, chosen.repository_key.is_some(), &KUBERNETES_KEY)?;
        }
        match &chosen.cni {
            PodNetwork::Published(address) => {
                refuse_unproven(address, chosen.cni_sha256.is_some(), &MANIFEST_SUM)?;
            }
            cni if chosen.cni_sha256.is_some() => {
                return Err(format!(
                    "a SHA-256 sum is given for the pod network, but `{cni}` is not the address of a manifest"
                ));
            }
            _ => {}
        }
        if let Some(registry) = chosen.image_repository().filter(|r| !is_registry(r)) {
            return Err(format!(
                "`{registry}` is not a registry of images: write it as HOST, HOST:PORT or HOST/PATH"
            ));
        }
        if chosen.bundle.is_some() && (chosen.repository.is_some() || chosen.registry.is_some()) {
            return Err("a bundle holds everything, so no package repository and no registry is \
                        asked: give one or the other"
                .to_owned());
        }
        Ok(())
    }
}

/// Some machines are as large as they are, and have addresses of their own.
fn refuse_what_cannot_be_chosen(
    driver: &DriverName,
    why: AsTheyAre,
    size: bool,
    ports: bool,
) -> Result<(), String> {
    if size {
        return Err(format!("machines of driver `{driver}` take no limits: {}", why.size));
    }
    if ports {
        return Err(format!(
            "no port of this computer can be published to machines of driver `{driver}`: {} \
             leads to them",
            why.ports
        ));
    }
    Ok(())
}

/// Whether a text can be the base address of a package repository. It goes into a line of apt's sources.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
}

/// Whether the name of an image can begin with a text.
fn is_registry(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".:/_-[]".contains(&b);
    !text.is_empty() && !text.starts_with('/') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Orchestrator;

    fn swarm(managers: u16, workers: u16) -> ClusterSpec {
        let machines = vec![
            MachineGroup::new(Role::Manager, managers, DriverName::fixed("docker")),
            MachineGroup::new(Role::Worker, workers, DriverName::fixed("docker")),
        ];
        ClusterSpec::new("practice".parse().unwrap(), Orchestrator::Swarm, machines)
    }

    fn kubernetes(control_planes: u16) -> ClusterSpec {
        let machines = vec![
            MachineGroup::new(Role::ControlPlane, control_planes, DriverName::fixed("docker")),
            MachineGroup::new(Role::Worker, 2, DriverName::fixed("docker")),
        ];
        ClusterSpec::new("practice".parse().unwrap(), Orchestrator::Kubernetes, machines)
    }

    #[test]
    fn three_control_planes_get_a_load_balancer() {
        let names = |spec: &ClusterSpec| {
            spec.machines().iter().map(|m| m.name.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&kubernetes(1)), "control-plane-1 worker-1 worker-2");
        assert_eq!(
            names(&kubernetes(3)),
            "control-plane-1 control-plane-2 control-plane-3 load-balancer-1 worker-1 worker-2"
        );
        for bad in [0, 2, 4] {
            assert!(kubernetes(bad).validate().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_host_is_where_pods_or_services_are() {
        let refused = |address: &str, private: Option<&str>| {
            let mut spec = kubernetes(1);
            spec.machines[1].driver = DriverName::fixed("ssh");
            let mut second = json!({ "address": address });
            if let Some(private) = private {
                second["private-address"] = private.into();
            }
            spec.sections.choose("ssh", json!({ "hosts": [{ "address": "192.0.2.1" }, second] }));
            spec.validate().err().map(|e| (e.place, e.problem))
        };
        for (address, private) in [("10.244.1.2", None), ("box", Some("10.96.7.7"))] {
            let (place, problem) = refused(address, private).unwrap();
            assert_eq!(place, Place::Kubernetes);
            assert!(problem.contains(&format!("host `{address}` is at")), "{problem}");
        }
        for (address, private) in [("10.244.1.2", Some("192.0.2.7")), ("box", None)] {
            assert_eq!(refused(address, private), None, "{address}");
        }
    }

    #[test]
    fn choices_about_kubernetes_belong_to_kubernetes() {
        let mut spec = swarm(1, 0);
        spec.kubernetes.version = Some("1.36".parse().unwrap());
        assert_eq!(spec.validate().unwrap_err().place, Place::Kubernetes);
    }

    #[test]
    fn manager_counts_need_a_majority_that_tolerates_more() {
        for good in [1, 3, 5] {
            assert_eq!(swarm(good, 0).validate(), Ok(()), "{good}");
        }
        for bad in [0, 2, 4, 7] {
            assert!(swarm(bad, 2).validate().is_err(), "{bad}");
        }
        let even = swarm(2, 0).validate().unwrap_err().problem;
        assert!(even.contains("tolerate no more failures than 1"), "{even}");
    }

    #[test]
    fn a_port_can_lead_to_one_machine_only() {
        let mut spec = swarm(1, 1);
        spec.machines[0].ports = vec!["8080:80".parse().unwrap()];
        spec.machines[1].ports = vec!["8080:81".parse().unwrap()];
        assert!(spec.validate().unwrap_err().problem.contains("8080"));
        spec.machines[1].ports = vec!["8080:81/udp".parse().unwrap()];
        assert_eq!(spec.validate(), Ok(()));
    }

    #[test]
    fn daemon_keys_that_would_undo_the_tls_are_refused() {
        for (key, _) in RESERVED_DAEMON_KEYS {
            let mut spec = swarm(1, 0);
            spec.engine.daemon.insert(key.to_owned(), true.into());
            assert!(spec.validate().unwrap_err().problem.contains(key), "{key}");
        }
    }

    #[test]
    fn machines_of_two_groups_of_one_role_are_counted_through() {
        let mut spec = swarm(1, 2);
        spec.machines.push(MachineGroup::new(Role::Worker, 1, DriverName::fixed("docker")));
        let names: Vec<_> = spec.machines().iter().map(|m| m.name.to_string()).collect();
        assert_eq!(names, ["manager-1", "worker-1", "worker-2", "worker-3"]);
    }
}
