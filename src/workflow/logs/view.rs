//! What of a cluster's record goes into a bundle: what helps to understand what happened, item by item. What
//! is not named here stays out, whatever a later version adds to records.

use serde_json::{Value, json};

use crate::driver::registry;
use crate::model::KubernetesOptions;
use crate::spec::ClusterSpec;
use crate::store::Record;

/// The record, for others to read.
pub(super) fn of(record: &Record) -> Value {
    let machines = record.machines.iter().map(|machine| {
        json!({
            "id": machine.id,
            "driver": machine.driver,
            "handle": machine.handle,
            "state": machine.state,
            "user": machine.user,
            "private_ip": machine.private_ip,
            "endpoints": machine.endpoints,
            "expires": machine.expires,
        })
    });
    json!({
        "schema": record.schema,
        "cluster_id": record.cluster_id,
        "created": record.created,
        "phase": record.phase(),
        "release": record.release,
        "spec": spec(&record.spec),
        "machines": machines.collect::<Vec<_>>(),
    })
}

fn spec(spec: &ClusterSpec) -> Value {
    let engine = &spec.engine;
    let mut shown = json!({
        "name": spec.name,
        "orchestrator": spec.orchestrator,
        "machines": spec.machines,
        "engine": {
            "channel": engine.channel,
            "repository": engine.repository,
            "registry-mirrors": engine.registry_mirrors,
            "insecure-registries": engine.insecure_registries,
            // Proxies, credentials of log drivers and the like are among their values.
            "daemon": engine.daemon.keys().collect::<Vec<_>>(),
        },
        "kubernetes": kubernetes(&spec.kubernetes),
        "external": {},
    });
    for kind in registry::inside() {
        let name = kind.name();
        shown[name.as_str()] = kind.shown(spec.sections.of(&name));
    }
    for driver in spec.sections.drivers() {
        let kind = registry::kind(driver);
        if kind.is_outside() {
            shown["external"][driver.as_str()] = kind.shown(spec.sections.of(driver));
        }
    }
    shown
}

fn kubernetes(options: &KubernetesOptions) -> Value {
    json!({
        "version": options.version,
        "bundle": options.bundle.is_some(),
        "repository": options.repository,
        "registry": options.registry,
        "cni": options.cni,
        "pod-subnet": options.pod_subnet,
        "service-subnet": options.service_subnet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DriverName, Orchestrator, Role};
    use crate::spec::MachineGroup;

    #[test]
    fn values_that_only_others_understand_stay_out() {
        let driver = DriverName::fixed("podbox");
        let group = MachineGroup::new(Role::Manager, 1, driver.clone());
        let name = "practice".parse().unwrap();
        let mut spec = ClusterSpec::new(name, Orchestrator::Swarm, vec![group]);
        spec.sections.choose("podbox", json!({ "zone": "hush-1" }));
        let proxies = json!({ "http-proxy": "http://hush-2@proxy:3128" });
        spec.engine.daemon.insert("proxies".to_owned(), proxies);
        spec.engine.labels.push("note=hush-3".to_owned());
        spec.sections.choose("ec2", json!({ "tags": { "a": "hush-4" }, "profile": "hush-5" }));
        spec.sections.choose("ssh", json!({ "identity": "/home/hush-6" }));
        let text = of(&Record::new(spec)).to_string();
        assert!(!text.contains("hush"), "{text}");
        for kept in ["cluster_id", "practice", "podbox", "zone", "proxies", "creating"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}
