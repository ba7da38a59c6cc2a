//! Tokens that change while a program runs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use docr::{
    AccessToken, Client, ClientBuilder, Effect, ManualClock, Method, Secret, TokenFile, TokenFn,
    TokenFuture, TokenProvider,
};
use docr_sandbox::{Sandbox, ScriptedResponse};
use docr_tests::{
    raw_server::{RawServer, response},
    sandbox::{TOKEN, furnish, noon, registry_name, start},
};

fn builder(url: &str) -> ClientBuilder {
    Client::builder()
        .base_url(url)
        .clock(Arc::new(ManualClock::at(noon())))
}

/// Provides one token after the other, and counts its calls.
#[derive(Clone)]
struct InTurn {
    tokens: Arc<Mutex<Vec<&'static str>>>,
    calls: Arc<AtomicUsize>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl InTurn {
    fn of(tokens: &[&'static str]) -> Self {
        let tokens = Arc::new(Mutex::new(tokens.iter().rev().copied().collect()));
        Self {
            tokens,
            calls: Arc::default(),
            refused: Arc::default(),
        }
    }
}

impl TokenProvider for InTurn {
    fn token(&self) -> TokenFuture<'_> {
        self.calls.fetch_add(1, SeqCst);
        Box::pin(async {
            tokio::task::yield_now().await;
            let mut tokens = self.tokens.lock().unwrap();
            let token = match tokens.len() {
                0 => return Err("no more tokens".into()),
                1 => tokens[0],
                _ => tokens.pop().unwrap(),
            };
            Ok(AccessToken::new(token).until_refused())
        })
    }

    fn fresh_token<'a>(&'a self, refused: &'a Secret) -> TokenFuture<'a> {
        self.refused
            .lock()
            .unwrap()
            .push(refused.expose().to_owned());
        self.token()
    }
}

fn authorizations(server: &RawServer) -> Vec<String> {
    let line = |request: &String| {
        let line = request
            .lines()
            .find_map(|line| line.strip_prefix("authorization: Bearer "));
        line.unwrap_or_default().to_owned()
    };
    server.requests().iter().map(line).collect()
}

fn statuses(sandbox: &Sandbox) -> Vec<u16> {
    sandbox
        .requests()
        .iter()
        .map(|request| request.status)
        .collect()
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_retried_once() {
    let (sandbox, _) = start().await;
    let provider = InTurn::of(&["dop_v1_expired", TOKEN]);
    // Even with a single attempt allowed, since the refused request did nothing.
    let docr = builder(sandbox.url())
        .token_provider(provider.clone())
        .max_attempts(1)
        .build()
        .unwrap();
    docr.registries().options().await.unwrap();
    assert_eq!(statuses(&sandbox), [401, 200]);
    assert_eq!(*provider.refused.lock().unwrap(), ["dop_v1_expired"]);
    // One call for each token; a valid one is reused.
    docr.registries().options().await.unwrap();
    docr.request(Method::POST, "/v2/registries/validate-name")
        .json(&serde_json::json!({ "name": "acme-other" }))
        .unwrap()
        .effect(Effect::Read)
        .send::<()>()
        .await
        .unwrap();
    assert_eq!(provider.calls.load(SeqCst), 2);

    for tokens in [&["dop_v1_bad"][..], &["dop_v1_bad", "dop_v1_worse"]] {
        sandbox.clear_requests();
        let provider = InTurn::of(tokens);
        let docr = builder(sandbox.url())
            .token_provider(provider.clone())
            .build()
            .unwrap();
        let error = docr.registries().options().await.unwrap_err();
        assert!(error.is_unauthorized(), "{error:?}");
        // The provider returns the same token again, or another invalid one.
        assert_eq!(statuses(&sandbox), vec![401; tokens.len()]);
        assert_eq!(error.attempts() as usize, tokens.len());
    }

    // A third token would be valid, but is not requested: the service may refuse more than the token.
    sandbox.clear_requests();
    let provider = InTurn::of(&["dop_v1_bad", "dop_v1_worse", TOKEN]);
    let docr = builder(sandbox.url()).token_provider(provider).build();
    let error = docr.unwrap().registries().options().await.unwrap_err();
    assert!(error.is_unauthorized(), "{error:?}");
    assert_eq!(statuses(&sandbox), [401, 401]);
}

/// Has a token for the first request only.
fn one_token() -> TokenFn {
    let calls = AtomicUsize::new(0);
    TokenFn::new(move || {
        let call = calls.fetch_add(1, SeqCst);
        async move {
            match call {
                0 => Ok(AccessToken::new(TOKEN)),
                _ => Err("the vault is sealed".into()),
            }
        }
    })
}

#[tokio::test]
async fn a_call_without_a_token_for_a_retry_is_ambiguous_unless_it_only_reads() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let runs = |docr: &Client| docr.registry(registry_name()).garbage_collections();
    for (operation, is_ambiguous) in [
        ("registries_get_garbageCollection", false),
        ("registries_update_garbageCollection", true),
    ] {
        let response = ScriptedResponse::status(503);
        sandbox.respond_next(operation, response).unwrap();
        let docr = builder(sandbox.url()).token_provider(one_token()).build();
        let runs = runs(&docr.unwrap());
        let error = match is_ambiguous {
            false => runs.active().await.unwrap_err(),
            true => runs
                .cancel("00000000-0000-4000-8000-000000000000")
                .await
                .unwrap_err(),
        };
        assert!(error.is_token_unavailable(), "{error:?}");
        assert!(
            error.to_string().contains("no token for another attempt"),
            "{error}"
        );
        assert_eq!((error.is_ambiguous(), error.attempts()), (is_ambiguous, 1));
    }
}

#[tokio::test]
async fn a_mint_is_retried_after_a_refused_token_and_happens_once() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    sandbox.clear_requests();
    let provider = InTurn::of(&["dop_v1_expired", TOKEN]);
    let docr = builder(sandbox.url())
        .token_provider(provider)
        .build()
        .unwrap();
    let wanted = docr::CredentialsRequest::read_only();
    let credentials = docr
        .registry(registry_name())
        .docker_credentials(wanted)
        .await
        .unwrap();
    assert_eq!(
        (statuses(&sandbox), sandbox.minted_credentials()),
        (vec![401, 200], 1)
    );

