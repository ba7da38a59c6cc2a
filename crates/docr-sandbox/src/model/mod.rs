//! The world of a sandbox: accounts and what belongs to them. It is independent of HTTP.

pub(crate) mod account;
pub(crate) mod api_token;
mod as_text;
pub(crate) mod certificate;
pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod collection;
pub(crate) mod credential;
pub(crate) mod document;
pub(crate) mod ids;
pub(crate) mod image;
pub(crate) mod newest;
pub(crate) mod pem;
pub(crate) mod push;
pub(crate) mod rate;
pub(crate) mod registry;
pub(crate) mod repository;
pub(crate) mod revision;
pub(crate) mod row;
pub(crate) mod size;
pub(crate) mod store;
pub(crate) mod tier;
pub(crate) mod token;
pub(crate) mod tree;
pub(crate) mod upload;
