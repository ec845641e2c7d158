//! Conditions that steps are judged by: a tree, and a file for each family of what stands in it.

mod answer;
mod containers;
mod count;
mod engine_container;
mod engine_health;
mod exit;
mod image;
mod k8s_event;
mod k8s_jobs;
mod k8s_node;
mod k8s_object;
mod k8s_pods;
mod k8s_restarted;
mod k8s_rollout;
mod leaf;
mod lookout;
mod looks;
mod machine;
mod machine_file;
mod machine_unit;
mod nodes;
mod probe;
mod probes;
mod selection;
mod setting;
mod span;
mod story;
mod swarm_replaced;
mod swarm_service;
mod swarm_stack;
mod swarm_update;
mod tree;

pub use lookout::{Lookout, On};
pub use tree::Condition;

pub(super) use story::Story;
