//! The files that kubeadm is given; `tests` refuse fields that it does not have.
//!
//! Source: "kubeadm Configuration (v1beta4)", kubernetes.io.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{KubernetesOptions, KubernetesVersion, Secret, Service};

use super::patience;

/// How long a token to join is good for: the machines that it is for are waiting already.
pub(super) const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// The format of kubeadm's configuration. 1.37 has `v1` as well, with the same fields, but calls it experimental and
/// takes it neither to begin nor to join a cluster.
const API: &str = "kubeadm.k8s.io/v1beta4";
/// Where containerd listens for kubelet.
const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";
/// Names the resolver that pods get, where they cannot use the machine's own; `prepare.sh` writes it.
const RESOLVER: &str = "/etc/clusterdojo/resolv.conf";

/// What the configuration depends on beside what was chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The machine has the unified cgroup hierarchy, which systemd manages.
    pub cgroup_v2: bool,
    /// The machine is a container: kernel settings, swap and disk are its host's.
    pub container: bool,
    /// The machine has a resolver for its pods, because they cannot use its own.
    pub resolver: bool,
}

impl Facts {
    /// Reads what the script of that name printed.
    pub(super) fn parse(output: &str) -> Self {
        let has = |word: &str| output.lines().any(|line| line.trim() == word);
        Self { cgroup_v2: has("cgroup-v2"), container: has("container"), resolver: has("resolver") }
    }
}

/// A node that kubeadm makes a member.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    /// Its name in the cluster.
    pub name: String,
    /// Its address among its peers.
    pub address: IpAddr,
    /// The release that is installed on it.
    pub version: KubernetesVersion,
    /// What was found on it.
    pub facts: &'a Facts,
    /// What its kubelet is told otherwise than those of the cluster's other nodes, see [`Member::beside`].
    pub flags: Vec<(&'static str, String)>,
}

impl Member<'_> {
    fn registration(&self) -> Value {
        // A machine may have several addresses; its peers know this one.
        let mut kubelet = vec![("node-ip", self.address.to_string())];
        if self.facts.resolver {
            kubelet.push(("resolv-conf", RESOLVER.to_owned()));
        }
        kubelet.extend(self.flags.iter().cloned());
        json!({
            "name": self.name,
            "criSocket": CRI_SOCKET,
            "kubeletExtraArgs": arguments(&kubelet),
            "ignorePreflightErrors": self.ignored(),
        })
    }

    /// The same member in a cluster whose kubelets share this configuration, which is that of the machine
    /// on which the cluster began. What does not suit this machine, its kubelet is told by flags: they have
    /// precedence, every kubelet has them, and kubeadm keeps them with the node, also when it is upgraded.
    pub(super) fn beside(mut self, shared: &Value) -> Self {
        let settings = of_machine(self.facts, self.version).into_iter();
        let others = settings.filter(|s| *shared.get(s.field).unwrap_or(&s.default) != s.value);
        self.flags = others.map(|s| (s.flag, s.as_flag())).collect();
        self
    }

    /// Preflight errors that do not apply here.
    pub(super) fn ignored(&self) -> Vec<&'static str> {
        let mut ignored = vec!["NumCPU", "Mem"];
        if self.facts.container {
            // Kernel, modules and swap are the host's.
            ignored.extend([
                "SystemVerification",
                "Swap",
                "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
            ]);
        }
        ignored
    }
}

/// Arguments of a component.
fn arguments(arguments: &[(&str, String)]) -> Value {
    arguments.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// What a new cluster is to be.
#[derive(Debug, Clone)]
pub(super) struct Cluster<'a> {
    /// Its name.
    pub name: String,
    /// Where members find its API: the load balancer, or the only control plane.
    pub endpoint: IpAddr,
    /// Further names and addresses that API servers' certificates are good for.
    pub names: Vec<String>,
    /// Whether several control planes share the work, and so have to agree on who does it.
    pub shared: bool,
    /// What was chosen.
    pub options: &'a KubernetesOptions,
    /// Whether the addresses of pods are handed out by our own pod network.
    pub own_pods: bool,
}

