//! What may be chosen about hosts that are there already.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::driver::section::Options;
use crate::model::DriverName;

/// Its name.
pub(super) const DRIVER: DriverName = DriverName::fixed("ssh");

/// What may be chosen about machines that are hosts of the user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SshOptions {
    /// The hosts. Machines are given to them in this order.
    pub hosts: Vec<SshHost>,
    /// Who logs in, where a host does not say; absent means what the user's own `ssh` would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The port of sshd, where a host does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The private key for the first contact, where a host does not say; absent means the agent and
    /// the keys that the user's own `ssh` would try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<PathBuf>,
    /// The host through which the others are reached, where one does not say, as `ssh -J` takes it; absent
    /// means what the user's own `ssh` would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump: Option<String>,
    /// A configuration file for `ssh` instead of the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// Take hosts that carry Docker data or a swarm, or that another cluster has claimed.
    #[serde(skip_serializing_if = "is_false")]
    pub adopt: bool,
    /// When hosts are given back, also remove the packages that came with the cluster.
    #[serde(skip_serializing_if = "is_false")]
    pub remove_docker: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Options for SshOptions {
    const KEY: &'static str = "ssh";
}

/// A host that is there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SshHost {
    /// Its name or address, or a `Host` of the user's `ssh` configuration.
    pub address: String,
    /// Who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The port of its sshd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The private key for the first contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<PathBuf>,
    /// The host through which it is reached, as in [`SshOptions`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<String>,
    /// Its public host key, one OpenSSH line; absent means that it must stand in `known_hosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// Its address among its peers, if it is not the one that this computer uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_address: Option<IpAddr>,
    /// As in [`SshOptions`], for this host alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adopt: bool,
}

impl SshHost {
    /// A host of which only the address is known.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            user: None,
            port: None,
            identity: None,
            jump: None,
            host_key: None,
            private_address: None,
            adopt: false,
        }
    }
}

/// Writes what [`FromStr`] reads; the rest of it is left out.
impl fmt::Display for SshHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (self.address.contains(':'), self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.address),
            (false, Some(port)) => write!(f, "{}:{port}", self.address),
            (_, None) => f.write_str(&self.address),
        }
    }
}

/// Reads `[user@]address[:port]`; an IPv6 address stands in brackets if a port follows.
impl FromStr for SshHost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a host: write it as [USER@]ADDRESS[:PORT]");
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (address, port) = if let Some(rest) = rest.strip_prefix('[') {
            let (address, port) = rest.split_once(']').ok_or_else(wrong)?;
            (address, port.strip_prefix(':'))
        } else if rest.matches(':').count() == 1 {
            let (address, port) = rest.split_once(':').ok_or_else(wrong)?;
            (address, Some(port))
        } else {
            (rest, None)
        };
        let port = port.map(|port| port.parse().ok().filter(|p| *p > 0).ok_or_else(wrong));
        let host =
            Self { user: user.map(str::to_owned), port: port.transpose()?, ..Self::new(address) };
        host.validate().map_err(|_| wrong())?;
        Ok(host)
    }
}

impl SshOptions {
    /// Checks what types alone cannot say, for `machines` machines that are to come from here.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn validate(&self, machines: usize) -> Result<(), String> {
        for host in &self.hosts {
            host.validate()?;
        }
        if let Some(user) = self.user.as_deref().filter(|user| !is_user(user)) {
            return Err(format!("`{user}` cannot be a user's name"));
        }
        jump(self.jump.as_deref())?;
        for (index, host) in self.hosts.iter().enumerate() {
            let same = |other: &SshHost| {
                (&other.address, &other.user, other.port) == (&host.address, &host.user, host.port)
            };
            if self.hosts[..index].iter().any(same) {
                return Err(format!("host `{}` is given twice", host.address));
            }
        }
        match (self.hosts.len(), machines) {
            (0, 1..) => Err("no hosts are given for the machines of driver ssh".to_owned()),
            (hosts, wanted) if hosts < wanted => Err(format!(
                "{wanted} machines are to be made of {hosts} hosts: each needs one of its own"
            )),
            _ => Ok(()),
        }
    }
}

