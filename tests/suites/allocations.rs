//! Allocations of the hot paths, compared with a baseline in the repository. They don't depend on how busy the machine is.
//! `UPDATE_BASELINE=1 cargo test -p docr-tests --test allocations` updates the baseline.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{Mutex, PoisonError},
    thread,
};

use docr::{Digest, RepositoryName, Tag, retention::RetentionPlan};
use docr_benches::raw_client::RawClient;
use docr_tests::{plans::images_of_one_tag, sandbox::client_at};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What a call allocates on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cost {
    blocks: f64,
    bytes: f64,
}

type Costs = BTreeMap<String, Cost>;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/allocations.json");
const ROUNDS: u64 = 64;

/// Only one profiler can run at a time.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn a_plan_takes_at_most_300_bytes_per_image_beyond_its_inventory() {
    const IMAGES: usize = 10_000;
    const MOST_OF_PLAN: usize = 300 * IMAGES;
    const MOST_IN_ALL: usize = 1000 * IMAGES;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = dhat::Profiler::builder().testing().build();
    let case = images_of_one_tag(IMAGES as u64);
    let before = dhat::HeapStats::get();
    let plan = RetentionPlan::compute(&case.policy, &case.inventory).unwrap();
    let after = dhat::HeapStats::get();
    // Half of the images are deleted, each with its tag.
    assert_eq!((plan.deletions.len(), plan.kept.len()), (IMAGES, IMAGES));
    let (inventory, peak) = (before.curr_bytes, after.max_bytes - before.curr_bytes);
    let kept = after.curr_bytes - before.curr_bytes;
    let sizes = format!(
        "{peak} bytes at the peak, {kept} of them for the plan; the inventory takes {inventory}"
    );
    assert!(
        peak <= MOST_OF_PLAN && inventory + peak <= MOST_IN_ALL,
        "{sizes}"
    );
}

#[test]
fn the_hot_paths_allocate_as_much_as_the_baseline() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let registry_server = serve(registry());
    let tags_server = serve(tags());
    let _profiler = dhat::Profiler::builder().testing().build();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let mut costs = Costs::new();

    let raw = RawClient::new(&registry_server);
    let docr = client_at(&registry_server, "dop_v1_of_the_tests");
    let handle = docr.registry("acme-images".parse().unwrap());
    measure(&mut costs, "small GET, by hand", || {
        drop(runtime.block_on(raw.registry()))
    });
    measure(&mut costs, "small GET, docr", || {
        drop(runtime.block_on(handle.get()).unwrap())
    });

    let raw = RawClient::new(&tags_server);
    let docr = client_at(&tags_server, "dop_v1_of_the_tests");
    let repository = docr.registry("acme-images".parse().unwrap());
    let repository = repository.repository("shop/api".parse().unwrap());
    measure(&mut costs, "page of 200 tags, by hand", || {
        drop(runtime.block_on(raw.tags("shop%2Fapi", 1)))
    });
    measure(&mut costs, "page of 200 tags, docr", || {
        drop(runtime.block_on(repository.tags().page(1)).unwrap());
    });

    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    measure(&mut costs, "check of a repository name", || {
        drop(RepositoryName::new("shop/api").unwrap())
    });
    measure(&mut costs, "check of a tag", || {
        drop(Tag::new("v1.4.2").unwrap())
    });
    measure(&mut costs, "check of a digest", || {
        drop(Digest::new(digest.as_str()).unwrap())
    });

    if std::env::var_os("UPDATE_BASELINE").is_some() {
        fs::write(
            BASELINE,
            serde_json::to_string_pretty(&costs).unwrap() + "\n",
        )
        .unwrap();
    }
    let baseline: Costs = serde_json::from_str(&fs::read_to_string(BASELINE).unwrap()).unwrap();
    assert_eq!(
        costs.keys().collect::<Vec<_>>(),
        baseline.keys().collect::<Vec<_>>()
    );
    for (what, cost) in &costs {
        let (then, now) = (baseline[what], *cost);
        // Less fails as well: the baseline is lowered, and the cost can't creep back.
        let is_near = |then: f64, now: f64| (now - then).abs() <= 1.0_f64.max(then * 0.05);
        assert!(
            is_near(then.blocks, now.blocks) && is_near(then.bytes, now.bytes),
            "{what}: {now:?}, but the baseline is {then:?}; if that is intended, set UPDATE_BASELINE=1"
        );
    }
}

fn measure(costs: &mut Costs, what: &str, mut call: impl FnMut()) {
    // Warm up: afterwards connections, buffers and tables exist.
    for _ in 0..8 {
        call();
    }
    let before = dhat::HeapStats::get();
    for _ in 0..ROUNDS {
        call();
    }
    let after = dhat::HeapStats::get();
    let average = |total: u64| (total as f64 / ROUNDS as f64 * 10.0).round() / 10.0;
    let cost = Cost {
        blocks: average(after.total_blocks - before.total_blocks),
        bytes: average(after.total_bytes - before.total_bytes),
    };
    costs.insert(what.to_owned(), cost);
}

fn registry() -> Value {
    let time = "2026-01-12T09:30:00Z";
    let tier = json!({"name": "Basic", "slug": "basic", "included_repositories": 5,
        "included_storage_bytes": 5_368_709_120_u64, "allow_storage_overage": true,
        "included_bandwidth_bytes": 5_368_709_120_u64, "monthly_price_in_cents": 500,
        "storage_overage_price_in_cents": 2});
    json!({"registry": {"name": "acme-images", "region": "fra1", "created_at": time,
        "storage_usage_bytes": 29_393_920, "storage_usage_bytes_updated_at": time,
        "subscription": {"tier": tier, "created_at": time, "updated_at": time}}})
}

fn tags() -> Value {
    let tags = (0..200).map(|number| {
        json!({"registry_name": "acme-images", "repository": "shop/api", "tag": format!("build-{number}"),
            "manifest_digest": format!("sha256:{number:064x}"), "compressed_size_bytes": 2_803_255,
            "size_bytes": 5_861_888, "updated_at": "2026-01-12T09:30:00.123456789Z"})
    });
    json!({"tags": tags.collect::<Vec<_>>(), "links": {"pages": {}}, "meta": {"total": 200}})
}

/// Responds to every request with the same body, over persistent connections, without allocating.
fn serve(body: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nratelimit-limit: 5000\r\n\
         ratelimit-remaining: 4999\r\nratelimit-reset: 1767268800\r\nx-request-id: 0b5f6f0e\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, response) = (stream.unwrap(), response.clone());
            thread::spawn(move || {
                // A request is small and arrives in one piece.
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|length| length > 0) {
                    if stream.write_all(response.as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    url
}
