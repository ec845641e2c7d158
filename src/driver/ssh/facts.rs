//! What a host says of itself, and whether it can become a machine.

use std::net::IpAddr;

use super::claim::Claim;
use super::options;
use crate::driver::Error;
use crate::model::{Finding, Level, counted};

/// What a host says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(super) struct Facts {
    /// As the kernel calls it: `x86_64`.
    pub(super) architecture: String,
    /// What the system calls itself.
    system: String,
    /// What systemd knows it by (machine-id(5)).
    machine_id: String,
    systemd: bool,
    apt: bool,
    /// Its own addresses.
    addresses: Vec<IpAddr>,
    /// The one that it has towards most others.
    usual: Option<IpAddr>,
    /// Its public host keys.
    keys: Vec<String>,
    /// Where sshd looks for the keys that may log in.
    pub(super) keys_file: Option<String>,
    docker: bool,
    containers: usize,
    volumes: usize,
    swarm: bool,
    /// A file that speaks of a Kubernetes of somebody else.
    kubernetes: Option<String>,
    /// The mark, if there is one; `Err` holds one that cannot be read.
    pub(super) claim: Option<Result<Claim, String>>,
}

impl Facts {
    /// Reads what `probe.sh` prints. Words that are not known are for another version.
    pub(super) fn parse(text: &str) -> Self {
        let mut facts = Self::default();
        for line in text.lines() {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            let value = value.trim();
            match word {
                "architecture" => value.clone_into(&mut facts.architecture),
                "system" => value.clone_into(&mut facts.system),
                "machine-id" => value.clone_into(&mut facts.machine_id),
                "systemd" => facts.systemd = true,
                "apt" => facts.apt = true,
                "address" => facts.addresses.extend(value.parse::<IpAddr>()),
                "usual" => facts.usual = value.parse().ok(),
                "key" if options::key(value).is_some() => facts.keys.push(value.to_owned()),
                "keys-file" => facts.keys_file = Some(value.to_owned()),
                "docker" => facts.docker = true,
                "containers" => facts.containers = value.parse().unwrap_or(0),
                "volumes" => facts.volumes = value.parse().unwrap_or(0),
                "swarm" => facts.swarm = true,
                "kubernetes" => facts.kubernetes = Some(value.to_owned()),
                "claim" => {
                    let read = serde_json::from_str(value);
                    facts.claim = Some(read.map_err(|error: serde_json::Error| error.to_string()));
                }
                _ => {}
            }
        }
        facts
    }

