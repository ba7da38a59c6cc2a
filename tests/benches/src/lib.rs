//! The client that docr is compared with, and the server that both call.

pub mod callgrind;
pub mod clients;
pub mod raw_client;
pub mod server;