/// The configuration of `kubeadm init`: four YAML documents.
pub(super) fn init(cluster: &Cluster<'_>, member: &Member<'_>, token: &Secret) -> Secret {
    let mut controllers = vec![
        ("leader-elect", cluster.shared.to_string()),
        // All its controllers begin at once, and by default they wait for each other's questions.
        ("kube-api-qps", "100".to_owned()),
        ("kube-api-burst", "200".to_owned()),
    ];
    if cluster.own_pods {
        // Nobody needs it to hand out addresses, and others would wait 10 s for its first list.
        let list = "*,bootstrapsigner,tokencleaner,-nodeipam".to_owned();
        controllers.push(("controllers", list));
    }
    let mut configuration = json!({
        "apiVersion": API,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.name,
        "kubernetesVersion": member.version.tag(),
        // As safe as RSA of 3072 bits (NIST SP 800-57, part 1, table 2), and made and used in a fraction of the time.
        "encryptionAlgorithm": "ECDSA-P256",
        "controlPlaneEndpoint": format!("{}:{}", cluster.endpoint, Service::Api.port()),
        "networking": {
            "podSubnet": cluster.options.pod_subnet,
            "serviceSubnet": cluster.options.service_subnet,
        },
        "apiServer": {
            "certSANs": cluster.names,
            // One that is to end lets go of those who watch, instead of waiting for them until it is killed.
            "extraArgs": arguments(&[("shutdown-send-retry-after", "true".to_owned())]),
        },
        "controllerManager": { "extraArgs": arguments(&controllers) },
        "scheduler": { "extraArgs": arguments(&[("leader-elect", cluster.shared.to_string())]) },
    });
    if let Some(registry) = cluster.options.image_repository() {
        configuration["imageRepository"] = json!(registry);
    }
    let mut init = json!({
        "apiVersion": API,
        "kind": "InitConfiguration",
        "bootstrapTokens": [{
            "token": token.expose(),
            "ttl": patience::seconds(TOKEN_LIFE),
            "usages": ["signing", "authentication"],
            "groups": ["system:bootstrappers:kubeadm:default-node-token"],
        }],
        "nodeRegistration": member.registration(),
        "localAPIEndpoint": {
            "advertiseAddress": member.address,
            "bindPort": Service::Api.port(),
        },
    });
    patience::add(&mut init);
    documents(&[init, configuration, kubelet(cluster, member), kube_proxy()])
}

/// The configuration of `kubeadm init phase upload-certs`, which encrypts the cluster's own keys with
/// `key` and stores them for two hours.
pub(super) fn upload(member: &Member<'_>, key: &Secret) -> Secret {
    let init = json!({
        "apiVersion": API,
        "kind": "InitConfiguration",
        "nodeRegistration": member.registration(),
        "localAPIEndpoint": {
            "advertiseAddress": member.address,
            "bindPort": Service::Api.port(),
        },
        "certificateKey": key.expose(),
    });
    // Without a version kubeadm asks the internet for the newest one.
    let cluster = json!({
        "apiVersion": API,
        "kind": "ClusterConfiguration",
        "kubernetesVersion": member.version.tag(),
    });
    documents(&[init, cluster])
}

pub(super) fn kubelet(cluster: &Cluster<'_>, member: &Member<'_>) -> Value {
    let mut kubelet = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
    });
    for setting in of_machine(member.facts, member.version) {
        if setting.value != setting.default {
            kubelet[setting.field] = setting.value;
        }
    }
    if cluster.own_pods {
        // kubelet tells early only once somebody has given its node a pod subnet; else after this time.
        let often = patience::seconds(Duration::from_secs(1));
        kubelet["nodeStatusUpdateFrequency"] = json!(often);
        kubelet["nodeStatusReportFrequency"] = json!("5m");
    }
    if cluster.shared {
        // A control plane that joins waits until the API knows of its etcd, which kubelet tells so often.
        kubelet["syncFrequency"] = json!(patience::seconds(Duration::from_secs(5)));
    }
    kubelet
}

/// Something that a kubelet has to know of the machine that it runs on.
struct Setting {
    /// What it is called in kubelet's configuration.
    field: &'static str,
    /// The flag that says the same.
    flag: &'static str,
    value: Value,
    /// What kubelet takes if it is told nothing; null if it must be told.
    default: Value,
}

