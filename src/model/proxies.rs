//! Proxies that lead to the internet.

use std::net::IpAddr;

use super::Secret;

/// The proxies of an HTTP client, and what it reaches without. Their addresses may hold passwords.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Secret>,
    https: Option<Secret>,
    none: Vec<String>,
}

impl Proxies {
    /// Proxies as environment variables hold them: an address each, and a list with commas. `None` where
    /// there is no proxy.
    ///
    /// # Errors
    /// What is wrong with an address; the address itself is not in it, as it may hold a password.
    pub fn new(
        http: Option<&str>,
        https: Option<&str>,
        none: Option<&str>,
    ) -> Result<Option<Self>, String> {
        let http = http.map(address).transpose().map_err(|why| format!("HTTP_PROXY {why}"))?;
        let https = https.map(address).transpose().map_err(|why| format!("HTTPS_PROXY {why}"))?;
        if http.is_none() && https.is_none() {
            return Ok(None);
        }
        let none = none.unwrap_or_default().split([',', ' ']);
        let none: Vec<_> = none.filter(|entry| !entry.is_empty()).map(str::to_owned).collect();
        if none.iter().any(|entry| !is_plain(entry)) {
            return Err("NO_PROXY holds what is no name and no address".to_owned());
        }
        Ok(Some(Self { http, https, none }))
    }

    /// The same, with more that is reached without a proxy.
    #[must_use]
    pub fn but_not_for(mut self, further: impl IntoIterator<Item = String>) -> Self {
        for entry in further {
            if !self.none.contains(&entry) {
                self.none.push(entry);
            }
        }
        self
    }

    /// The environment variables for a program, in both cases: some read the one, some the other.
    pub fn variables(&self) -> Vec<(String, Secret)> {
        let none = (!self.none.is_empty()).then(|| Secret::new(self.none.join(",")));
        let all = [("http_proxy", &self.http), ("https_proxy", &self.https), ("no_proxy", &none)];
        let set = all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        set.flat_map(|(name, value)| {
            [(name.to_uppercase(), value.clone()), (name.to_owned(), value)]
        })
        .collect()
    }

    /// The first proxy that only this computer reaches, as HOST:PORT.
    pub fn on_loopback(&self) -> Option<&str> {
        let both = [&self.http, &self.https].into_iter().flatten();
        let mut hosts = both.map(|proxy| authority(proxy.expose()));
        hosts.find(|host| is_loopback(host))
    }
}

/// An address with its scheme; programs differ in what they take for granted.
fn address(text: &str) -> Result<Secret, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    // It is written into files that shells and systemd read.
    if !is_plain(&whole) {
        return Err("holds characters that belong percent-encoded into an address".to_owned());
    }
    if authority(&whole).is_empty() {
        return Err("is not the address of a proxy: write it as http://HOST:PORT".to_owned());
    }
    Ok(Secret::new(whole))
}

/// Whether a text means itself within single quotes, to whatever reads it.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && !b"'\"\\`$".contains(&b))
}

/// Host and port of an address, without name and password.
fn authority(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(http: &str, none: &str) -> Proxies {
        Proxies::new(Some(http), None, Some(none)).unwrap().unwrap()
    }

    fn value(proxies: &Proxies, name: &str) -> Option<String> {
        let variables = proxies.variables();
        variables.into_iter().find(|(n, _)| n == name).map(|(_, v)| v.expose().to_owned())
    }

    #[test]
    fn variables_come_in_both_cases_and_with_what_is_ours() {
        let ours = ["10.200.0.0/16", ".svc", "here.example"].map(str::to_owned);
        let proxies = proxies("proxy.example:3128", "here.example, 192.0.2.0/24").but_not_for(ours);
        for name in ["HTTP_PROXY", "http_proxy"] {
            assert_eq!(value(&proxies, name).unwrap(), "http://proxy.example:3128");
        }
        let none = "here.example,192.0.2.0/24,10.200.0.0/16,.svc";
        assert_eq!(value(&proxies, "NO_PROXY").as_deref(), Some(none));
        assert_eq!(value(&proxies, "no_proxy").as_deref(), Some(none));
        assert_eq!(value(&proxies, "HTTPS_PROXY"), None);
        assert_eq!(Proxies::new(None, None, Some("a")), Ok(None));
    }

    #[test]
    fn passwords_are_neither_shown_nor_executed() {
        let secret = "http://me:hunter2@proxy.example:3128";
        let shown = format!("{:?}", Proxies::new(Some(secret), Some(secret), None));
        assert!(!shown.contains("hunter2"), "{shown}");
        for bad in
            ["http://me:'hunter2'@p:1", "http://p:1 hunter2", "http://p:1\nhunter2", "$(hunter2):1"]
        {
            let refused = Proxies::new(Some(bad), None, None).unwrap_err();
            assert!(
                refused.starts_with("HTTP_PROXY ") && !refused.contains("hunter2"),
                "{refused}"
            );
        }
        assert!(Proxies::new(None, Some("https://"), None).is_err());
        assert!(Proxies::new(Some("p:1"), None, Some("a'b")).is_err());
    }

    #[test]
    fn proxies_that_only_this_computer_reaches_are_known() {
        for there in
            ["http://127.0.0.1:3128", "localhost:3128", "http://me:x@[::1]:3128/", "127.9.9.9"]
        {
            assert!(proxies(there, "").on_loopback().is_some(), "{there}");
        }
        for elsewhere in
            ["http://192.0.2.1:3128", "proxy.localhost.example:1", "http://127.0.0.1@p:1"]
        {
            assert_eq!(proxies(elsewhere, "").on_loopback(), None, "{elsewhere}");
        }
        assert_eq!(proxies("http://me:x@localhost:1", "").on_loopback(), Some("localhost:1"));
    }
}
