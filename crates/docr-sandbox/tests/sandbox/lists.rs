use std::time::Duration;

use docr_sandbox::{Image, RateLimits};
use serde_json::json;

use crate::Bench;
use crate::garbage::Dice;

const REPOSITORY: &str = "/v2/registries/acme/repositories/shop";
const STEPS: usize = 100;

/// The tags or the manifests of the repository, all on one page, whose text doesn't depend on `per_page`. `None` without
/// a repository.
async fn page(bench: &Bench, list: &str, per_page: usize) -> Option<String> {
    let path = format!("{REPOSITORY}/{list}?per_page={per_page}");
    let reply = bench.get(&path).await;
    (reply.status == 200).then_some(reply.text)
}

async fn collect_garbage(bench: &Bench) {
    let body = json!({ "type": "untagged manifests and unreferenced blobs" });
    let started = bench
        .post("/v2/registries/acme/garbage-collection", body)
        .await;
    assert_eq!(started.status, 201, "{}", started.text);
    bench.clock.advance(Duration::from_secs(3600));
}

#[tokio::test]
async fn a_list_shows_each_change_at_once_however_often_it_was_read() {
    let many = RateLimits {
        per_minute: u32::MAX,
        per_hour: u32::MAX,
    };
    let bench = Bench::with(|builder| builder.rate_limits(many)).await;
    let registry = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", registry).await.status, 201);
    let sandbox = &bench.sandbox;
    let (mut dice, mut snapshot) = (Dice(42), sandbox.snapshot());
    let (mut digests, mut seen) = (Vec::new(), Vec::new());
    for step in 0..STEPS {
        let tag = format!("v{}", dice.roll(6));
        match dice.roll(12) {
            0..=3 => {
                let layer = dice.roll(5).to_string();
                let image = Image::new("shop").tag(tag).layer(layer);
                digests.push(sandbox.push("acme", image).unwrap().digest);
            }
            4 => {
                let image = Image::new("shop");
                sandbox
                    .push_tags("acme", image, [tag, step.to_string()])
                    .unwrap();
            }
            5 => drop(bench.delete(&format!("{REPOSITORY}/tags/{tag}")).await),
            6 if !digests.is_empty() => {
                let digest = &digests[dice.roll(digests.len())];
                bench
                    .delete(&format!("{REPOSITORY}/digests/{digest}"))
                    .await;
            }
            7 => drop(bench.delete(REPOSITORY).await),
            8 => snapshot = sandbox.snapshot(),
            9 => sandbox.restore(&snapshot),
            10 => collect_garbage(&bench).await,
            _ => bench.clock.advance(Duration::from_secs(1)),
        }
        for list in ["tags", "digests"] {
            let never_read = page(&bench, list, 100 + step).await;
            for _ in 0..2 {
                assert_eq!(page(&bench, list, 200).await, never_read, "step {step}");
            }
            seen.extend(never_read);
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > STEPS / 2, "{}", seen.len());
}
