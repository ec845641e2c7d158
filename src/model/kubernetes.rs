//! What may be chosen about a Kubernetes cluster.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Sha256Sum, Subnet};

/// A release of Kubernetes: `1.32` for the newest patch there is, or `1.32.4`.
///
/// All releases since 2015 are 1.x ("Kubernetes Release Versioning", kubernetes.io), and what kubeadm
/// understands depends on the minor number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KubernetesVersion {
    /// The minor number: 32 of 1.32.
    pub minor: u16,
    /// The patch number, if one is meant.
    pub patch: Option<u16>,
}

impl KubernetesVersion {
    /// The oldest release that is supported.
    pub const OLDEST: Self = Self { minor: 34, patch: None };
    /// The newest release that was tested, and the one that is installed if none is asked for.
    pub const NEWEST: Self = Self { minor: 37, patch: None };
    /// The newest that runs with containerd 1.7, which Debian 13 and Ubuntu 24.04 have: later ones ask the
    /// container runtime for its cgroup driver, and containerd answers that since 2.0 ("Container Runtimes",
    /// kubernetes.io; kubernetes/kubernetes#139267).
    pub const LAST_FOR_CONTAINERD_1: Self = Self { minor: 37, patch: None };

    /// Whether a release is what this version asks for: `1.32.4` is a `1.32`.
    pub fn admits(self, release: Self) -> bool {
        self.minor == release.minor && (self.patch.is_none() || self.patch == release.patch)
    }

    /// Refuses a release that is too old. It can still be named: clusters of it may be there, and be removed.
    ///
    /// # Errors
    /// Which releases are supported, and by which program this one was.
    pub fn refuse_old(self) -> Result<(), String> {
        if self.minor >= Self::OLDEST.minor {
            return Ok(());
        }
        let had = if self.minor >= 20 { "; clusterdojo 0.1 had it" } else { "" };
        Err(format!(
            "Kubernetes {self} is too old: {} to {} are supported{had}",
            Self::OLDEST,
            Self::NEWEST
        ))
    }

    /// Whether nobody has tested it with this program yet.
    pub fn is_untested(self) -> bool {
        self.minor > Self::NEWEST.minor
    }

    /// Whether it needs containerd 2.
    pub fn needs_containerd_2(self) -> bool {
        self.minor > Self::LAST_FOR_CONTAINERD_1.minor
    }

    /// The version as Kubernetes' own programs and image tags write it: `v1.32.4`.
    pub fn tag(self) -> String {
        format!("v{self}")
    }
}

impl FromStr for KubernetesVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a Kubernetes version: write it as 1.32 or 1.32.4");
        let bare = text.strip_prefix('v').unwrap_or(text);
        // Digits only, because a number may also begin with a sign.
        let number = |n: &str| {
            let digits = !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
            if digits { n.parse().map_err(|_| wrong()) } else { Err(wrong()) }
        };
        let (major, rest) = bare.split_once('.').ok_or_else(wrong)?;
        let (minor, patch) = match rest.split_once('.') {
            Some((minor, patch)) => (number(minor)?, Some(number(patch)?)),
            None => (number(rest)?, None),
        };
        if major != "1" {
            return Err(wrong());
        }
        Ok(Self { minor, patch })
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            Some(patch) => f.pad(&format!("1.{}.{patch}", self.minor)),
            None => f.pad(&format!("1.{}", self.minor)),
        }
    }
}

impl TryFrom<String> for KubernetesVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KubernetesVersion> for String {
    fn from(version: KubernetesVersion) -> Self {
        version.to_string()
    }
}

/// What connects the pods of different nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PodNetwork {
    /// The `bridge` plugin on each node and a static route to each peer: nothing to pull, for machines
    /// that share one layer-2 network.
    #[default]
    Bridge,
    /// Nothing: the user brings one.
    None,
    /// flannel, as its project publishes it.
    Flannel,
    /// Calico, as its project publishes it.
    Calico,
    /// A manifest that is published at this address, `https://…` or `http://…`.
    Published(String),
    /// A manifest of the user's own.
    Manifest(PathBuf),
}