impl SshHost {
    /// Checks what types alone cannot say. What goes on the command line of `ssh` must not pass for one of its options.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn validate(&self) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._:%-".contains(c);
        let address = &self.address;
        if address.is_empty() || address.starts_with('-') || !address.chars().all(plain) {
            return Err(format!("`{address}` is not the name or address of a host"));
        }
        if let Some(user) = self.user.as_deref().filter(|user| !is_user(user)) {
            return Err(format!("`{user}` cannot be a user's name"));
        }
        jump(self.jump.as_deref())?;
        match self.host_key.as_deref().map(key) {
            Some(None) => Err(format!(
                "the host key of `{address}` is not a line like `ssh-ed25519 AAAA…`, of type \
                 ssh-ed25519 or ecdsa"
            )),
            _ => Ok(()),
        }
    }
}

/// Checks what `ssh -J` takes: one host after the other, or `none`.
fn jump(text: Option<&str>) -> Result<(), String> {
    for host in text.into_iter().flat_map(|text| text.split(',')) {
        host.parse::<SshHost>()?;
    }
    Ok(())
}

fn is_user(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(plain)
}

/// The type and the data of a public key that can be pinned; a comment behind them is left out.
pub(super) fn key(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    let (kind, data) = (words.next()?, words.next()?);
    let known = kind == "ssh-ed25519" || kind.starts_with("ecdsa-sha2-nistp");
    let plain = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    (known && data.starts_with("AAAA") && data.chars().all(plain) && !line.contains('\n'))
        .then_some((kind, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_people_write_them() {
        let read = |text: &str| {
            let host: SshHost = text.parse().unwrap();
            (host.user, host.address, host.port)
        };
        let host = |user: Option<&str>, address: &str, port| {
            (user.map(str::to_owned), address.to_owned(), port)
        };
        assert_eq!(read("box"), host(None, "box", None));
        assert_eq!(read("pi@192.0.2.7:2222"), host(Some("pi"), "192.0.2.7", Some(2222)));
        assert_eq!(read("2001:db8::1"), host(None, "2001:db8::1", None));
        assert_eq!(read("root@[2001:db8::1]:22"), host(Some("root"), "2001:db8::1", Some(22)));
        for text in ["box", "pi@192.0.2.7:2222", "2001:db8::1", "root@[2001:db8::1]:22"] {
            assert_eq!(text.parse::<SshHost>().unwrap().to_string(), text);
        }
        for bad in
            ["", "-oProxyCommand=x", "a b", "a@-b", "-x@b", "box:0", "box:x", "[::1", "a;b", "@a"]
        {
            assert!(bad.parse::<SshHost>().is_err(), "{bad}");
        }
    }

    #[test]
    fn each_machine_needs_a_host_of_its_own() {
        let hosts = |hosts: &[&str]| SshOptions {
            hosts: hosts.iter().map(|h| h.parse().unwrap()).collect(),
            ..SshOptions::default()
        };
        assert_eq!(hosts(&["a", "b"]).validate(2), Ok(()));
        assert_eq!(hosts(&[]).validate(0), Ok(()));
        assert!(hosts(&["a"]).validate(2).unwrap_err().contains("2 machines"));
        assert!(hosts(&["a", "a"]).validate(1).unwrap_err().contains("twice"));
    }

    #[test]
    fn only_keys_that_can_be_pinned_are_taken() {
        assert_eq!(key("ssh-ed25519 AAAAC3Nz me@box"), Some(("ssh-ed25519", "AAAAC3Nz")));
        assert!(key("ecdsa-sha2-nistp256 AAAAE2Vj").is_some());
        for bad in ["ssh-rsa AAAAB3Nz", "ssh-ed25519", "SHA256:abc", "ssh-ed25519 AAAA\nx y AAAA"] {
            assert_eq!(key(bad), None, "{bad}");
        }
    }
}
