//! Kubernetes, the way its documentation shows it: `kubeadm init` on the first control plane, and
//! `kubeadm join` everywhere else ("Creating a cluster with kubeadm", kubernetes.io).
//!
//! - [`Kubeadm`]: how this program does it
//! - [`ByHand`]: the same for a person who does it by hand
//! - `steps`: what both of them do on nodes
//! - `api`: what is asked of a control plane
//! - `config`: the files that kubeadm is given
//! - `etcd`: what is to be done about the cluster's store beside what kubeadm does
//! - `front`: what stands before several control planes
//! - `network`: what connects the pods
//! - `upgrade`: another release

mod api;
mod by_hand;
mod by_program;
mod config;
mod etcd;
mod failure;
mod front;
mod network;
mod patience;
mod steps;
pub(super) mod upgrade;

pub use self::by_hand::ByHand;
pub use self::by_program::Kubeadm;
pub use self::steps::LOOK;
