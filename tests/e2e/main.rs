//! Tests against a real Docker engine, with real systemd machines, real sshd and a real swarm. They
//! fail, and say how to mend it, where the engine is missing; `scripts/test` brings everything.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs, unreachable_pub)]

mod api_server;
mod browser;
mod by_hand;
mod certs;
mod contract;
#[cfg(feature = "ec2")]
mod ec2;
mod external;
mod fault;
mod faults;
mod forward;
#[expect(dead_code, reason = "the other tests need what is not needed here")]
#[path = "../integration/hook.rs"]
mod hook;
mod installed_watch;
mod kill;
mod kubernetes;
mod kubernetes_faults;
mod kubernetes_ha;
mod kubernetes_upgrade;
mod lesson;
mod listing;
mod logs;
mod neighbour;
mod observe;
mod packages;
mod proxy;
mod scale;
mod service;
mod snapshot;
mod ssh;
mod ssh_hosts;
mod swarm;
mod verbs;
mod view;
mod watch;
mod world;
