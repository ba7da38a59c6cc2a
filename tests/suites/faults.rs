//! Every operation of the spec with every fault of request or response: nothing happens twice, nothing that happened is
//! reported as not having happened, and what may be retried succeeds.

use std::sync::Arc;

use chrono::TimeDelta;
use docr::{Clock as _, ManualClock};
use docr_api::{Effect, Operation, operations};
use docr_tests::{
    calls::call,
    fault_proxy::{Fault, FaultProxy},
    raw_server::RefusingPort,
    sandbox::{TOKEN, client_at, client_with_clock, noon, prepare, start},
};

/// How a call is expected to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Success,
    Ambiguous,
    Unreadable,
    Refused,
}

/// The specified end, written independently of the code.
fn expected(operation: &Operation, fault: Fault) -> End {
    use Fault::{
        ClosedBefore, Garbage, Html503Before, LengthTooLarge, LengthTooSmall, RateLimitReset,
        Redirect, ResetBefore, ResetDuring, RetryAfterDate, RetryAfterSeconds,
    };
    let reads_a_body = !operation.statuses.contains(&204);
    match (operation.effect, fault) {
        (_, RetryAfterSeconds | RetryAfterDate | RateLimitReset) => End::Success,
        (_, Redirect) => End::Refused,
        // An undocumented body is ignored.
        (_, Garbage | LengthTooSmall | LengthTooLarge) if !reads_a_body => End::Success,
        (Effect::Read | Effect::Set, Garbage | LengthTooSmall) => End::Unreadable,
        (Effect::Read | Effect::Set | Effect::Delete, _) => End::Success,
        // Nothing was created, but the client can't know.
        (Effect::Create, ResetBefore | ResetDuring | ClosedBefore | Html503Before) => {
            End::Ambiguous
        }
        (Effect::Create, _) => End::Success,
        _ => End::Ambiguous,
    }
}

#[tokio::test]
async fn no_fault_makes_a_call_happen_twice_or_vanish() {
    let (mut duplicates, mut lost) = (0, 0);
    for operation in operations::ALL {
        for fault in Fault::ALL {
            let case = format!("{} {fault:?}", operation.id);
            let (sandbox, _) = start().await;
            let subjects = prepare(&sandbox, operation, 200).await;
            sandbox.clear_requests();
            let proxy = FaultProxy::start(sandbox.addr(), fault).await;
            let clock = Arc::new(ManualClock::at(noon()));
            let mut docr = client_with_clock(proxy.url(), TOKEN, clock.clone());
            if let Fault::Silence | Fault::SlowDrip = fault {
                docr =
                    docr.with(|calls| calls.attempt_timeout(std::time::Duration::from_millis(40)));
            }

            let outcome = call(&docr, operation.id, &subjects)
                .await
                .expect("a client method");

            let effects = sandbox
                .requests()
                .iter()
                .filter(|request| request.operation.as_deref() == Some(operation.id))
                .filter(|request| request.status < 300)
                .count();
            // A second delete finds nothing, with a 404 or without.
            let makes_something = matches!(operation.effect, Effect::Create | Effect::Mint);
            if makes_something && effects > 1 {
                duplicates += 1;
            }
            let end = match &outcome {
                Ok(_) => End::Success,
                Err(error) if error.is_ambiguous() => End::Ambiguous,
                Err(error) if error.is_unreadable() => End::Unreadable,
                Err(error) if error.status() == Some(307) => End::Refused,
                Err(error) => panic!("{case}: {error}"),
            };
            if makes_something && effects > 0 && end == End::Unreadable {
                lost += 1;
            }
            assert_eq!(end, expected(operation, fault), "{case}: {outcome:?}");
            assert!(
                effects > 0 || end != End::Success,
                "{case}: a success without an effect"
            );
            let waited = clock.now() - noon();
            assert!(waited <= TimeDelta::seconds(120), "{case}: waited {waited}");
            assert!(
                proxy.requests() <= 3,
                "{case}: {} requests",
                proxy.requests()
            );
        }
    }
    let (operations, faults) = (operations::ALL.len(), Fault::ALL.len());
    println!(
        "{operations} operations x {faults} faults, duplicates {duplicates}, lost {lost}, panics 0"
    );
    assert_eq!((duplicates, lost), (0, 0));
}

#[tokio::test]
async fn an_unreachable_server_is_retried_and_reported_without_ambiguity() {
    let port = RefusingPort::take();
    for operation in operations::ALL {
        let docr = client_at(port.url(), TOKEN);
        let outcome = call(&docr, operation.id, &Default::default()).await;
        let error = outcome.expect("a client method").unwrap_err();
        assert!(
            error.is_connect() && !error.is_ambiguous(),
            "{}: {error}",
            operation.id
        );
        assert_eq!(error.attempts(), 5);
    }
}

#[tokio::test]
async fn a_requested_wait_is_kept_and_fails_at_once_if_it_exceeds_the_deadline() {
    let waits = [
        (Fault::RetryAfterSeconds, 30),
        (Fault::RetryAfterDate, 40),
        (Fault::RateLimitReset, 50),
    ];
    for (fault, seconds) in waits {
        let (sandbox, _) = start().await;
        let clock = Arc::new(ManualClock::at(noon()));
        let docr_at = |url: &str| client_with_clock(url, TOKEN, clock.clone());
        let proxy = FaultProxy::start(sandbox.addr(), fault).await;
        let hasty =
            docr_at(proxy.url()).with(|calls| calls.deadline(std::time::Duration::from_secs(10)));
        let error = hasty.registries().options().await.unwrap_err();
        let due = noon() + std::time::Duration::from_secs(seconds);
        assert_eq!(error.retry_at(), Some(due), "{fault:?}: {error}");
        assert_eq!(proxy.requests(), 1);
        assert_eq!(clock.now(), noon(), "it did not wait");

        let proxy = FaultProxy::start(sandbox.addr(), fault).await;
        docr_at(proxy.url()).registries().options().await.unwrap();
        assert_eq!(clock.now(), due, "{fault:?}");
    }
}