    // A revocation authenticates with the credential itself: its refusal doesn't replace the account's token.
    docr.revoke(&credentials).await.unwrap();
    let again = docr
        .revoke_password(&"dop_v1_nothing".into())
        .await
        .unwrap_err();
    assert!(again.is_unauthorized());
    assert_eq!(statuses(&sandbox), [401, 200, 200, 401]);
}

#[tokio::test]
async fn concurrent_calls_share_one_call_to_the_token_provider() {
    let (sandbox, _) = start().await;
    let provider = InTurn::of(&["dop_v1_expired", TOKEN]);
    let docr = builder(sandbox.url())
        .token_provider(provider.clone())
        .build()
        .unwrap();
    let calls = (0..50).map(|_| {
        let docr = docr.clone();
        tokio::spawn(async move { docr.registries().options().await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(provider.calls.load(SeqCst), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_a_single_use_token_for_each_request() {
    let (sandbox, _) = start().await;
    let clock = Arc::new(ManualClock::at(noon()));
    let calls = Arc::new(AtomicUsize::new(0));
    let client = |lifetime: Option<Duration>| {
        let calls = Arc::clone(&calls);
        let tokens = TokenFn::new(move || {
            calls.fetch_add(1, SeqCst);
            async move {
                let token = AccessToken::new(TOKEN);
                Ok(match lifetime {
                    Some(lifetime) => token.expires_in(lifetime),
                    None => token,
                })
            }
        });
        builder(sandbox.url())
            .clock(clock.clone())
            .token_provider(tokens)
            .build()
            .unwrap()
    };
    let docr = client(Some(Duration::from_secs(3600)));
    for (after, expected) in [(0, 1), (1800, 1), (1739, 1), (1, 2), (60, 2)] {
        clock.advance(Duration::from_secs(after));
        docr.registries().options().await.unwrap();
        assert_eq!(calls.load(SeqCst), expected, "after {after} s more");
    }
    let docr = client(None);
    calls.store(0, SeqCst);
    for expected in 1..4 {
        docr.registries().options().await.unwrap();
        assert_eq!(calls.load(SeqCst), expected);
    }
}

#[tokio::test]
async fn a_provider_that_fails_hangs_or_panics_ends_the_call_before_anything_is_sent() {
    let (sandbox, _) = start().await;
    let fails = TokenFn::new(|| async { Err("the vault is sealed".into()) });
    let panics = TokenFn::new(|| async { panic!("no such key") });
    let hangs = TokenFn::new(std::future::pending);
    let invalid = TokenFn::new(|| async { Ok(AccessToken::new("a token with spaces")) });
    for (provider, reason) in [
        (fails, "the vault is sealed"),
        (panics, "panicked: no such key"),
        (hangs, "longer than 20ms"),
        (invalid, "other than visible ASCII"),
    ] {
        let docr = builder(sandbox.url())
            .token_provider(provider)
            .attempt_timeout(Duration::from_millis(20))
            .build()
            .unwrap();
        for _ in 0..2 {
            let error = docr.registries().options().await.unwrap_err();
            assert!(
                error.is_token_unavailable() && !error.is_ambiguous(),
                "{error:?}"
            );
            assert!(format!("{error:?}").contains(reason), "{error:?}");
            assert!(!format!("{error:?}").contains("with spaces"), "{error:?}");
        }
        let raw = docr.api().registries_list().send().await.unwrap_err();
        assert!(raw.to_string().contains("no token"), "{raw}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test]
async fn a_token_file_is_read_again_when_it_changes() {
    let server = RawServer::responding(response(200, "", "{\"options\":{}}")).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let docr = builder(server.url())
        .token_provider(TokenFile::new(&path))
        .build()
        .unwrap();
    let error = docr.registries().options().await.unwrap_err();
    assert!(error.is_token_unavailable(), "{error:?}");
    assert!(
        format!("{error:?}").contains("token: No such file"),
        "{error:?}"
    );
    for token in ["dop_v1_first", "dop_v1_the_second"] {
        std::fs::write(&path, format!("{token}\n")).unwrap();
        docr.registries().options().await.unwrap();
        docr.registries().options().await.unwrap();
    }
    // The generated client uses the same tokens.
    docr.api().registries_get_options().send().await.unwrap();
    let (first, second) = ("dop_v1_first", "dop_v1_the_second");
    assert_eq!(
        authorizations(&server),
        [first, first, second, second, second]
    );
}

#[tokio::test]
async fn no_error_shows_a_token_that_was_replaced() {
    let quoted = "dop_v1_the_first_of_all_tokens";
    let body = format!("{{\"id\":\"bad\",\"message\":\"token {quoted} was replaced\"}}");
    let server = RawServer::serving(move |number, _| {
        std::future::ready(match number {
            0 => response(401, "", "{\"id\":\"unauthorized\",\"message\":\"no\"}"),
            _ => response(422, "", &body),
        })
    })
    .await;
    let provider = InTurn::of(&[quoted, "dop_v1_another_one"]);
    let docr = builder(server.url())
        .token_provider(provider)
        .build()
        .unwrap();
    let error = docr.registries().options().await.unwrap_err();
    assert!(error.is_rejected(), "{error:?}");
    assert_eq!(authorizations(&server), [quoted, "dop_v1_another_one"]);
    assert!(
        !format!("{error:?} {error}").contains("first_of_all"),
        "{error:?}"
    );
}