impl PodNetwork {
    /// Where flannel's manifest is (README of github.com/flannel-io/flannel).
    const FLANNEL: &str =
        "https://github.com/flannel-io/flannel/releases/latest/download/kube-flannel.yml";
    /// Where Calico's is ("Install Calico networking for on-premises deployments", docs.tigera.io); those
    /// of a release only have an address that stays.
    const CALICO: &str =
        "https://raw.githubusercontent.com/projectcalico/calico/v3.30.3/manifests/calico.yaml";

    /// Where its manifest is published, if it has one that is.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Flannel => Some(Self::FLANNEL),
            Self::Calico => Some(Self::CALICO),
            Self::Published(address) => Some(address),
            Self::Bridge | Self::None | Self::Manifest(_) => None,
        }
    }
}

impl FromStr for PodNetwork {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bridge" => Ok(Self::Bridge),
            "none" => Ok(Self::None),
            "flannel" => Ok(Self::Flannel),
            "calico" => Ok(Self::Calico),
            address if address.starts_with("https://") || address.starts_with("http://") => {
                Ok(Self::Published(address.to_owned()))
            }
            file if file.contains('/') || file.contains('.') => Ok(Self::Manifest(file.into())),
            other => Err(format!(
                "`{other}` is not a pod network: expected bridge, flannel, calico, none, or the address or \
                 the path of a manifest, such as ./network.yaml"
            )),
        }
    }
}

impl fmt::Display for PodNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge => f.pad("bridge"),
            Self::None => f.pad("none"),
            Self::Flannel => f.pad("flannel"),
            Self::Calico => f.pad("calico"),
            Self::Published(address) => f.pad(address),
            Self::Manifest(path) => f.pad(&path.to_string_lossy()),
        }
    }
}

impl TryFrom<String> for PodNetwork {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PodNetwork> for String {
    fn from(network: PodNetwork) -> Self {
        network.to_string()
    }
}

/// What may be chosen about a Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct KubernetesOptions {
    /// The release; absent means what the bundle holds, or [`KubernetesVersion::NEWEST`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<KubernetesVersion>,
    /// A bundle with everything inside, so that nothing is fetched from the internet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<PathBuf>,
    /// The base address of the package repository; absent means the one that this computer knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The fingerprint of the key that signs the package repository; absent means that its key is fetched from
    /// there, which takes https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_key: Option<Fingerprint>,
    /// Where images are pulled from, instead of the registry that kubeadm knows: `HOST[:PORT][/PATH]`.
    /// `http://` before it means without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// What connects the pods.
    pub cni: PodNetwork,
    /// The SHA-256 sum of a manifest that is published; absent means that it is taken as it comes, which takes
    /// https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni_sha256: Option<Sha256Sum>,
    /// The address range of pods.
    pub pod_subnet: Subnet,
    /// The address range of services.
    pub service_subnet: Subnet,
}

impl KubernetesOptions {
    /// Whether nothing was chosen.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What the names of images begin with, if they come from another registry than usual.
    pub fn image_repository(&self) -> Option<&str> {
        let registry = self.registry.as_deref()?;
        let bare = registry.split_once("://").map_or(registry, |(_, bare)| bare);
        Some(bare.trim_end_matches('/'))
    }

    /// Refuses a machine at an address that a pod or a service may get as well: its peers would not find it there.
    ///
    /// # Errors
    /// Which range it is in, and what chooses another one.
    pub fn refuse_address(&self, what: &str, address: IpAddr) -> Result<(), String> {
        let IpAddr::V4(v4) = address else { return Ok(()) };
        for (kind, subnet) in [("pod", self.pod_subnet), ("service", self.service_subnet)] {
            if subnet.contains(v4) {
                return Err(format!(
                    "{what} is at {address}, within the {kind} subnet {subnet}: --{kind}-subnet chooses another one"
                ));
            }
        }
        Ok(())
    }

