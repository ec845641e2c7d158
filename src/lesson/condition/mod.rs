//! Conditions that steps are judged by: a tree, and a file for each family of what stands in it.

mod answer;
mod count;
mod engine_health;
mod exit;
mod image;
mod k8s_pods;
mod k8s_restarted;
mod k8s_rollout;
mod leaf;
mod machine;
mod nodes;
mod selection;
mod span;
mod story;
mod swarm_replaced;
mod swarm_service;
mod swarm_update;
mod tree;

pub use tree::Condition;

pub(super) use story::Story;
