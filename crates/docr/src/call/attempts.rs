//! The attempts of a call: each with its token, its turn and its span, and the decision that follows.

use std::time::Duration;

use chrono::{DateTime, Utc};
use docr_api::{Effect, Secret};
use futures_util::future::Either;
use tokio::runtime::Handle;
use tracing::{Instrument as _, Span, debug, debug_span, field};

use super::{
    AnyRequest, Attempt, Core, Sent, Value,
    clock::date_after,
    connecting::Connecting,
    rate_budget::NoTurn,
    retry::{self, AttemptOutcome, PaidRepeat, RetryDecision},
};
use crate::{
    endpoint::Endpoint,
    error::{
        Error, ErrorKind, History, Inner, RateLimit, Result, classify::error_of, redaction::Hidden,
    },
    task::to_its_end,
    token::NoToken,
};

/// How a call failed.
pub(super) struct Failed {
    pub(super) error: Inner,
    pub(super) history: History,
    pub(super) decision: RetryDecision,
}

/// The state of a call.
#[derive(Default)]
struct Progress {
    attempts: u32,
    /// Attempts with a renewed token, which don't count as retries.
    renewals: u32,
    may_have_taken_effect: bool,
    token: Option<Secret>,
}

impl Core {
    /// All attempts of a call, in a span named by the operation, never by names or ids.
    pub(super) async fn attempts(&self, request: AnyRequest<'_>) -> Result<Value, Failed> {
        if Handle::try_current().is_err() {
            return Err(Failed::unsent(request.endpoint, Inner::no_runtime(), None));
        }
        let operation = request.endpoint.operation().map(|operation| operation.id);
        let span = debug_span!(
            "docr.call",
            otel.kind = "internal",
            docr.operation = operation
        );
        self.repeated(request).instrument(span).await
    }

    /// Sends until the call succeeds, must not be repeated, or has used up its attempts, budget or deadline.
    async fn repeated(&self, request: AnyRequest<'_>) -> Result<Value, Failed> {
        let asked = self.clock().monotonic();
        let turn = self.options.left(self.options.turn_limit, asked, asked);
        let unsent = match self.unless_stopped(self.turn(turn)).await {
            Some(Ok(())) => None,
            Some(Err(no_turn)) => Some(self.without_turn(no_turn, turn)),
            None => Some((Inner::stopped(), None)),
        };
        if let Some((error, at)) = unsent {
            return Err(Failed::unsent(request.endpoint, error, at));
        }
        let begin = self.clock().monotonic();
        let mut progress = Progress::default();
        loop {
            if let Some(value) = self.attempt(&request, begin, &mut progress).await? {
                return Ok(value);
            }
        }
    }

    /// One attempt, and the wait before the next one. `None` if another one is due.
    async fn attempt(
        &self,
        request: &AnyRequest<'_>,
        begin: Duration,
        progress: &mut Progress,
    ) -> Result<Option<Value>, Failed> {
        let (endpoint, clock) = (request.endpoint, &**self.clock());
        let began = clock.monotonic();
        let api = match self.authorized(endpoint, begin, began, progress).await {
            Ok(api) => api,
            Err(error) => return Err(self.without_token(endpoint, error, begin, progress)),
        };
        let number = progress.attempts.saturating_add(1);
        progress.attempts = number;
        let span = self.span(endpoint, number);
        let connecting = Connecting::default();
        let sending = connecting.during((request.send)(api).instrument(span.clone()));
        let end = sent(endpoint.effect(), sending).await;
        let ended = clock.monotonic();
        let mut attempt = Attempt::of(endpoint, number, ended.saturating_sub(began));
        match end {
            Ok(response) => {
                let status = response.status().as_u16();
                span.record("http.response.status_code", i64::from(status));
                self.options.budget.succeed();
                // A failure may come from a proxy in front of the service, with a clock of its own.
                let service_clock = &self.shared.service_clock;
                service_clock.observe(response.headers(), ended);
                attempt.status = Some(status);
                attempt.rate_limit = RateLimit::from_headers(response.headers());
                let turns = &self.shared.turns;
                turns.succeeded(clock, status, attempt.rate_limit).await;
                self.shared.observers.tell(&attempt);
                Ok(Some(response.into_inner()))
            }
            Err(failure) => {
                let was_sent = !connecting.is_under_way();
                let after = async {
                    let secrets = self.secrets(request);
                    let hidden = Hidden::new(&secrets);
                    let error = error_of(endpoint, failure, was_sent, &hidden).await;
                    failed(&span, &error);
                    self.shared.turns.failed(clock, &error).await;
                    attempt.status = error.status();
                    attempt.error = Some(error.kind);
                    attempt.rate_limit = error.rate_limit();
                    self.after(endpoint, error, attempt, begin, progress).await
                };
                // Boxed: the rare case takes no space in the future of each call.
                Box::pin(after).await.map(|()| None)
            }
        }
    }

