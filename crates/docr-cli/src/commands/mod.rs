//! A file for each command: its arguments, its help and what it does.

mod audit;
pub(crate) mod certificates;
pub(crate) mod configure_docker;
mod docker;
mod expiry;
pub(crate) mod gc;
pub(crate) mod kubelet_config;
pub(crate) mod kubernetes_secret;
pub(crate) mod login;
pub(crate) mod logout;
mod plan;
pub(crate) mod prune;
pub(crate) mod usage;
