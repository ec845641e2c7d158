//! Tests that need nothing but a temporary directory.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test may panic, and shares with others")]

mod alarm;
mod answers;
mod bundle;
mod certificates;
mod cli;
mod context;
#[cfg(feature = "ec2")]
mod credentials;
mod documents;
mod ec2_policy;
mod external;
mod fault;
mod files;
#[expect(dead_code, reason = "the other tests need what is not needed here")]
mod hook;
mod images;
mod import;
mod intents;
mod interrupt;
mod kubeconfig;
mod kubectl;
mod lab;
mod layers;
mod lesson;
mod lost;
mod others;
mod places;
mod pointed;
mod refusals;
mod report;
mod screen;
mod snapshot;
mod telling;
mod toy;
mod unwritable;
mod verbs;
mod view;
mod waiting;
mod watch;
mod webhook;