    /// Decides what follows a failed attempt, and waits before another one.
    async fn after(
        &self,
        endpoint: &Endpoint,
        mut error: Inner,
        mut attempt: Attempt<'_>,
        begin: Duration,
        progress: &mut Progress,
    ) -> Result<(), Failed> {
        let (clock, options) = (&**self.clock(), &self.options);
        let reached_before = progress.may_have_taken_effect;
        let outcome = retry::outcome(error.kind, error.status());
        progress.may_have_taken_effect |= outcome == AttemptOutcome::Unknown;
        let decision = retry::decide(endpoint.effect(), &error);
        let counted = progress.attempts.saturating_sub(progress.renewals);
        let wait = retry::wait(&error, counted, clock.now(), clock.random());
        let repeats = decision == RetryDecision::Repeat && counted < options.max_attempts;
        // The wait before the next attempt, if that would begin too late.
        let mut too_late = (repeats && wait >= self.left_to_repeat(begin)).then_some(wait);
        let renews = error.kind == ErrorKind::Unauthorized && self.renewed(begin, progress).await;
        let again = match renews {
            true => Some((Duration::ZERO, None)),
            false if repeats && too_late.is_none() => {
                { options.budget.spend() }.map(|paid| (wait, Some(paid)))
            }
            false => None,
        };
        attempt.repeats_after = again.as_ref().map(|(wait, _)| *wait);
        self.shared.observers.tell(&attempt);
        if let Some((wait, paid)) = again {
            debug!(error = %error.summary, ?wait, "the attempt failed and will be repeated");
            let waiting = async {
                if !wait.is_zero() {
                    clock.sleep(wait).await;
                }
                self.turn(self.left_to_repeat(begin)).await
            };
            match self.unless_stopped(waiting).await {
                Some(Ok(())) => {
                    paid.into_iter().for_each(PaidRepeat::begin);
                    return Ok(());
                }
                Some(Err(NoTurn::Later(wait))) => too_late = Some(wait),
                Some(Err(NoTurn::Unavailable(why))) => {
                    debug!(error = %why, "the rate budget is not available: the call is not repeated");
                }
                None => error = error.stopped_after(),
            }
        }
        let history = History {
            attempts: progress.attempts,
            elapsed: clock.monotonic().saturating_sub(begin),
            // A repeatable call that was given up may have taken effect all the same.
            ambiguous: decision == RetryDecision::Repeat
                && progress.may_have_taken_effect
                && endpoint.effect() != Effect::Read,
            retry_at: too_late.map(|wait| date_after(clock.now(), wait)),
            reached_before,
        };
        Err(Failed {
            error,
            history,
            decision,
        })
    }

    /// The generated client with the token and the time limit of an attempt that begins `now`.
    async fn authorized(
        &self,
        endpoint: &Endpoint,
        begin: Duration,
        now: Duration,
        progress: &mut Progress,
    ) -> Result<docr_api::Client, NoToken> {
        let tokens = &self.shared.tokens;
        let limit = self.limit(begin, now);
        if !tokens.can_change() || endpoint.authorizes_itself() {
            return Ok(self.api.clone().with_timeout(limit));
        }
        let token = match (progress.renewals, progress.token.take()) {
            (1.., Some(renewed)) => renewed,
            _ => tokens.get(None, now, limit).await?,
        };
        let api = self.api.clone().with_token(&token);
        progress.token = Some(token);
        let limit = self.limit(begin, self.clock().monotonic());
        Ok(api.map_err(NoToken::new)?.with_timeout(limit))
    }

    /// Whether the provider has another token than the one that the service rejected. It is called once in a call.
    async fn renewed(&self, begin: Duration, progress: &mut Progress) -> bool {
        if progress.renewals > 0 {
            return false;
        }
        // There is none where it can't change, or is not the client's.
        let Some(refused) = progress.token.take() else {
            return false;
        };
        let now = self.clock().monotonic();
        let limit = self.limit(begin, now);
        match { &self.shared.tokens }
            .get(Some(&refused), now, limit)
            .await
        {
            Ok(token) if token != refused => {
                progress.renewals = 1;
                progress.token = Some(token);
                true
            }
            Ok(_) => false,
            Err(error) => {
                debug!(%error, "the provider has no replacement for the rejected token");
                false
            }
        }
    }

