//! One error type for everything that a call can end in.

pub(crate) mod classify;
mod invalid_input;
mod rate_limit;

use std::{error, fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use docr_api::{
    Operation,
    types::{Certificate, EligibilityReason, GarbageCollection},
};

pub use invalid_input::InvalidInput;
pub use rate_limit::RateLimit;

/// What a call of this crate ends in when it fails. Ask it by predicate ([`Error::is_not_found`]) or
/// by [`Error::kind`]. Cheap to clone.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input breaks a rule; nothing was sent. Mend the input: the message names field and rule.
    InvalidInput,
    /// The client can't be set up: no token, a base URL that is none.
    Configuration,
    /// No connection was made; nothing was sent. Check network, proxy and base URL.
    Connect,
    /// No answer came within the time limit. The call may have taken effect.
    Timeout,
    /// The connection broke before the answer was complete. The call may have taken effect.
    Interrupted,
    /// An answer came that is none of this API's. The call has probably taken effect.
    Unreadable,
    /// 401: the token is unknown, expired or revoked.
    Unauthorized,
    /// 403: the token lacks a scope, or the resource is in use.
    Forbidden,
    /// 404: no such resource in this account.
    NotFound,
    /// 409: the name is taken, possibly by another account.
    Conflict,
    /// 412: the account has several registries, and the call names none.
    SeveralRegistries,
    /// 412: what the account has doesn't fit the tier; see [`Error::eligibility_reasons`].
    TierNotEligible,
    /// 412, for another reason.
    PreconditionFailed,
    /// 400 or 422: the service refused what was asked for.
    Rejected,
    /// 429: the token has used up its requests.
    RateLimited,
    /// 5xx: the service, or a proxy before it, failed.
    Server,
    /// Any other status, redirects included: they are never followed.
    UnexpectedStatus,
    /// A garbage collection is active already, and there is one at a time; see [`Error::garbage_collection`].
    GarbageCollectionActive,
    /// A garbage collection that was waited for ended without success; see [`Error::garbage_collection`].
    GarbageCollectionFailed,
    /// Let's Encrypt did not issue a certificate that was waited for; see [`Error::certificate`].
    CertificateFailed,
    /// What was waited for did not happen in time. It may happen yet.
    WaitExpired,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) summary: String,
    pub(crate) answer: Option<Answer>,
    pub(crate) source: Option<Box<dyn error::Error + Send + Sync>>,
    pub(crate) history: History,
    /// The garbage collection that it is about.
    pub(crate) run: Option<GarbageCollection>,
    /// The certificate that was waited for.
    pub(crate) certificate: Option<Certificate>,
}

impl Inner {
    /// An error of which nothing more is known.
    pub(crate) fn new(kind: ErrorKind, summary: impl Into<String>) -> Self {
        Self {
            kind,
            operation: None,
            summary: summary.into(),
            answer: None,
            source: None,
            history: History::default(),
            run: None,
            certificate: None,
        }
    }
}

/// What the call had behind it when it failed.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
    pub(crate) ambiguous: bool,
    pub(crate) retry_at: Option<DateTime<Utc>>,
    /// Whether an attempt before the last may have taken effect.
    pub(crate) reached_before: bool,
}

/// When the service wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Seconds(u64),
    At(DateTime<Utc>),
}

/// What is kept of the answer that a failed call got.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) id: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) eligibility_reasons: Vec<EligibilityReason>,
}

impl Error {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn configuration(
        summary: impl Into<String>,
        source: Option<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self::new(Inner {
            source,
            ..Inner::new(ErrorKind::Configuration, summary)
        })
    }

    /// A list whose pages lead nowhere.
    pub(crate) fn broken_list(operation: &'static Operation, why: String) -> Self {
        Self::new(Inner {
            operation: Some(operation),
            ..Inner::new(ErrorKind::Unreadable, format!("the list is broken: {why}"))
        })
    }

    /// A wait for a garbage collection that did not end well, or a start that another one stands in the way of.
    pub(crate) fn garbage_collecting(
        kind: ErrorKind,
        summary: String,
        run: Option<GarbageCollection>,
        source: Option<Self>,
    ) -> Self {
        Self::new(Inner {
            operation: source.as_ref().and_then(|source| source.0.operation),
            source: source.map(|source| source.into()),
            run,
            ..Inner::new(kind, summary)
        })
    }

    /// A wait for a certificate that did not end well.
    pub(crate) fn certificate_waiting(
        kind: ErrorKind,
        summary: impl Into<String>,
        certificate: &Certificate,
        source: Option<Self>,
    ) -> Self {
        Self::new(Inner {
            operation: source.as_ref().and_then(|source| source.0.operation),
            source: source.map(|source| source.into()),
            certificate: Some(certificate.clone()),
            ..Inner::new(kind, summary)
        })
    }

    pub(crate) fn no_certificate(name: &str) -> Self {
        Self::new(Inner::new(
            ErrorKind::NotFound,
            format!("the account has no certificate by the name {name:?}"),
        ))
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }

    /// The service's own name for the failure, such as `not_found`.
    pub fn api_id(&self) -> Option<&str> {
        self.answer()?.id.as_deref()
    }

    /// The service's own message, cut if it is long.
    pub fn api_message(&self) -> Option<&str> {
        self.answer()?.message.as_deref()
    }

    /// The id of the request in the service's logs; support asks for it.
    pub fn request_id(&self) -> Option<&str> {
        self.answer()?.request_id.as_deref()
    }