    /// The `HOST[:PORT]` of the registry, if it is to be spoken to without TLS.
    pub fn plain_registry(&self) -> Option<&str> {
        let bare = self.registry.as_deref()?.strip_prefix("http://")?;
        bare.split('/').next()
    }
}

impl Default for KubernetesOptions {
    /// The usual release, with the address ranges that kubeadm's documentation uses.
    fn default() -> Self {
        Self {
            version: None,
            bundle: None,
            repository: None,
            repository_key: None,
            registry: None,
            cni: PodNetwork::default(),
            cni_sha256: None,
            pod_subnet: Subnet::containing([10, 244, 0, 0].into(), 16),
            service_subnet: Subnet::containing([10, 96, 0, 0].into(), 16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_back_as_written() {
        for text in ["1.20", "1.20.2", "1.36.0"] {
            assert_eq!(text.parse::<KubernetesVersion>().unwrap().to_string(), text);
        }
        assert_eq!("v1.32.4".parse::<KubernetesVersion>().unwrap().tag(), "v1.32.4");
        for bad in ["", "1", "2.1", "1.x", "1.32.", "1.+32", "1.32.4.5", "latest"] {
            assert!(bad.parse::<KubernetesVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn old_releases_are_refused_by_name() {
        let refused = |text: &str| text.parse::<KubernetesVersion>().unwrap().refuse_old();
        for good in ["1.34", "1.34.0", "1.37.2", "1.38"] {
            assert_eq!(refused(good), Ok(()), "{good}");
        }
        let old = refused("1.33.4").unwrap_err();
        assert!(old.contains("1.33.4 is too old: 1.34 to 1.37 are supported"), "{old}");
        assert!(old.contains("clusterdojo 0.1 had it"), "{old}");
        assert!(!refused("1.19").unwrap_err().contains("had it"), "no program had that");
    }

    #[test]
    fn a_minor_version_admits_each_of_its_patches() {
        let version = |text: &str| text.parse::<KubernetesVersion>().unwrap();
        assert!(version("1.32").admits(version("1.32.4")));
        assert!(!version("1.32.3").admits(version("1.32.4")));
        assert!(!version("1.31").admits(version("1.32.4")));
    }

    #[test]
    fn names_of_images_do_not_tell_how_a_registry_is_spoken_to() {
        for (registry, repository, plain) in [
            ("mirror.example/k8s/", "mirror.example/k8s", None),
            ("https://mirror.example", "mirror.example", None),
            ("http://10.0.0.1:5000/k8s", "10.0.0.1:5000/k8s", Some("10.0.0.1:5000")),
        ] {
            let options =
                KubernetesOptions { registry: Some(registry.to_owned()), ..Default::default() };
            assert_eq!(options.image_repository(), Some(repository));
            assert_eq!(options.plain_registry(), plain);
        }
        assert_eq!(KubernetesOptions::default().image_repository(), None);
    }

    #[test]
    fn no_machine_is_where_pods_or_services_are() {
        let refused = |address: &str| {
            KubernetesOptions::default().refuse_address("machine `a`", address.parse().unwrap())
        };
        for (address, words) in [
            ("10.244.3.7", ["within the pod subnet 10.244.0.0/16", "--pod-subnet"]),
            ("10.96.0.9", ["within the service subnet 10.96.0.0/16", "--service-subnet"]),
        ] {
            let said = refused(address).unwrap_err();
            assert!(said.contains(&format!("machine `a` is at {address}")), "{said}");
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        }
        for good in ["10.245.0.1", "192.168.1.7", "2001:db8::1"] {
            assert_eq!(refused(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn pod_networks_read_back_as_written() {
        for text in ["bridge", "none", "flannel", "calico", "https://a.example/b", "./calico.yaml"]
        {
            let network = text.parse::<PodNetwork>().unwrap();
            assert_eq!(network.to_string(), text);
            let fetched = text.contains("://") || ["flannel", "calico"].contains(&text);
            assert_eq!(network.address().is_some(), fetched, "{text}");
        }
        assert!("brigde".parse::<PodNetwork>().is_err());
    }
}
