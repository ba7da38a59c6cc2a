//! Numbers that no service would send.

use std::{sync::Arc, time::Duration};

use docr::{Clock as _, ManualClock};
use docr_api::operations;
use docr_tests::{
    calls::{Subjects, call, repository_name},
    raw_server::{RawServer, response},
    sandbox::{TOKEN, client_with_clock, noon, registry_name},
};
use serde_json::json;

use super::held;

const NUMBERS: [&str; 10] = [
    "0",
    "1",
    "-1",
    "9000000000000",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999",
    "1e308",
    "NaN",
    "",
];

fn clocked(url: &str) -> (Arc<ManualClock>, docr::Client) {
    let clock = Arc::new(ManualClock::at(noon()));
    let docr = client_with_clock(url, TOKEN, clock.clone());
    (
        clock,
        docr.with(|calls| calls.deadline(Duration::from_secs(5))),
    )
}

#[tokio::test]
async fn no_number_in_a_header_causes_a_panic_or_a_wait_beyond_the_deadline() {
    for operation in operations::ALL {
        for number in NUMBERS {
            let limits = [
                format!("retry-after: {number}\r\n"),
                format!(
                    "ratelimit-limit: {number}\r\nratelimit-remaining: {number}\r\nratelimit-reset: {number}\r\n"
                ),
                format!(
                    "ratelimit-limit: {number}\r\nratelimit-remaining: 0\r\nratelimit-reset: 253402300799\r\n"
                ),
                format!("date: {number}\r\nretry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
            ];
            for (at, headers) in limits.into_iter().enumerate() {
                let status = [429, 503, 200][at % 3];
                let server = RawServer::responding(response(status, &headers, "{}")).await;
                let (clock, docr) = clocked(server.url());
                for docr in [docr.clone(), docr.paced()] {
                    let begin = clock.monotonic();
                    let _end = call(&docr, operation.id, &Subjects::default()).await;
                    let took = clock.monotonic() - begin;
                    // The wait for the first turn of a paced call has its own limit, an hour here.
                    let most = Duration::from_secs(3_700);
                    assert!(took <= most, "{} {headers}: {took:?}", operation.id);
                }
            }
        }
    }
    held(
        "no number in a header causes a panic or an endless wait",
        operations::ALL.len(),
    );
}

#[tokio::test]
async fn a_turn_beyond_the_limit_of_the_caller_is_not_waited_for() {
    let headers =
        "ratelimit-limit: 5000\r\nratelimit-remaining: 0\r\nratelimit-reset: 9999999999\r\n";
    let server = RawServer::responding(response(429, headers, "")).await;
    let clock = Arc::new(ManualClock::at(noon()));
    let builder = docr::Client::builder()
        .base_url(server.url())
        .token(TOKEN)
        .clock(clock.clone());
    let builder = builder.paced(true).turn_limit(Duration::from_secs(7));
    let docr = builder.deadline(Duration::from_secs(5)).build().unwrap();
    let error = docr.registries().options().await.unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
    assert_eq!((error.attempts(), clock.monotonic()), (1, Duration::ZERO));
    // Now the client knows the limit, and sends nothing.
    let error = docr.registries().options().await.unwrap_err();
    assert!(error.is_rate_limited() && !error.is_ambiguous(), "{error}");
    assert_eq!((error.attempts(), clock.monotonic()), (0, Duration::ZERO));
    assert!(error.retry_at() > Some(noon()), "{error}");
    assert!(error.to_string().contains("within 7s"), "{error}");
    assert!(error.to_string().contains("; try again at "), "{error}");
    assert_eq!(server.requests().len(), 1);
    // After an hour a request is worth trying, whatever the header said.
    clock.advance(Duration::from_secs(3_605));
    let error = docr.registries().options().await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    held(
        "the wait for the first turn has a limit that the caller sets",
        1,
    );
}

#[tokio::test]
async fn the_wait_for_a_turn_between_attempts_counts_towards_the_deadline() {
    let server = RawServer::responding(response(503, "", "")).await;
    let (clock, docr) = clocked(server.url());
    let docr = docr
        .with(|calls| calls.deadline(Duration::from_secs(20)))
        .paced();
    for _ in 0..50 {
        let _end = docr.registries().options().await;
    }
    // The limit per minute is reached in the middle of a call.
    let begin = clock.monotonic();
    let error = loop {
        let error = docr.registries().options().await.unwrap_err();
        if error.attempts() < 5 {
            break error;
        }
    };
    assert!(error.elapsed() <= Duration::from_secs(20), "{error}");
    assert!(
        clock.monotonic() - begin <= Duration::from_secs(61),
        "{error}"
    );
    held("a turn between attempts counts towards the deadline", 1);
}

#[tokio::test]
async fn no_number_in_a_page_causes_a_panic_or_an_endless_list() {
    for number in NUMBERS {
        for total in NUMBERS {
            let server = RawServer::serving(move |_, _| {
                let tag = json!({"tag": "v1", "manifest_digest": format!("sha256:{:064x}", 1)});
                let next = format!("https://api.digitalocean.com/v2/registries?page={number}");
                let body = format!(
                    r#"{{"tags": [{tag}], "links": {{"pages": {{"next": "{next}"}}}}, "meta": {{"total": {}}}}}"#,
                    if total.parse::<f64>().is_ok() {
                        total
                    } else {
                        "null"
                    }
                );
                std::future::ready(response(200, "", body))
            });
            let server = server.await;
            let (_clock, docr) = clocked(server.url());
            let repository = docr.registry(registry_name()).repository(repository_name());
            for ahead in [1, 8] {
                let mut pages = repository.tags().read_ahead(ahead).pages();
                for _ in 0..4 {
                    if pages.next().await.is_none_or(|page| page.is_err()) {
                        break;
                    }
                }
            }
            assert!(server.requests().len() <= 40, "{number} {total}");
        }
    }
    held("no number in a page causes a panic or an endless list", 1);
}