    /// The `operationId` of the call that failed, such as `registry_create`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation.map(|operation| operation.id)
    }

    /// The token's rate limit, as far as the answer told it.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.answer()?.rate_limit
    }

    /// Why the account may not move to a tier; empty unless the kind is [`ErrorKind::TierNotEligible`].
    pub fn eligibility_reasons(&self) -> &[EligibilityReason] {
        self.answer()
            .map_or(&[], |answer| &answer.eligibility_reasons)
    }

    /// The garbage collection that stood in the way, failed, or took too long.
    pub fn garbage_collection(&self) -> Option<&GarbageCollection> {
        self.0.run.as_ref()
    }

    /// The input that was refused, if that is what failed.
    pub fn invalid_input(&self) -> Option<&InvalidInput> {
        self.0.source.as_deref()?.downcast_ref()
    }

    /// The certificate that was waited for, as it was last seen. Unless the kind is [`ErrorKind::NotFound`], it is
    /// there, although the call failed.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.0.certificate.as_ref()
    }

    /// Whether a certificate can't be deleted because something uses it.
    pub fn is_in_use(&self) -> bool {
        // The service has no name of its own for this, but two ways to say it.
        const SAID: [&str; 2] = [
            "Make sure the certificate is not in use before deleting it",
            "being used by one or more load balancers",
        ];
        let message = self.api_message().unwrap_or_default();
        self.status() == Some(403) && SAID.iter().any(|said| message.contains(said))
    }

    /// How many requests the call has sent; 0 if the input was refused.
    pub fn attempts(&self) -> u32 {
        self.0.history.attempts
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.history.elapsed
    }

    /// Whether the call may have taken effect although it failed, and could not be repeated or looked up.
    /// Look for yourself before you call again.
    pub fn is_ambiguous(&self) -> bool {
        self.0.history.ambiguous
    }

    /// When the call would have been tried again, had the deadline allowed it.
    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        self.0.history.retry_at
    }

    /// Whether an attempt before the last may have taken effect.
    pub(crate) fn reached_before(&self) -> bool {
        self.0.history.reached_before
    }

    /// Changes what is known of the call's history, which is done before the error is handed out.
    pub(crate) fn amend(&mut self, change: impl FnOnce(&mut History)) {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(&mut inner.history);
        }
    }

    pub(crate) fn retry_after(&self) -> Option<RetryAfter> {
        self.answer()?.retry_after
    }

    /// Names the certificate that the failed call was about.
    pub(crate) fn about(mut self, certificate: &Certificate) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.certificate = Some(certificate.clone());
        }
        self
    }

    /// The answer that the call got, or the call that this error is about.
    fn answer(&self) -> Option<&Answer> {
        self.0.answer.as_ref().or_else(|| {
            let cause = self.0.source.as_deref()?.downcast_ref::<Self>()?;
            cause.answer()
        })
    }
}

macro_rules! predicates {
    ($($(#[$doc:meta])* $name:ident: $kind:ident;)*) => {
        impl Error {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> bool {
                    self.kind() == ErrorKind::$kind
                }
            )*
        }
    };
}

predicates! {
    /// Whether the input was refused before anything was sent.
    is_invalid_input: InvalidInput;
    /// Whether the client could not be set up.
    is_configuration: Configuration;
    /// Whether no connection could be made; nothing was sent.
    is_connect: Connect;
    /// Whether no answer came in time.
    is_timeout: Timeout;
    /// Whether the connection broke before the answer was complete.
    is_interrupted: Interrupted;
    /// Whether the answer was none of this API's.
    is_unreadable: Unreadable;
    /// Whether the token was not accepted.
    is_unauthorized: Unauthorized;
    /// Whether the call is not allowed.
    is_forbidden: Forbidden;
    /// Whether there is no such resource.
    is_not_found: NotFound;
    /// Whether the name is taken.
    is_conflict: Conflict;
    /// Whether the account has several registries and the call names none.
    is_several_registries: SeveralRegistries;
    /// Whether the account may not move to the tier.
    is_tier_not_eligible: TierNotEligible;
    /// Whether the service refused what was asked for.
    is_rejected: Rejected;
    /// Whether the token has used up its requests.
    is_rate_limited: RateLimited;
    /// Whether the service failed.
    is_server_error: Server;
    /// Whether a garbage collection that is active already stood in the way.
    is_garbage_collection_active: GarbageCollectionActive;
    /// Whether a garbage collection ended without success.
    is_garbage_collection_failed: GarbageCollectionFailed;
    /// Whether Let's Encrypt did not issue a certificate.
    is_certificate_failed: CertificateFailed;
    /// Whether what was waited for did not happen in time.
    is_wait_expired: WaitExpired;
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation() {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&self.0.summary)?;
        if let Some(id) = self.request_id() {
            write!(f, " (request id {id})")?;
        }
        if self.attempts() > 1 {
            write!(f, ", after {} attempts", self.attempts())?;
        }
        if let Some(instant) = self.retry_at() {
            let instant = instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            write!(
                f,
                "; another attempt, at {instant}, would have passed the deadline"
            )?;
        }
        if let Some(Certificate { name, id, .. }) = self.certificate() {
            write!(f, "; certificate {name:?}, by the id {id}")?;
        }
        if self.is_ambiguous() {
            f.write_str("; the call may have taken effect")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.operation())
            .field("summary", &self.0.summary)
            .field("answer", &self.0.answer)
            .field("history", &self.0.history)
            .field("source", &self.0.source)
            .finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // An invalid input is already the whole message.
        match self.kind() {
            ErrorKind::InvalidInput => None,
            _ => self.0.source.as_deref().map(|source| source as _),
        }
    }
}

impl From<InvalidInput> for Error {
    fn from(input: InvalidInput) -> Self {
        let summary = input.to_string();
        Self::new(Inner {
            source: Some(Box::new(input)),
            ..Inner::new(ErrorKind::InvalidInput, summary)
        })
    }
}
