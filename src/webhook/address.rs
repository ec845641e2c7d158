//! Where messages go.

use http::Uri;
use http::uri::Scheme;

use crate::model::Secret;

/// The URL of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Secret);

/// What is wrong with the URL of a webhook; it does not say the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// There is nothing.
    #[error("the URL of the webhook is empty")]
    Empty,
    /// It is no URL, or of something else.
    #[error(
        "the URL of the webhook is none: it has to begin with https:// or http:// and be on one line"
    )]
    NoUrl,
    /// A name or a password is in it, which would not be sent.
    #[error(
        "the URL of the webhook names a user, which webhooks of Slack and Mattermost do not have"
    )]
    User,
}

impl Address {
    /// Reads a URL; white space around it does not count.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &Secret) -> Result<Self, InvalidAddress> {
        let text = text.expose().trim();
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        let uri: Uri = text.parse().map_err(|_| InvalidAddress::NoUrl)?;
        let is_web = [&Scheme::HTTPS, &Scheme::HTTP].iter().any(|it| uri.scheme() == Some(it));
        if !is_web || uri.host().is_none_or(str::is_empty) {
            return Err(InvalidAddress::NoUrl);
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(InvalidAddress::User);
        }
        Ok(Self(Secret::new(text)))
    }

    /// Whether whoever is on the way there can read it: it leaves this computer without encryption.
    pub fn is_open(&self) -> bool {
        !self.is_https() && !self.is_loopback()
    }

    /// Whether it leads to the computer itself that sends there.
    pub fn is_loopback(&self) -> bool {
        let uri = self.uri();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether those who send there have to trust authorities.
    pub fn is_https(&self) -> bool {
        self.uri().scheme() == Some(&Scheme::HTTPS)
    }

    /// The URL itself.
    pub fn url(&self) -> &Secret {
        &self.0
    }

    pub(super) fn uri(&self) -> Uri {
        self.0.expose().parse().expect("it was read before")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Address, InvalidAddress> {
        Address::read(&Secret::new(text))
    }

    #[test]
    fn only_urls_of_the_web_are_taken_and_none_is_repeated() {
        let taken = read(" https://hooks.example/services/T0/B0/hunter2\n").unwrap();
        assert_eq!(taken.uri().path(), "/services/T0/B0/hunter2");
        assert!(!format!("{taken:?}").contains("hunter2"));
        for (wrong, why) in [
            ("", InvalidAddress::Empty),
            (" \n", InvalidAddress::Empty),
            ("hunter2", InvalidAddress::NoUrl),
            ("/hunter2", InvalidAddress::NoUrl),
            ("ftp://hooks.example/hunter2", InvalidAddress::NoUrl),
            ("https:///hunter2", InvalidAddress::NoUrl),
            ("https://hooks.example/a\nhttps://hooks.example/hunter2", InvalidAddress::NoUrl),
            ("https://me:hunter2@hooks.example/", InvalidAddress::User),
        ] {
            let refused = read(wrong).unwrap_err();
            assert_eq!(refused, why, "{wrong:?}");
            assert!(!refused.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn what_leaves_this_computer_in_the_open_is_known() {
        for (url, open) in [
            ("https://hooks.example/x", false),
            ("http://127.0.0.1:8065/x", false),
            ("http://localhost/x", false),
            ("http://[::1]:8065/x", false),
            ("http://chat.example/x", true),
            ("http://192.0.2.7/x", true),
        ] {
            assert_eq!(read(url).unwrap().is_open(), open, "{url}");
        }
    }
}