impl Setting {
    /// The value as the flag has it: thresholds are written `nodefs.available<10%,…`.
    fn as_flag(&self) -> String {
        match &self.value {
            Value::String(text) => text.clone(),
            Value::Object(map) => {
                let below = |(name, value): (&String, &Value)| {
                    format!("{name}<{}", value.as_str().unwrap_or_default())
                };
                map.iter().map(below).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        }
    }
}

/// What kubelet is told of a machine ("Kubelet Configuration (v1beta1)" and "kubelet", kubernetes.io).
fn of_machine(facts: &Facts, version: KubernetesVersion) -> Vec<Setting> {
    let usual = json!({
        "memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%",
        "imagefs.available": "15%",
    });
    // The host's swap and disk; a lesson must not end because the laptop's disk is nearly full.
    let never =
        json!({ "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%" });
    let set = |field, flag, value, default| Setting { field, flag, value, default };
    let driver = if facts.cgroup_v2 { "systemd" } else { "cgroupfs" };
    let (most, evict) = if facts.container { (100, never) } else { (85, usual.clone()) };
    let mut settings = vec![
        set("cgroupDriver", "cgroup-driver", json!(driver), Value::Null),
        set("failSwapOn", "fail-swap-on", json!(!facts.container), json!(true)),
        set("imageGCHighThresholdPercent", "image-gc-high-threshold", json!(most), json!(85)),
        set("evictionHard", "eviction-hard", evict, usual),
    ];
    if version.minor >= 35 && !facts.cgroup_v2 {
        settings.push(set("failCgroupV1", "fail-cgroupv1", json!(false), json!(true)));
    }
    settings
}

/// All nodes share it. The size of the connection table stays as each of their kernels has it, because that
/// of a container is its host's.
fn kube_proxy() -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "conntrack": { "maxPerCore": 0, "min": 0 },
    })
}

/// How a node finds and trusts the cluster that it joins.
#[derive(Debug, Clone)]
pub(super) struct Discovery<'a> {
    /// `ADDRESS:PORT` of the API.
    pub endpoint: &'a str,
    /// The secret that lets it in.
    pub token: &'a Secret,
    /// `sha256:…` of the public key of the cluster's authority (RFC 7469, 2.4).
    pub ca_pin: &'a str,
}

/// The configuration of `kubeadm join`; with a certificate key the node becomes a control plane.
pub(super) fn join(
    member: &Member<'_>,
    discovery: &Discovery<'_>,
    certificate_key: Option<&Secret>,
) -> Secret {
    let mut join = json!({
        "apiVersion": API,
        "kind": "JoinConfiguration",
        "nodeRegistration": member.registration(),
        "discovery": {
            "bootstrapToken": {
                "token": discovery.token.expose(),
                "apiServerEndpoint": discovery.endpoint,
                "caCertHashes": [discovery.ca_pin],
            },
        },
    });
    if let Some(key) = certificate_key {
        join["controlPlane"] = json!({
            "localAPIEndpoint": {
                "advertiseAddress": member.address,
                "bindPort": Service::Api.port(),
            },
            "certificateKey": key.expose(),
        });
    }
    patience::add(&mut join);
    documents(&[join])
}

