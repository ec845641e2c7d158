//! Messages to a chat, by an incoming webhook as Slack and Mattermost have it: a POST of `{"text":"…"}`.
//!
//! Whoever knows its URL may write there, so that the URL is a secret: it stands in nothing that is said here, nor does what
//! a server answers, which may repeat it.

mod address;
mod authorities;
mod client;
mod message;
mod sender;

pub use address::{Address, InvalidAddress};
pub use authorities::authorities;
pub use client::NoClient;
pub use sender::{Said, Sender};