    fn without_token(
        &self,
        endpoint: &Endpoint,
        error: NoToken,
        begin: Duration,
        progress: &Progress,
    ) -> Failed {
        let mut unavailable = Inner::no_token(Box::new(error));
        if progress.attempts > 0 {
            unavailable.summary = "the token provider returned no token for another attempt".into();
        }
        let is_ambiguous = progress.may_have_taken_effect && endpoint.effect() != Effect::Read;
        Failed {
            error: Inner {
                endpoint: Some(endpoint.clone()),
                ..unavailable
            },
            history: History {
                attempts: progress.attempts,
                elapsed: self.clock().monotonic().saturating_sub(begin),
                ambiguous: is_ambiguous,
                reached_before: progress.may_have_taken_effect,
                ..History::default()
            },
            decision: RetryDecision::Stop,
        }
    }

    /// The secrets that no error of a request may show.
    fn secrets(&self, request: &AnyRequest<'_>) -> Vec<Secret> {
        let mut secrets = request.secrets.to_vec();
        secrets.extend(self.shared.tokens.handed_out());
        secrets.extend(self.shared.header_values.iter().cloned());
        secrets
    }

    /// The span of an attempt, by OpenTelemetry's conventions for HTTP clients. Numbers are `i64`, the only integer type that
    /// its exporter for tracing supports.
    fn span(&self, endpoint: &Endpoint, number: u32) -> Span {
        let server = self.shared.server_of(endpoint);
        let template = endpoint.template();
        let resent = number.saturating_sub(1);
        debug_span!(
            "docr.attempt",
            otel.kind = "client",
            otel.name = format!("{} {}", endpoint.method(), template.unwrap_or_default()).trim_end(),
            otel.status_code = field::Empty,
            http.request.method = endpoint.method(),
            http.request.resend_count = (resent > 0).then_some(i64::from(resent)),
            http.response.status_code = field::Empty,
            url.template = template,
            server.address = server.address,
            server.port = server.port.map(i64::from),
            error.type = field::Empty,
        )
    }

    /// The time left until the deadline of a call.
    fn left(&self, begin: Duration) -> Duration {
        let now = self.clock().monotonic();
        self.options.left(self.options.deadline, begin, now)
    }

    /// The time left in which another attempt may begin.
    fn left_to_repeat(&self, begin: Duration) -> Duration {
        let (left, end) = (self.left(begin), self.options.no_repeat_after);
        end.map_or(left, |end| {
            left.min(end.saturating_sub(self.clock().monotonic()))
        })
    }

    /// The time limit of an attempt that begins `now`.
    fn limit(&self, begin: Duration, now: Duration) -> Duration {
        let left = self.options.left(self.options.deadline, begin, now);
        self.options.attempt_timeout.min(left)
    }

    /// Waits for the turn of a paced call, and counts any other.
    async fn turn(&self, limit: Duration) -> Result<(), NoTurn> {
        let (turns, clock) = (&self.shared.turns, &**self.clock());
        if self.options.paced {
            return turns.acquire(clock, limit).await;
        }
        turns.record(clock).await;
        Ok(())
    }

    /// The error of a call that got no turn within `limit`, and when there is one.
    fn without_turn(&self, no_turn: NoTurn, limit: Duration) -> (Inner, Option<DateTime<Utc>>) {
        match no_turn {
            NoTurn::Later(wait) => {
                let summary =
                    format!("no turn below the rate limit within {limit:?}; nothing was sent");
                let at = date_after(self.clock().now(), wait);
                (Inner::new(ErrorKind::RateLimited, summary), Some(at))
            }
            NoTurn::Unavailable(why) => (Inner::no_rate_budget(why), None),
        }
    }
}

/// Sends a request. One that changes something runs to completion even if the caller stops waiting: cancelled halfway, it
/// might or might not have taken effect.
fn sent(
    effect: Effect,
    request: impl Future<Output = Sent<Value>> + Send + 'static,
) -> impl Future<Output = Sent<Value>> {
    match effect {
        Effect::Read => Either::Left(request),
        _ => Either::Right(to_its_end(request)),
    }
}

