//! The server: connections, requests and responses.

pub(crate) mod body;
pub(crate) mod conformance;
pub(crate) mod connection;
pub(crate) mod limits;
mod listener;
pub(crate) mod problem;
pub(crate) mod redact;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod written;
