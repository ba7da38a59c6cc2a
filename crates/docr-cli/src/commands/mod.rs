//! A folder for each noun and a file for each command: its arguments, its help and what it does.

pub(crate) mod certificate;
pub(crate) mod configure_docker;
pub(crate) mod credentials;
mod docker;
pub(crate) mod gc;
pub(crate) mod kubelet_config;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod prune;
pub(crate) mod try_out;
pub(crate) mod usage;
