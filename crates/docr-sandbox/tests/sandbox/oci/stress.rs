//! Concurrent pushes, deletions and garbage collections, and what is left afterwards.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use docr_sandbox::{GcTiming, RateLimits, Sandbox};
use serde_json::{Value, json};

use super::{Client, MANIFEST, descriptor, image, secret, sha256};
use crate::Bench;

const TASKS: u64 = 16;
const STEPS: usize = 100;
const REPOSITORIES: [&str; 4] = ["a", "b", "c/d", "e"];
const COLLECTION: &str = "/v2/registries/acme/garbage-collection";

/// Random numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % limit
    }

    fn repository(&mut self) -> &'static str {
        REPOSITORIES[self.below(REPOSITORIES.len())]
    }

    fn tag(&mut self) -> String {
        format!("t{}", self.below(6))
    }

    /// One of a few layers, some of them too large for memory.
    fn layer(&mut self) -> Vec<u8> {
        let number = self.below(12);
        let length = if number.is_multiple_of(3) {
            70_000
        } else {
            100
        };
        vec![number as u8; length]
    }
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Pushed,
    Collected,
    Other,
}

/// Does something at random. Others interfere: anything may be refused, but nothing may fail.
async fn step(client: &Client<'_>, random: &mut Random) -> Option<Done> {
    let repository = random.repository();
    let at = |rest: &str| format!("/v2/acme/{repository}/{rest}");
    let mut done = Done::Other;
    let status = match random.below(144) {
        0..=70 => {
            done = Done::Pushed;
            push(client, random, repository).await
        }
        71..=80 => {
            let path = at(&format!("manifests/{}", random.tag()));
            client.send("DELETE", &path, "").await.status
        }
        81..=87 => {
            let digest = sha256(image(&random.layer(), "").as_bytes());
            let path = at(&format!("manifests/{digest}"));
            client.send("DELETE", &path, "").await.status
        }
        88..=98 => {
            let (digest, from) = (sha256(&random.layer()), random.repository());
            let path = at(&format!("blobs/uploads/?mount={digest}&from=acme/{from}"));
            client.send("POST", &path, "").await.status
        }
        99..=110 => {
            // Half an upload, abandoned or cancelled.
            let started = client.send("POST", &at("blobs/uploads/"), "").await;
            if started.status == 202 {
                let to = started.header("location");
                client.send("PATCH", to, random.layer()).await;
                if random.below(2) == 0 {
                    client.send("DELETE", to, "").await;
                }
            }
            started.status
        }
        111..=125 => {
            let escaped = repository.replace('/', "%2F");
            let path = format!("/v2/registries/acme/repositories/{escaped}");
            match random.below(8) {
                0 => client.bench.delete(&path).await.status,
                _ => {
                    let path = format!("{path}/tags/{}", random.tag());
                    client.bench.delete(&path).await.status
                }
            }
        }
        126 => {
            done = Done::Collected;
            let kinds = [
                "unreferenced blobs only",
                "untagged manifests only",
                "untagged manifests and unreferenced blobs",
            ];
            let body = json!({ "type": kinds[random.below(3)] });
            client.bench.post(COLLECTION, body).await.status
        }
        _ => {
            client.bench.clock.advance(Duration::from_secs(1));
            client.get(&at("tags/list")).await.status
        }
    };
    assert!(status < 500, "{status}");
    (200..300).contains(&status).then_some(done)
}

async fn push(client: &Client<'_>, random: &mut Random, repository: &str) -> u16 {
    let layer = random.layer();
    for content in [b"{}".to_vec(), layer.clone()] {
        let digest = sha256(&content);
        let path = format!("/v2/acme/{repository}/blobs/uploads/?digest={digest}");
        let reply = client.send("POST", &path, content).await;
        if reply.status != 201 {
            return reply.status;
        }
    }
    let (text, tag) = (image(&layer, ""), random.tag());
    let pushed = client.put_manifest(repository, &tag, &text).await;
    if pushed.status == 201 && random.below(3) == 0 {
        let child = descriptor(MANIFEST, text.as_bytes());
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{child}]}}"#);
        return client.put_manifest(repository, &tag, &index).await.status;
    }
    pushed.status
}

