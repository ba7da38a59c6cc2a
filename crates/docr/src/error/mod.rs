//! One error type for everything that a call can end in.

// Numbers and times from outside are calculated with here.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod classify;
mod invalid_input;
mod kind;
mod rate_limit;
pub(crate) mod redaction;

use std::{error, fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use docr_api::{
    Operation,
    types::{Certificate, EligibilityReason, GarbageCollection},
};

use crate::text::clean;
pub use invalid_input::InvalidInput;
pub use kind::ErrorKind;
pub use rate_limit::RateLimit;

/// What a call of this crate ends in when it fails. Ask it by predicate ([`Error::is_not_found`]) or
/// by [`Error::kind`]. Cheap to clone.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    about: Option<Arc<About>>,
}

/// What an error is about, beside the call.
pub(crate) enum About {
    /// The garbage collection that stood in the way, failed, or took too long.
    Run(GarbageCollection),
    /// The certificate that was waited for, as it was last seen.
    Certificate(Certificate),
}

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) summary: String,
    pub(crate) answer: Option<Answer>,
    pub(crate) source: Option<Box<dyn error::Error + Send + Sync>>,
    pub(crate) history: History,
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
        }
    }
}

/// What is asked of an attempt before its call has ended.
impl Inner {
    pub(crate) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }

    pub(crate) fn rate_limit(&self) -> Option<RateLimit> {
        self.answer.as_ref()?.rate_limit
    }

    pub(crate) fn retry_after(&self) -> Option<RetryAfter> {
        self.answer.as_ref()?.retry_after
    }

    /// Ends a call in this.
    pub(crate) fn after(self, history: History) -> Error {
        Error::new(Self { history, ..self })
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
        Self {
            inner: Arc::new(inner),
            about: None,
        }
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

    /// A file that can't be read or written.
    #[cfg(feature = "credential-files")]
    pub(crate) fn storage(summary: String, source: std::io::Error) -> Self {
        Self::new(Inner {
            source: Some(Box::new(source)),
            ..Inner::new(ErrorKind::Storage, summary)
        })
    }

    /// A credential was minted, and the answer holds none: it can be neither used nor revoked.
    pub(crate) fn no_credentials(operation: &'static Operation) -> Self {
        Self::new(Inner {
            operation: Some(operation),
            history: History {
                attempts: 1,
                ambiguous: true,
                ..History::default()
            },
            ..Inner::new(
                ErrorKind::Unreadable,
                "the answer holds no credentials for any host",
            )
        })
    }

    /// A list whose pages lead nowhere.
    pub(crate) fn broken_list(operation: &'static Operation, why: String) -> Self {
        Self::new(Inner {
            operation: Some(operation),
            ..Inner::new(ErrorKind::Unreadable, format!("the list is broken: {why}"))
        })
    }

    /// What a failed call, or one that was not even made, means to a caller further up.
    pub(crate) fn caused_by(
        source: Option<Self>,
        kind: ErrorKind,
        summary: impl Into<String>,
    ) -> Self {
        Self::new(Inner {
            operation: source.as_ref().and_then(|source| source.inner.operation),
            source: source.map(|source| source.into()),
            ..Inner::new(kind, summary)
        })
    }

    /// Names what the error is about.
    pub(crate) fn about(self, subject: About) -> Self {
        Self {
            about: Some(Arc::new(subject)),
            ..self
        }
    }

    pub(crate) fn subject(&self) -> Option<&About> {
        self.about.as_deref()
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
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
        self.inner.operation.map(|operation| operation.id)
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

    /// The input that was refused, if that is what failed.
    pub fn invalid_input(&self) -> Option<&InvalidInput> {
        self.inner.source.as_deref()?.downcast_ref()
    }

    /// How many requests the call has sent; 0 if the input was refused.
    pub fn attempts(&self) -> u32 {
        self.inner.history.attempts
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        self.inner.history.elapsed
    }

    /// Whether the call may have taken effect although it failed, and could not be repeated or looked up.
    /// Look for yourself before you call again.
    pub fn is_ambiguous(&self) -> bool {
        self.inner.history.ambiguous
    }

    /// When the call would have been tried again, had the deadline allowed it.
    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        self.inner.history.retry_at
    }

    /// Whether an attempt before the last may have taken effect.
    pub(crate) fn reached_before(&self) -> bool {
        self.inner.history.reached_before
    }

    /// The answer that the call got, or the call that this error is about.
    fn answer(&self) -> Option<&Answer> {
        self.inner.answer.as_ref().or_else(|| {
            let cause = self.inner.source.as_deref()?.downcast_ref::<Self>()?;
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
        f.write_str(&self.inner.summary)?;
        if let Some(id) = self.request_id() {
            write!(f, " (request id {id})")?;
        }
        if self.attempts() > 1 {
            write!(f, ", after {} attempts", self.attempts())?;
        }
        if let Some(instant) = self.retry_at() {
            let instant = instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            match self.attempts() {
                0 => write!(f, "; try again at {instant}")?,
                _ => write!(
                    f,
                    "; another attempt, at {instant}, would have passed the deadline"
                )?,
            }
        }
        if let Some(About::Certificate(Certificate { name, id, .. })) = self.subject() {
            let (name, id) = (clean(name), clean(id));
            write!(f, "; certificate \"{name}\", by the id {id}")?;
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
            .field("kind", &self.inner.kind)
            .field("operation", &self.operation())
            .field("summary", &self.inner.summary)
            .field("answer", &self.inner.answer)
            .field("history", &self.inner.history)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // An invalid input is already the whole message.
        match self.kind() {
            ErrorKind::InvalidInput => None,
            _ => self.inner.source.as_deref().map(|source| source as _),
        }
    }
}

impl From<InvalidInput> for Inner {
    fn from(input: InvalidInput) -> Self {
        let summary = input.to_string();
        Self {
            source: Some(Box::new(input)),
            ..Self::new(ErrorKind::InvalidInput, summary)
        }
    }
}

impl From<InvalidInput> for Error {
    fn from(input: InvalidInput) -> Self {
        Self::new(input.into())
    }
}
