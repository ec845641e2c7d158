//! Address ranges of a cluster: those that can hold what they are for, and do not meet.

use crate::model::Subnet;

/// The shortest prefix of the machines' network: overlay networks of a swarm get a range beside it.
const LEAST_MACHINE_PREFIX: u8 = 12;
/// The longest prefix of a pod subnet: every machine there can be gets a /24 of its own.
const MOST_POD_PREFIX: u8 = 17;
/// The shortest prefix of a service subnet that an API server takes (`--service-cluster-ip-range`).
const LEAST_SERVICE_PREFIX: u8 = 12;

/// Refuses a range that cannot be the network of machines.
pub(super) fn of_machines(subnet: Subnet) -> Result<(), String> {
    holds_hosts("machine", "--subnet", subnet)?;
    if subnet.prefix() < LEAST_MACHINE_PREFIX {
        return Err(format!(
            "machine subnet {subnet} (--subnet) is too large: a cluster needs a /24, and \
             /{LEAST_MACHINE_PREFIX} leaves room for other networks"
        ));
    }
    Ok(())
}

/// Refuses ranges of pods and of services that cannot be, or that meet; also those of machines, where
/// they are known.
pub(super) fn of_kubernetes(
    pods: Subnet,
    services: Subnet,
    machines: Option<Subnet>,
) -> Result<(), String> {
    holds_hosts("pod", "--pod-subnet", pods)?;
    holds_hosts("service", "--service-subnet", services)?;
    if pods.overlaps(services) {
        return Err(format!("pod subnet {pods} and service subnet {services} overlap"));
    }
    if pods.prefix() > MOST_POD_PREFIX {
        return Err(format!(
            "pod subnet {pods} is too small: each node gets a /24 of it, so its prefix must be /{MOST_POD_PREFIX} or less"
        ));
    }
    if services.prefix() < LEAST_SERVICE_PREFIX {
        return Err(format!(
            "service subnet {services} is too large: an API server takes /{LEAST_SERVICE_PREFIX} at most"
        ));
    }
    for (what, subnet) in [("pod", pods), ("service", services)] {
        if let Some(machines) = machines.filter(|machines| machines.overlaps(subnet)) {
            return Err(format!("machine subnet {machines} overlaps the {what} subnet {subnet}"));
        }
    }
    Ok(())
}

fn holds_hosts(what: &str, flag: &str, subnet: Subnet) -> Result<(), String> {
    match subnet.without_hosts() {
        Some(why) => Err(format!(
            "{what} subnet {subnet} ({flag}) cannot be used: {why}; take a private range, as in \
             10.201.7.0/24"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::docker;
    use crate::model::KubernetesOptions;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_that_hold_no_machines_are_refused_with_the_reason() {
        for (range, why) in [
            ("127.0.0.0/8", "loopback"),
            ("127.1.2.0/24", "loopback"),
            ("0.0.0.0/8", "no address yet"),
            ("224.0.0.0/24", "multicast"),
            ("169.254.0.0/16", "one link"),
            ("255.255.255.0/24", "reserved"),
            ("10.0.0.0/8", "too large"),
        ] {
            let said = of_machines(subnet(range)).unwrap_err();
            assert!(said.contains("--subnet") && said.contains(why), "{range}: {said}");
        }
        for good in ["10.201.7.0/24", "172.16.0.0/12", "192.168.0.0/16"] {
            assert_eq!(of_machines(subnet(good)), Ok(()), "{good}");
        }
        assert_eq!(docker::SUBNETS.without_hosts(), None, "those that are chosen by themselves");
    }

    #[test]
    fn ranges_of_kubernetes_must_not_meet() {
        let usual = KubernetesOptions::default();
        let (pods, services) = (usual.pod_subnet, usual.service_subnet);
        let machines = Some(docker::SUBNETS);
        assert_eq!(of_kubernetes(pods, services, machines), Ok(()));
        for (pods, services, machines, why) in [
            (
                pods,
                services,
                Some(subnet("10.244.9.0/24")),
                "10.244.9.0/24 overlaps the pod subnet",
            ),
            (subnet("10.200.0.0/17"), services, machines, "10.200.0.0/16 overlaps the pod"),
            (pods, subnet("10.244.0.0/20"), machines, "overlap"),
            (subnet("10.245.0.0/24"), services, machines, "too small"),
            (pods, subnet("11.0.0.0/8"), machines, "too large"),
            (subnet("224.0.0.0/16"), services, machines, "--pod-subnet"),
            (pods, subnet("169.254.0.0/16"), machines, "--service-subnet"),
        ] {
            let said = of_kubernetes(pods, services, machines).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
