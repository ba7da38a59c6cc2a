//! Callers that give up while their request is in progress.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use docr::{Client, CredentialsRequest};
use docr_api::{Effect, operations};
use docr_tests::{
    calls::{Subjects, call},
    raw_server::{RawServer, response},
    sandbox::{TOKEN, client_at, registry_name},
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::held;

/// A server that mints or fails, and holds each response back until the gate has a permit.
async fn holding(status: u16) -> (RawServer, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = RawServer::serving(move |number, request| {
        let held = Arc::clone(&held);
        async move {
            if request.contains("/oauth/revoke") {
                return response(200, "", "");
            }
            held.acquire().await.unwrap().forget();
            let auth = BASE64.encode(format!("minted-{number}:minted-{number}"));
            let auths = json!({"registry.digitalocean.com": {"auth": auth}});
            response(status, "", json!({"auths": auths}).to_string())
        }
    });
    (server.await, gate)
}

/// Yields to the client's tasks until a condition holds, without a clock.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..20_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
    panic!("never happened: {what}");
}

/// Starts a call, and drops it when its request has arrived.
async fn give_up(server: &RawServer, docr: &Client, operation: &str) {
    let subjects = Subjects::default();
    let before = server.requests().len();
    let is_sent = format!("{operation} is sent");
    tokio::select! {
        end = call(docr, operation, &subjects) => panic!("{operation}: {end:?}"),
        () = until(&is_sent, || server.requests().len() > before) => {}
    }
}

#[tokio::test]
async fn an_abandoned_change_is_finished_and_not_retried() {
    let mut changing = 0;
    for operation in operations::ALL {
        let (server, gate) = holding(503).await;
        let docr = client_at(server.url(), TOKEN);
        give_up(&server, &docr, operation.id).await;
        if operation.effect == Effect::Read {
            until("the read is dropped", || server.abandoned() == 1).await;
            continue;
        }
        changing += 1;
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.abandoned(), 0, "{}", operation.id);
        gate.add_permits(1);
        if operation.effect != Effect::Mint {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            assert_eq!(server.requests().len(), 1, "{} is retried", operation.id);
        }
        assert_eq!(server.abandoned(), 0, "{}", operation.id);
    }
    held(
        "a change that was sent is finished, and nothing more is sent",
        changing,
    );
}

#[tokio::test]
async fn credentials_of_an_abandoned_call_are_revoked() {
    let mints = operations::ALL.iter().filter(|o| o.effect == Effect::Mint);
    let mints: Vec<_> = mints.collect();
    for operation in &mints {
        let (server, gate) = holding(200).await;
        let docr = client_at(server.url(), TOKEN);
        give_up(&server, &docr, operation.id).await;
        gate.add_permits(1);
        until("the revocation", || server.requests().len() == 2).await;
        let revoked = &server.requests()[1];
        assert!(revoked.starts_with("POST /v1/oauth/revoke"), "{revoked}");
        assert!(revoked.ends_with("token=minted-0"), "{revoked}");
    }
    held("credentials of an abandoned call are revoked", mints.len());
}

#[tokio::test]
async fn callers_that_give_up_on_a_cache_leave_one_credential_for_the_next() {
    let (server, gate) = holding(200).await;
    let docr = client_at(server.url(), TOKEN);
    let cache = docr
        .registry(registry_name())
        .credentials_cache(CredentialsRequest::read_only());
    for number in 0..20 {
        tokio::select! {
            biased;
            end = cache.get() => panic!("{end:?}"),
            () = until("a request arrives", || server.requests().len() == 1) => {}
        }
        assert_eq!(server.requests().len(), 1, "caller {number}");
    }
    gate.add_permits(1);
    let minted = tokio::time::timeout(Duration::from_secs(20), cache.get());
    let (_, password) = minted.await.unwrap().unwrap().user_and_password().unwrap();
    assert_eq!(password.expose(), "minted-0");
    assert_eq!(server.requests().len(), 1);
    held(
        "callers that give up on a cache leave one credential, and it is used",
        1,
    );
}