/// Records in the span of an attempt why it failed.
fn failed(span: &Span, error: &Inner) {
    span.record("otel.status_code", "ERROR");
    match error.status() {
        Some(status) => {
            span.record("http.response.status_code", i64::from(status));
            match status {
                400.. => span.record("error.type", field::display(status)),
                _ => span.record("error.type", error.kind.as_str()),
            }
        }
        None => span.record("error.type", error.kind.as_str()),
    };
}

impl Failed {
    /// A call that failed before anything was sent.
    fn unsent(endpoint: &Endpoint, error: Inner, retry_at: Option<DateTime<Utc>>) -> Self {
        Self {
            error: Inner {
                endpoint: Some(endpoint.clone()),
                ..error
            },
            history: History {
                retry_at,
                ..History::default()
            },
            decision: RetryDecision::Stop,
        }
    }

    /// The error that the caller gets.
    pub(super) fn end(self, is_ambiguous: bool) -> Error {
        let ambiguous = self.history.ambiguous || is_ambiguous;
        self.error.after(History {
            ambiguous,
            ..self.history
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chrono::DateTime;
    use docr_api::{AccessToken, TokenFuture, TokenProvider};

    use crate::{Client, CredentialsRequest, ManualClock, Secret, served::serve};

    /// Tokens for one request each, and the calls for them.
    #[derive(Clone, Default)]
    struct ForOneRequest(Arc<Mutex<Vec<&'static str>>>);

    impl ForOneRequest {
        fn called(&self, by: &'static str) -> TokenFuture<'_> {
            self.0.lock().unwrap().push(by);
            Box::pin(async { Ok(AccessToken::new("dop_v1_0123")) })
        }
    }

    impl TokenProvider for ForOneRequest {
        fn token(&self) -> TokenFuture<'_> {
            self.called("token")
        }

        fn fresh_token<'a>(&'a self, _: &'a Secret) -> TokenFuture<'a> {
            let call = self.called("fresh_token");
            Box::pin(async {
                Ok(AccessToken::new(format!(
                    "{}4",
                    call.await?.secret().expose()
                )))
            })
        }
    }

    #[tokio::test]
    async fn the_token_that_replaces_a_refused_one_is_the_one_that_is_sent() {
        let url = serve([("401 Unauthorized", "{}"), ("200 OK", r#"{"options":{}}"#)]);
        let provider = ForOneRequest::default();
        let docr = Client::builder().base_url(url);
        let docr = docr.token_provider(provider.clone()).build().unwrap();
        docr.registries().options().await.unwrap();
        // No other one is requested for it.
        assert_eq!(*provider.0.lock().unwrap(), ["token", "fresh_token"]);
    }

    #[tokio::test]
    async fn what_any_of_the_lost_attempts_may_have_deleted_counts_as_deleted() {
        let lost = ("502 Bad Gateway", "{}");
        for before in [1, 2, 3] {
            let responses = std::iter::repeat_n(lost, before);
            let url = serve(responses.chain([("404 Not Found", r#"{"id":"not_found"}"#)]));
            let docr = Client::builder().base_url(url).token("dop_v1_0123");
            let docr = docr
                .clock(Arc::new(ManualClock::at(DateTime::UNIX_EPOCH)))
                .build();
            let id = "892071a0-bb95-49bc-8021-3afd67a210bf";
            docr.unwrap().certificates().delete(id).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_request_with_its_own_token_does_not_ask_the_provider() {
        let minted = r#"{"auths":{"registry.digitalocean.com":{"auth":"bmV3OnNlY3JldA=="}}}"#;
        let url = serve([("200 OK", minted), ("200 OK", "{}")]);
        let provider = ForOneRequest::default();
        let docr = Client::builder().base_url(&url).oauth_url(&url);
        let docr = docr.token_provider(provider.clone()).build().unwrap();
        let registry = docr.registry("acme-images".parse().unwrap());
        let minting = registry.docker_credentials(CredentialsRequest::read_only());
        docr.revoke(&minting.await.unwrap()).await.unwrap();
        assert_eq!(*provider.0.lock().unwrap(), ["token"]);
    }

    /// Provides no token.
    struct Empty;

    impl TokenProvider for Empty {
        fn token(&self) -> TokenFuture<'_> {
            Box::pin(async { Err("the vault is sealed".into()) })
        }
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_sent_and_the_error_says_so() {
        let docr = Client::builder().base_url("http://127.0.0.1:1");
        let docr = docr.token_provider(Empty).build().unwrap();
        let error = docr.registries().options().await.unwrap_err();
        assert!(error.is_token_unavailable());
        assert!(error.to_string().contains("nothing was sent"), "{error}");
    }
}