    /// The mark, if it can be read.
    pub(super) fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()?.as_ref().ok()
    }

    /// The mark, if there is one.
    ///
    /// # Errors
    /// [`Error::Failed`] if it cannot be read: it may be of a later version, or anybody's.
    pub(super) fn readable_claim(&self, host: &str) -> Result<Option<&Claim>, Error> {
        match &self.claim {
            Some(Err(why)) => Err(Error::Failed {
                operation: "read `/etc/clusterdojo/machine.json` of",
                subject: format!("host `{host}`"),
                source: why.as_str().into(),
            }),
            Some(Ok(claim)) => Ok(Some(claim)),
            None => Ok(None),
        }
    }

    /// Whether two names lead to one host.
    pub(super) fn is_same_host(&self, other: &Self) -> bool {
        !self.machine_id.is_empty()
            && self.machine_id == other.machine_id
            && self.keys == other.keys
    }

    /// Whether one of these host keys is its own; each is an OpenSSH line. One that tells no key may have any.
    pub(super) fn has_one_of(&self, keys: &[String]) -> bool {
        let is_own = |key: &String| {
            let parsed = options::key(key);
            parsed.is_some() && self.keys.iter().any(|own| options::key(own) == parsed)
        };
        self.keys.is_empty() || keys.iter().any(is_own)
    }

    /// The host key to pin: the strongest of those that sshd says it has.
    pub(super) fn host_key(&self) -> Option<&str> {
        let of = |kind: &str| self.keys.iter().find(|key| key.starts_with(kind));
        of("ssh-ed25519 ").or_else(|| of("ecdsa-sha2-")).map(String::as_str)
    }

    /// The host's address among its peers: the one that this computer uses, if that is really one of the
    /// host's own and not a forwarded port's; else the one that the host uses itself.
    pub(super) fn private_address(&self, dialled: Option<IpAddr>) -> Option<IpAddr> {
        dialled.filter(|address| self.addresses.contains(address)).or(self.usual)
    }

    /// What keeps the host from becoming a machine, whoever it belongs to.
    pub(super) fn unfit(&self) -> Option<String> {
        if !self.systemd {
            return Some("it does not run systemd".to_owned());
        }
        if !self.apt {
            return Some(format!(
                "its system is {}, and packages can be installed on Debian, Ubuntu and their relatives \
                 only",
                self.system
            ));
        }
        if self.keys_file.is_none() {
            return Some(
                "its sshd takes no keys from files (`AuthorizedKeysFile none`)".to_owned(),
            );
        }
        if self.host_key().is_none() {
            return Some("its sshd has no host key of type ssh-ed25519 or ecdsa".to_owned());
        }
        // Its data and ours would share everything that kubelet keeps.
        self.kubernetes.as_ref().filter(|_| self.claim.is_none()).map(|file| {
            format!(
                "it belongs to a Kubernetes cluster already (`{file}`), which cannot be adopted"
            )
        })
    }

    /// What of somebody else the host carries, which only a word of the user may risk.
    pub(super) fn carries(&self) -> Option<String> {
        if self.claim.is_some() {
            return None;
        }
        let count = |number: usize, noun: &str| (number > 0).then(|| counted(number, noun));
        let swarm = self.swarm.then(|| "membership in a swarm".to_owned());
        let what: Vec<_> =
            [count(self.containers, "container"), count(self.volumes, "volume"), swarm]
                .into_iter()
                .flatten()
                .collect();
        (!what.is_empty()).then(|| what.join(", "))
    }

    /// What `dojo doctor` says of the host.
    pub(super) fn finding(&self, host: &str, adopt: bool) -> Finding {
        let subject = format!("host {host}");
        if let Some(why) = self.unfit() {
            return Finding::problem(subject, why, "choose another host");
        }
        match self.carries() {
            Some(what) if !adopt => Finding {
                level: Level::Warning,
                ..Finding::problem(
                    subject,
                    format!("it carries {what}"),
                    "`--adopt` takes it all the same",
                )
            },
            _ => {
                let docker = if self.docker { "with Docker" } else { "without Docker" };
                let of = self.claim().and_then(Claim::machine_id);
                let of = of.map(|machine| format!(", machine `{machine}`")).unwrap_or_default();
                let detail = format!("{} on {}, {docker}{of}", self.system, self.architecture);
                Finding::ok(subject, detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: &str = "architecture x86_64\nsystemd yes\napt yes\nsystem Debian GNU/Linux 13\n\
        address 10.0.0.5\naddress fd00::5\nusual 10.0.0.5\nkey ssh-rsa AAAAB3\n\
        key ecdsa-sha2-nistp256 AAAAE2\nkey ssh-ed25519 AAAAC3\nkeys-file /root/.ssh/authorized_keys\n\
        containers 0\nvolumes 0\n";

    #[test]
    fn a_free_host_is_fit_and_tells_its_best_key() {
        let facts = Facts::parse(FREE);
        assert_eq!((facts.unfit(), facts.carries()), (None, None));
        assert_eq!(facts.host_key(), Some("ssh-ed25519 AAAAC3"));
        assert_eq!(facts.finding("box", false).level, Level::Ok);
    }

    #[test]
    fn a_forwarded_port_is_not_the_address_among_peers() {
        let facts = Facts::parse(FREE);
        let private = |dialled: &str| facts.private_address(dialled.parse().ok());
        assert_eq!(private("10.0.0.5"), "10.0.0.5".parse().ok());
        assert_eq!(private("fd00::5"), "fd00::5".parse().ok());
        assert_eq!(private("203.0.113.1"), "10.0.0.5".parse().ok());
        assert_eq!(private("through another host"), "10.0.0.5".parse().ok());
    }

    #[test]
    fn what_belongs_to_somebody_is_seen() {
        let with = |more: &str| Facts::parse(&format!("{FREE}{more}\n"));
        assert_eq!(with("containers 1").carries().as_deref(), Some("1 container"));
        let both = with("volumes 2\nswarm yes");
        assert_eq!(both.carries().as_deref(), Some("2 volumes, membership in a swarm"));
        assert_eq!(both.finding("box", false).level, Level::Warning);
        assert_eq!(both.finding("box", true).level, Level::Ok);
        assert!(with("kubernetes /etc/kubernetes/kubelet.conf").unfit().is_some());
        assert!(Facts::parse("architecture x86_64\napt yes").unfit().is_some());
        assert!(with("claim {\"half").claim.unwrap().is_err());
    }
}
