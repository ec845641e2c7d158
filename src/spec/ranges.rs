//! Address ranges of a cluster: those that can hold what they are for, and do not meet.

use crate::model::Subnet;

/// The longest prefix of a pod subnet: every machine there can be gets a /24 of its own.
const MOST_POD_PREFIX: u8 = 17;
/// The shortest prefix of a service subnet that an API server takes (`--service-cluster-ip-range`).
const LEAST_SERVICE_PREFIX: u8 = 12;

/// Refuses ranges of pods and of services that cannot be, or that meet; also those of machines, where
/// they are known.
pub(super) fn of_kubernetes(
    pods: Subnet,
    services: Subnet,
    machines: &[Subnet],
) -> Result<(), String> {
    pods.refuse_without_hosts("pod", "--pod-subnet")?;
    services.refuse_without_hosts("service", "--service-subnet")?;
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
        if let Some(machines) = machines.iter().find(|machines| machines.overlaps(subnet)) {
            return Err(format!("machine subnet {machines} overlaps the {what} subnet {subnet}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KubernetesOptions;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_of_kubernetes_must_not_meet() {
        let usual = KubernetesOptions::default();
        let (pods, services) = (usual.pod_subnet, usual.service_subnet);
        let machines = subnet("10.200.0.0/16");
        assert_eq!(of_kubernetes(pods, services, &[machines]), Ok(()));
        for (pods, services, machines, why) in [
            (pods, services, subnet("10.244.9.0/24"), "10.244.9.0/24 overlaps the pod subnet"),
            (subnet("10.200.0.0/17"), services, machines, "10.200.0.0/16 overlaps the pod"),
            (pods, subnet("10.244.0.0/20"), machines, "overlap"),
            (subnet("10.245.0.0/24"), services, machines, "too small"),
            (pods, subnet("11.0.0.0/8"), machines, "too large"),
            (subnet("224.0.0.0/16"), services, machines, "--pod-subnet"),
            (pods, subnet("169.254.0.0/16"), machines, "--service-subnet"),
        ] {
            let said = of_kubernetes(pods, services, &[machines]).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