fn documents(documents: &[Value]) -> Secret {
    let text = documents.iter().map(|document| {
        serde_saphyr::to_string(document).expect("JSON values are YAML with string keys")
    });
    Secret::new(text.collect::<Vec<_>>().join("---\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    /// Every field that may be used, read from the upstream types.
    const FIELDS: &[(&str, &[&str])] = &[
        (
            "InitConfiguration",
            &[
                "bootstrapTokens.token",
                "bootstrapTokens.ttl",
                "bootstrapTokens.usages",
                "bootstrapTokens.groups",
                "bootstrapTokens.description",
                "nodeRegistration.name",
                "nodeRegistration.criSocket",
                "nodeRegistration.taints",
                "nodeRegistration.kubeletExtraArgs",
                "nodeRegistration.ignorePreflightErrors",
                "timeouts",
                "localAPIEndpoint.advertiseAddress",
                "localAPIEndpoint.bindPort",
                "certificateKey",
            ],
        ),
        (
            "ClusterConfiguration",
            &[
                "etcd",
                "networking.serviceSubnet",
                "networking.podSubnet",
                "networking.dnsDomain",
                "kubernetesVersion",
                "controlPlaneEndpoint",
                "apiServer.certSANs",
                "apiServer.extraArgs",
                "apiServer.extraVolumes",
                "controllerManager.extraArgs",
                "scheduler.extraArgs",
                "dns",
                "certificatesDir",
                "imageRepository",
                "featureGates",
                "clusterName",
                "encryptionAlgorithm",
            ],
        ),
        (
            "JoinConfiguration",
            &[
                "nodeRegistration.name",
                "nodeRegistration.criSocket",
                "nodeRegistration.taints",
                "nodeRegistration.kubeletExtraArgs",
                "nodeRegistration.ignorePreflightErrors",
                "timeouts",
                "caCertPath",
                "discovery.bootstrapToken.token",
                "discovery.bootstrapToken.apiServerEndpoint",
                "discovery.bootstrapToken.caCertHashes",
                "discovery.tlsBootstrapToken",
                "controlPlane.localAPIEndpoint.advertiseAddress",
                "controlPlane.localAPIEndpoint.bindPort",
                "controlPlane.certificateKey",
            ],
        ),
    ];

    /// The paths of a document's values; what is below an allowed path is the user's or a component's.
    fn paths(value: &Value, before: &str, allowed: &[&str], found: &mut Vec<String>) {
        if allowed.contains(&before) {
            found.push(before.to_owned());
            return;
        }
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let path =
                        if before.is_empty() { key.clone() } else { format!("{before}.{key}") };
                    paths(value, &path, allowed, found);
                }
            }
            Value::Array(list) => list.iter().for_each(|v| paths(v, before, allowed, found)),
            _ => found.push(before.to_owned()),
        }
    }

    /// Why a text is not a configuration that every kubeadm understands.
    fn refused(text: &str) -> Vec<String> {
        let mut refused = Vec::new();
        for document in text.split("---\n") {
            let mut value: Map<String, Value> = serde_saphyr::from_str(document).unwrap();
            let api = value.remove("apiVersion").unwrap();
            let kind = value.remove("kind").unwrap();
            if !api.as_str().unwrap().starts_with("kubeadm.k8s.io/") {
                continue;
            }
            let fields = FIELDS.iter().find(|(name, _)| *name == kind.as_str().unwrap());
            let (_, allowed) = fields.unwrap_or_else(|| panic!("kind {kind}"));
            let mut found = Vec::new();
            paths(&Value::Object(value), "", allowed, &mut found);
            refused.extend(found.into_iter().filter(|path| !allowed.contains(&path.as_str())));
        }
        refused
    }

    fn member(minor: u16, facts: &Facts) -> Member<'_> {
        Member {
            name: "control-plane-1".to_owned(),
            address: [10, 200, 7, 2].into(),
            version: KubernetesVersion { minor, patch: Some(2) },
            facts,
            flags: Vec::new(),
        }
    }

    /// The flags of a machine that joins a cluster which was begun on another one.
    fn flags(minor: u16, first: &Facts, joining: &Facts) -> String {
        let options = KubernetesOptions::default();
        let cluster = Cluster {
            name: "practice".to_owned(),
            endpoint: [10, 200, 7, 2].into(),
            names: Vec::new(),
            shared: false,
            options: &options,
            own_pods: true,
        };
        let member = member(minor, joining);
        let shared = kubelet(&cluster, &self::member(minor, first));
        let flags = member.beside(&shared).flags;
        flags.iter().map(|(flag, value)| format!("--{flag}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn machines_of_another_kind_than_the_first_tell_their_kubelets_so() {
        let host = Facts { cgroup_v2: true, ..Facts::default() };
        let container = Facts { container: true, ..Facts::default() };
        for alike in [&host, &container] {
            assert_eq!(flags(36, alike, alike), "");
        }
        assert_eq!(
            flags(36, &host, &container),
            "--cgroup-driver=cgroupfs --fail-swap-on=false --image-gc-high-threshold=100 \
             --eviction-hard=nodefs.available<0%,nodefs.inodesFree<0%,imagefs.available<0% \
             --fail-cgroupv1=false"
        );
        assert_eq!(
            flags(36, &container, &host),
            "--cgroup-driver=systemd --fail-swap-on=true --image-gc-high-threshold=85 --eviction-hard=\
             memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%"
        );
        let old = flags(34, &host, &Facts::default());
        assert_eq!(old, "--cgroup-driver=cgroupfs", "a flag that it does not know stops kubelet");
        // They reach kubelet in every format.
        for minor in [34, 37] {
            let flags = vec![("cgroup-driver", "cgroupfs".to_owned())];
            let member = Member { flags, ..member(minor, &host) };
            let token = Secret::new("abcdef.0123456789abcdef");
            let discovery = Discovery { endpoint: "h:1", token: &token, ca_pin: "sha256:00" };
            let text = join(&member, &discovery, None);
            assert!(text.expose().contains("cgroup-driver"), "1.{minor}");
            assert_eq!(refused(text.expose()), Vec::<String>::new());
        }
    }

    fn text(minor: u16, facts: &Facts) -> String {
        let options =
            KubernetesOptions { registry: Some("mirror.example".to_owned()), ..Default::default() };
        let cluster = Cluster {
            name: "practice".to_owned(),
            endpoint: [10, 200, 7, 2].into(),
            names: vec!["127.0.0.1".to_owned()],
            shared: false,
            options: &options,
            own_pods: true,
        };
        let member = member(minor, facts);
        let token = Secret::new("abcdef.0123456789abcdef");
        let discovery =
            Discovery { endpoint: "10.200.7.2:6443", token: &token, ca_pin: "sha256:00" };
        let key = Secret::new("00");
        let texts = [
            init(&cluster, &member, &token),
            upload(&member, &key),
            join(&member, &discovery, None),
            join(&member, &discovery, Some(&key)),
        ];
        texts.each_ref().map(|t| t.expose().to_owned()).join("---\n")
    }

    #[test]
    fn only_fields_that_every_kubeadm_has_are_used() {
        for minor in [34, 36, 37, 38] {
            for container in [false, true] {
                let facts = Facts { container, ..Facts::default() };
                assert_eq!(refused(&text(minor, &facts)), Vec::<String>::new(), "1.{minor}");
            }
        }
        let wrong = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
                     apiServer:\n  timeoutForControlPlane: 4m\n";
        assert_eq!(refused(wrong), ["apiServer.timeoutForControlPlane"]);
    }

    #[test]
    fn each_release_gets_the_format_that_it_reads() {
        for minor in [34, 36, 37, 38] {
            let text = text(minor, &Facts::default());
            assert!(text.contains("kubeadm.k8s.io/v1beta4"), "1.{minor}: {text}");
            assert!(text.contains("name: node-ip"), "{text}");
            assert!(text.contains("10.200.7.2"), "{text}");
        }
    }

    #[test]
    fn a_kubelet_that_refuses_cgroup_v1_is_told_to_bear_it() {
        let told = |minor, facts: &Facts| text(minor, facts).contains("failCgroupV1: false");
        assert!(told(35, &Facts::default()));
        assert!(!told(34, &Facts::default()), "a field that it does not know stops kubelet");
        assert!(!told(35, &Facts { cgroup_v2: true, ..Facts::default() }));
    }

    #[test]
    fn tokens_are_not_shown() {
        let facts = Facts::default();
        let member = member(36, &facts);
        let token = Secret::new("abcdef.0123456789abcdef");
        let discovery = Discovery { endpoint: "h:1", token: &token, ca_pin: "sha256:00" };
        let key = Secret::new("fedcba9876543210");
        let configs = [join(&member, &discovery, Some(&key)), upload(&member, &key)];
        let shown = format!("{configs:?} {discovery:?}");
        assert!(!shown.contains("0123456789abcdef") && !shown.contains("fedcba9876543210"));
    }
}
