//! Rate limit, budget and pacing, with the sandbox's own limits on a clock that both sides share.

use std::time::Duration;

use docr_sandbox::Sandbox;
use docr_tests::{
    raw_server::RawServer,
    sandbox::{TOKEN, client_at, noon, sharing, start},
};

fn refused(sandbox: &Sandbox) -> usize {
    sandbox
        .requests()
        .iter()
        .filter(|request| request.status == 429)
        .count()
}

#[tokio::test]
async fn paced_calls_never_run_into_the_limit_of_a_minute() {
    let (sandbox, clock) = start().await;
    let docr = sharing(&sandbox, &clock).paced();
    for _ in 0..600 {
        docr.registries().options().await.unwrap();
    }
    assert_eq!(refused(&sandbox), 0);
    let took = clock.now() - noon();
    // 250 at once, as many a minute later, and the last hundred after another one.
    assert!((120..=125).contains(&took.num_seconds()), "{took}");
}

#[tokio::test]
async fn two_programs_with_one_token_pace_themselves_around_each_other() {
    let (sandbox, clock) = start().await;
    let (one, other) = (
        sharing(&sandbox, &clock).paced(),
        sharing(&sandbox, &clock).paced(),
    );
    for _ in 0..400 {
        one.registries().options().await.unwrap();
        other.registries().options().await.unwrap();
    }
    let share = refused(&sandbox) as f64 / sandbox.requests().len() as f64;
    assert!(share < 0.02, "{share}");
}

#[tokio::test]
async fn calls_that_are_not_paced_wait_when_they_are_told_to_and_succeed() {
    let (sandbox, clock) = start().await;
    let docr = sharing(&sandbox, &clock);
    for _ in 0..300 {
        docr.registries().options().await.unwrap();
    }
    assert_eq!(refused(&sandbox), 1, "one refusal, whose wait is kept");
    assert_eq!((clock.now() - noon()).num_seconds(), 60);
}

#[tokio::test]
async fn an_outage_costs_a_client_a_bounded_number_of_repeats() {
    let server = RawServer::answering_body("503 Service Unavailable", "text/html", "down").await;
    let docr = client_at(server.url(), TOKEN);
    let mut repeats = 0;
    for _ in 0..50 {
        let error = docr.registries().list().all().await.unwrap_err();
        assert!(error.is_server_error() && !error.is_ambiguous());
        repeats += error.attempts() - 1;
        assert_eq!(
            error.attempts() == 1,
            error.elapsed() == Duration::ZERO,
            "{error}"
        );
    }
    assert_eq!(repeats, 20);
    assert_eq!(server.requests().len(), 70);
}
