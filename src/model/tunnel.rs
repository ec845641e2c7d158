//! A port of this computer that leads somewhere for as long as a command runs.

use std::fmt;
use std::str::FromStr;

/// The far side itself.
const HERE: &str = "127.0.0.1";

/// Where connections to a port of this computer go: `8080:80`, `8080:db.internal:5432`, or `80`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The port on 127.0.0.1 of this computer; 0 for any that is free.
    pub local: u16,
    /// The host, as the far side sees it.
    pub host: String,
    /// The port there.
    pub port: u16,
}

impl FromStr for Tunnel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a forwarding: write it as LOCAL:REMOTE or LOCAL:HOST:REMOTE, as in \
                 8080:80; a LOCAL that is left out or 0 becomes a free port"
            )
        };
        let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
        // From the right, because the host may be an IPv6 address: 8080:[fd00::1]:80.
        let (rest, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = number(port)?;
        let (local, host) = match rest.split_once(':') {
            Some((local, host)) => (local, Some(host)),
            None => (rest, None),
        };
        let local = if local.is_empty() { 0 } else { number(local)? };
        let host = host.unwrap_or(HERE);
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let bare = bare.filter(|h| h.contains(':')).unwrap_or(host);
        let foreign = |c: char| c.is_whitespace() || c.is_control() || "[]/@".contains(c);
        if port == 0 || bare.is_empty() || bare.contains(foreign) {
            return Err(wrong());
        }
        if bare == host && host.contains(':') {
            return Err(wrong());
        }
        Ok(Self { local, host: bare.to_owned(), port })
    }
}

impl Tunnel {
    /// Whether no host was named.
    pub fn is_plain(&self) -> bool {
        self.host == HERE
    }
}

/// Where it leads to.
impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_are_written_as_with_ssh_and_kubectl() {
        for (text, local, to) in [
            ("8080:80", 8080, "127.0.0.1:80"),
            ("80", 0, "127.0.0.1:80"),
            (":80", 0, "127.0.0.1:80"),
            ("0:80", 0, "127.0.0.1:80"),
            ("5432:db.internal:5433", 5432, "db.internal:5433"),
            (":worker-2:80", 0, "worker-2:80"),
            ("8080:[fd00::1]:80", 8080, "[fd00::1]:80"),
        ] {
            let tunnel: Tunnel = text.parse().unwrap();
            assert_eq!((tunnel.local, tunnel.to_string().as_str()), (local, to), "{text}");
        }
        for bad in [
            "",
            "web",
            "80:",
            "80:0",
            "1:2:3:4",
            "80:a b:80",
            "70000:80",
            "-1:80",
            "8080::80",
            "1:[]:2",
        ] {
            assert!(bad.parse::<Tunnel>().is_err(), "{bad}");
        }
    }
}