/// The blobs that the API lists, by their digests, and checks that each manifest and each blob can be read.
async fn listed(client: &Client<'_>) -> BTreeSet<(String, u64)> {
    let mut blobs = BTreeSet::new();
    for repository in REPOSITORIES {
        let escaped = repository.replace('/', "%2F");
        let path = format!("/v2/registries/acme/repositories/{escaped}/digests?per_page=200");
        let manifests = client.bench.get(&path).await;
        if manifests.status == 404 {
            continue;
        }
        for manifest in manifests.json()["manifests"].as_array().unwrap() {
            let digest = manifest["digest"].as_str().unwrap();
            let path = format!("/v2/acme/{repository}/manifests/{digest}");
            assert_eq!(sha256(&client.bytes(&path).await), digest);
            for blob in manifest["blobs"].as_array().unwrap() {
                let digest = blob["digest"].as_str().unwrap().to_owned();
                let path = format!("/v2/acme/{repository}/blobs/{digest}");
                let content = client.bytes(&path).await;
                assert_eq!(sha256(&content), digest);
                let size: &Value = &blob["compressed_size_bytes"];
                assert_eq!(size.as_u64(), Some(content.len() as u64));
                blobs.insert((digest, content.len() as u64));
            }
        }
    }
    blobs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_pushes_deletions_and_collections_leave_exactly_the_needed_blobs() {
    let quick = GcTiming {
        requested: Duration::from_secs(1),
        waiting: Duration::from_secs(1),
        scanning: Duration::from_secs(1),
        deleting: Duration::from_secs(1),
        cancelling: Duration::from_secs(1),
    };
    let limits = RateLimits {
        per_minute: u32::MAX,
        per_hour: u32::MAX,
    };
    let bench = Bench::with(|builder| builder.gc_timing(quick).rate_limits(limits)).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "professional" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let done = Mutex::new(Vec::new());
    let password = secret(&bench, "?read_write=true").await;
    let tasks = (0..TASKS).map(|seed| {
        let (client, done) = (Client::basic(&bench, password.clone()), &done);
        async move {
            let mut random = Random(seed);
            for _ in 0..STEPS {
                let step = step(&client, &mut random).await;
                done.lock().unwrap().extend(step);
            }
        }
    });
    join_all(tasks.collect()).await;
    let done = done.into_inner().unwrap();
    let count = |kind| done.iter().filter(|done| **done == kind).count();
    let (pushes, collections) = (count(Done::Pushed), count(Done::Collected));
    println!("{pushes} pushes, {collections} collections");
    assert!(pushes > 100 && collections > 2, "{pushes}, {collections}");

    // Abandoned uploads are dropped, an active garbage collection finishes, and another one deletes what is unreferenced.
    bench.clock.advance(Duration::from_secs(86_400));
    assert_eq!(bench.get(COLLECTION).await.status, 404);
    let client = Client::basic(&bench, password);
    let started = bench.post(COLLECTION, json!({})).await;
    assert_eq!(started.status, 201, "{}", started.text);
    bench.clock.advance(Duration::from_secs(3600));
    let blobs = listed(&client).await;
    let registry = bench.get("/v2/registry").await.json();
    let stored = registry["registry"]["storage_usage_bytes"]
        .as_u64()
        .unwrap();
    assert_eq!(stored, blobs.iter().map(|(_, size)| size).sum::<u64>());
    for number in 0..12_u8 {
        for length in [100, 70_000] {
            let digest = sha256(&vec![number; length]);
            let is_listed = blobs.contains(&(digest.clone(), length as u64));
            let mut is_there = false;
            for repository in REPOSITORIES {
                let path = format!("/v2/acme/{repository}/blobs/{digest}");
                is_there |= client.send("HEAD", &path, "").await.status == 200;
            }
            assert_eq!(is_there, is_listed, "{digest}");
        }
    }
    // Files are deleted in the background.
    let files = blobs.iter().filter(|(_, size)| *size > 65_536).count();
    let mut found = usize::MAX;
    for _ in 0..10_000 {
        found = files_of(&bench.sandbox);
        if found == files {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(found, files);
}

fn files_of(sandbox: &Sandbox) -> usize {
    std::fs::read_dir(sandbox.storage()).unwrap().count()
}

/// Runs futures concurrently in one task, served by several threads of the sandbox.
async fn join_all(tasks: Vec<impl Future<Output = ()>>) {
    let mut tasks: Vec<_> = tasks.into_iter().map(Box::pin).map(Some).collect();
    std::future::poll_fn(|cx| {
        for slot in &mut tasks {
            if let Some(task) = slot
                && task.as_mut().poll(cx).is_ready()
            {
                *slot = None;
            }
        }
        match tasks.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}
