//! The storage of a registry's repositories, read with as few requests as possible, several at a time.

use docr::{RegistryHandle, RepositoryUsage, StorageBytes};
use docr_sandbox::{Clock, Image, Sandbox};
use docr_tests::{
    raw_server::RawServer,
    sandbox::{Checked, TOKEN, client_at, noon, registry_name, sharing, start},
};
use tokio::sync::Barrier;

/// A registry with 454 repositories, about half of which have a second image.
async fn many() -> (Checked, Clock, RegistryHandle) {
    let (sandbox, clock) = start().await;
    sandbox.add_sample().unwrap();
    for number in 0..451_u64 {
        push(&sandbox, number, 1);
        if number % 2 == 0 {
            push(&sandbox, number, 2);
        }
    }
    let docr = sharing(&sandbox, &clock);
    (sandbox, clock, docr.registry("sample".parse().unwrap()))
}

fn push(sandbox: &Sandbox, number: u64, version: u64) {
    // All share the first layer.
    let image = Image::new(format!("many/r{number}")).sized_layer(1, 1_000_000);
    let image = image.sized_layer(10 * number + version + 100, 1000 * version);
    sandbox
        .push("sample", image.tag(format!("v{version}")))
        .unwrap();
}

async fn read_all(registry: &RegistryHandle, usage: Vec<RepositoryUsage>) -> Vec<RepositoryUsage> {
    let mut reading = registry.read_storage(usage);
    let mut all = Vec::new();
    while let Some(read) = reading.next().await {
        all.push(read.unwrap());
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

#[tokio::test]
async fn usage_takes_one_request_per_200_repositories_and_one_for_each_inexact_size() {
    let (sandbox, clock, registry) = many().await;
    let usage = registry.usage().await.unwrap();
    assert_eq!(sandbox.requests().len(), 3);
    assert_eq!(usage.len(), 454);
    let inexact = usage.iter().filter(|one| one.storage.exact().is_none());
    let inexact = inexact.count();
    // Half of the 451, and `shop/api` of the sample.
    assert_eq!(inexact, 226 + 1);

    let all = read_all(&registry, usage.clone()).await;
    assert_eq!(sandbox.requests().len(), 3 + inexact);
    assert_eq!(all.len(), 454);
    assert!(all.iter().all(|one| one.storage.exact().is_some()));
    // Exact sizes need no request.
    assert_eq!(read_all(&registry, all.clone()).await, all);
    assert_eq!(sandbox.requests().len(), 3 + inexact);
    for (listed, read) in usage.iter().filter_map(|listed| {
        let found = all.iter().find(|read| read.name == listed.name);
        Some((listed, found?))
    }) {
        assert!(
            listed.storage.at_least() <= read.storage.at_least(),
            "{listed:?} {read:?}"
        );
        assert_eq!((listed.tags, listed.manifests), (read.tags, read.manifests));
    }
    assert_eq!(
        (clock.now() - noon()).num_seconds(),
        0,
        "the requests fit into a minute"
    );
}

#[tokio::test]
async fn a_blob_shared_within_a_repository_is_counted_once() {
    let (_sandbox, _, registry) = many().await;
    let usage = registry.usage().await.unwrap();
    let wanted = usage
        .into_iter()
        .filter(|one| one.name == "many/r4")
        .collect();
    let read = read_all(&registry, wanted).await;
    let bytes = read[0].storage.exact().unwrap();
    // The shared layer, a layer of each image, and their configurations.
    assert!((1_003_000..1_004_000).contains(&bytes), "{bytes}");
    let repository = registry.repository("many/r4".parse().unwrap());
    assert_eq!(repository.storage_bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_repository_that_is_deleted_meanwhile_stores_nothing() {
    let (_sandbox, _, registry) = many().await;
    let usage = registry.usage().await.unwrap();
    let repository = registry.repository("many/r4".parse().unwrap());
    repository.delete().await.unwrap();
    let all = read_all(&registry, usage).await;
    let deleted = all.iter().find(|one| one.name == "many/r4").unwrap();
    assert_eq!(deleted.storage, StorageBytes::Exactly(0));
}

#[tokio::test]
async fn more_requests_than_a_minute_allows_are_paced_and_none_is_refused() {
    let (sandbox, clock, registry) = many().await;
    for number in (1..451).step_by(2) {
        push(&sandbox, number, 2);
    }
    let usage = registry.usage().await.unwrap();
    let all = read_all(&registry, usage).await;
    assert!(all.iter().all(|one| one.storage.exact().is_some()));
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 3 + 452);
    assert!(requests.iter().all(|request| request.status == 200));
    let took = (clock.now() - noon()).num_seconds();
    assert!((60..=65).contains(&took), "{took}");
}

#[tokio::test]
async fn eight_repositories_are_read_at_a_time() {
    const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 16\r\n\r\n{\"manifests\":[]}";
    // No response is sent before the eighth request has arrived.
    let barrier = std::sync::Arc::new(Barrier::new(8));
    let server = RawServer::serving(move |_, _| {
        let barrier = std::sync::Arc::clone(&barrier);
        async move {
            barrier.wait().await;
            EMPTY.into()
        }
    });
    let server = server.await;
    let (_sandbox, _, registry) = many().await;
    let usage = registry.usage().await.unwrap();
    let inexact = usage
        .into_iter()
        .filter(|one| one.storage.exact().is_none());
    let elsewhere = client_at(server.url(), TOKEN).registry(registry_name());
    let all = read_all(&elsewhere, inexact.take(16).collect()).await;
    assert_eq!(all.len(), 16);
}
