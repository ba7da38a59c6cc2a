use std::time::Duration;

use docr_sandbox::RateLimits;

use crate::{Bench, Reply};

const PATH: &str = "/v2/registry/options";

async fn bench(per_minute: u32, per_hour: u32) -> Bench {
    Bench::with(|builder| {
        builder.rate_limits(RateLimits {
            per_minute,
            per_hour,
        })
    })
    .await
}

fn rate(reply: &Reply) -> [u64; 3] {
    ["limit", "remaining", "reset"]
        .map(|name| reply.header(&format!("ratelimit-{name}")).parse().unwrap())
}

#[tokio::test]
async fn the_limit_of_a_minute_says_how_long_to_wait() {
    let bench = bench(2, 100).await;
    assert_eq!(bench.get(PATH).await.status, 200);
    bench.clock.advance(Duration::from_secs(20));
    assert_eq!(bench.get(PATH).await.status, 200);

    let refused = bench.get(PATH).await;
    refused.refused(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), "40");

    bench.clock.advance(Duration::from_secs(40));
    assert_eq!(bench.get(PATH).await.status, 200);
    let refused = bench.get(PATH).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "20"));
}

#[tokio::test]
async fn the_limit_of_an_hour_says_only_when_the_oldest_request_expires() {
    let bench = bench(100, 2).await;
    let start = u64::try_from(bench.clock.now().timestamp()).unwrap();
    assert_eq!(rate(&bench.get(PATH).await), [2, 1, start + 3600]);
    bench.clock.advance(Duration::from_secs(600));
    assert_eq!(rate(&bench.get(PATH).await), [2, 0, start + 3600]);

    let refused = bench.get(PATH).await;
    refused.refused(429, "too_many_requests");
    assert!(!refused.headers.contains_key("retry-after"));
    assert_eq!(rate(&refused), [2, 0, start + 3600]);

    bench.clock.advance(Duration::from_secs(3000));
    assert_eq!(rate(&bench.get(PATH).await), [2, 0, start + 4200]);
}

#[tokio::test]
async fn refused_requests_do_not_count() {
    let bench = bench(1, 100).await;
    assert_eq!(rate(&bench.get(PATH).await)[1], 99);
    for _ in 0..5 {
        assert_eq!(rate(&bench.get(PATH).await)[1], 99);
    }
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.get(PATH).await.status, 200);
}

#[tokio::test]
async fn each_token_has_a_limit_of_its_own() {
    let bench = bench(1, 1).await;
    let other = bench.sandbox.add_account();
    assert_eq!(bench.get(PATH).await.status, 200);
    assert_eq!(bench.get(PATH).await.status, 429);
    assert_eq!(bench.send("GET", PATH, &other, None).await.status, 200);
}
