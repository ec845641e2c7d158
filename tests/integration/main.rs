//! Tests that need nothing but a temporary directory.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bundle;
mod cli;
mod context;
mod documents;
mod ec2_policy;
mod external;
mod kubeconfig;
mod layers;
mod places;
mod refusals;
mod report;
mod unwritable;
