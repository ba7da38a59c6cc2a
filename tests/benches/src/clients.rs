//! The client that is measured.

use docr::{Client, RepositoryHandle};
use tokio::runtime::{Builder, Runtime};

/// A client of the server.
pub fn docr_at(url: &str) -> Client {
    let builder = Client::builder().base_url(url);
    let client = builder.token("dop_v1_of_the_benchmarks").build();
    client.expect("a client")
}

/// A repository of the server. Its name is the number of its tags, such as `tags-1000`.
pub fn repository(docr: &Client, name: &str) -> RepositoryHandle {
    let registry = docr.registry("acme-images".parse().expect("a name"));
    registry.repository(name.parse().expect("a name"))
}

/// A single-threaded runtime.
pub fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}
