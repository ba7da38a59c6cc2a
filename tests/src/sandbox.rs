//! A sandbox in a known state: its clock stands still and its ids repeat, so that snapshots do too.

use chrono::{DateTime, Utc};
use docr::{Client, CreateRegistry, Region, RegistryName, TierSlug};
use docr_sandbox::{CertificateSeed, Clock, Sandbox};

/// The token of the first account.
pub const TOKEN: &str = "dop_v1_of_the_tests";

/// The instant at which every sandbox starts.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_268_800, 0).expect("an instant in range")
}

/// A sandbox that checks its own answers against the spec, and its clock.
pub async fn start() -> (Sandbox, Clock) {
    let clock = Clock::manual(noon());
    let sandbox = Sandbox::builder()
        .token(TOKEN)
        .clock(clock.clone())
        .check_answers(true)
        .start()
        .await
        .expect("a free port on the loopback");
    (sandbox, clock)
}

/// A client of the sandbox's first account.
pub fn client(sandbox: &Sandbox) -> Client {
    client_at(sandbox.url(), TOKEN)
}

/// A client of the server at `url`.
pub fn client_at(url: &str, token: &str) -> Client {
    Client::builder()
        .base_url(url)
        .token(token)
        .build()
        .expect("a well-formed loopback URL")
}

/// The name of the registry that [`furnish`] creates.
pub fn registry_name() -> RegistryName {
    RegistryName::new("acme-images").expect("a well-formed name")
}

/// What the tests create.
pub fn wanted_registry() -> CreateRegistry {
    CreateRegistry::new(registry_name(), TierSlug::Basic).region(Region::Fra1)
}

/// Puts a registry and a certificate into the sandbox, and returns the certificate's id.
pub async fn furnish(sandbox: &Sandbox) -> String {
    client(sandbox)
        .account_registry()
        .create(wanted_registry())
        .await
        .expect("an empty account takes a registry");
    sandbox.add_certificate(CertificateSeed::lets_encrypt(
        "shop-front",
        ["shop.example.com"],
    ))
}

/// Fails if an answer of the sandbox broke the spec.
pub fn assert_conforming(sandbox: &Sandbox) {
    let violations: Vec<_> = sandbox
        .violations()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(violations.is_empty(), "{violations:#?}");
}
