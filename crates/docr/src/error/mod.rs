//! One error type for everything that a call can end in.

// Numbers and times from outside are calculated with here.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub(crate) mod classify;
mod debug;
mod invalid_input;
mod kind;
mod rate_limit;
pub(crate) mod redaction;
mod service_texts;

use std::{error, fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use docr_api::{
    Operation,
    types::{Certificate, EligibilityReason, GarbageCollection, Registry},
};

use crate::{endpoint::Endpoint, text::clean};
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
    /// The certificate that was waited for, as it was last seen, or that has the name.
    Certificate(Certificate),
    /// The account's registry that has the name.
    Registry(Box<Registry>),
    /// A name that another account's registry has.
    NameOfAnotherAccount,
}

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) endpoint: Option<Endpoint>,
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
            endpoint: None,
            summary: summary.into(),
            answer: None,
            source: None,
            history: History::default(),
        }
    }

    /// A provider that has no token for the first attempt.
    pub(crate) fn no_token(source: Box<dyn error::Error + Send + Sync>) -> Self {
        let summary = "the token provider has no token; nothing was sent";
        Self {
            source: Some(source),
            ..Self::new(ErrorKind::TokenUnavailable, summary)
        }
    }

    /// A rate budget that can't be asked.
    pub(crate) fn no_rate_budget(source: Box<dyn error::Error + Send + Sync>) -> Self {
        let summary = "the rate budget is not available; nothing was sent";
        Self {
            source: Some(source),
            ..Self::new(ErrorKind::RateBudgetUnavailable, summary)
        }
    }

    /// Timers and sockets are tokio's, and panic elsewhere.
    pub(crate) fn no_runtime() -> Self {
        let summary = "no tokio runtime: calls must be made inside of one; nothing was sent";
        Self::new(ErrorKind::Configuration, summary)
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

    /// What is waited for and sent needs tokio's timers and sockets.
    pub(crate) fn no_runtime() -> Self {
        Self::new(Inner::no_runtime())
    }

    /// A provider that has no token.
    #[cfg(feature = "credential-files")]
    pub(crate) fn no_token(source: Box<dyn error::Error + Send + Sync>) -> Self {
        Self::new(Inner::no_token(source))
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
            endpoint: Some(operation.into()),
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
            endpoint: Some(operation.into()),
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
            endpoint: source
                .as_ref()
                .and_then(|source| source.inner.endpoint.clone()),
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

    /// The `operationId` of the call that failed, such as `registries_create`; method and path for one of
    /// [`Client::request`](crate::Client::request).
    pub fn operation(&self) -> Option<&str> {
        self.inner.endpoint.as_ref().map(Endpoint::name)
    }

    /// The token's rate limit, as far as the answer told it.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.answer()?.rate_limit
    }

    /// The registry of this account that has the name, when creating one has failed for that
    /// ([`is_conflict`](Self::is_conflict)), or it is another one than was asked for ([`is_mismatch`](Self::is_mismatch)).
    pub fn existing_registry(&self) -> Option<&Registry> {
        match self.subject()? {
            About::Registry(registry) => Some(registry),
            _ => None,
        }
    }

    /// Whether the name can't be had because a registry of another account has it.
    pub fn is_name_of_another_account(&self) -> bool {
        matches!(self.subject(), Some(About::NameOfAnotherAccount))
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
        let own = self.inner.history.attempts;
        own.max(self.cause().map_or(0, Self::attempts))
    }

    /// How long the call took, waits included.
    pub fn elapsed(&self) -> Duration {
        let own = self.inner.history.elapsed;
        own.max(self.cause().map_or(Duration::ZERO, Self::elapsed))
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
        self.inner
            .answer
            .as_ref()
            .or_else(|| self.cause()?.answer())
    }

    /// The failed call that this is about.
    fn cause(&self) -> Option<&Self> {
        self.inner.source.as_deref()?.downcast_ref()
    }
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{kind::KINDS, *};

    #[test]
    fn each_kind_has_a_predicate_that_holds_for_it_alone_and_a_name_of_its_own() {
        let names: HashSet<_> = KINDS.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(names.len(), KINDS.len());
        for (kind, _) in KINDS {
            let error = Error::new(Inner::new(*kind, "it failed"));
            let held = KINDS.iter().filter(|(_, predicate)| predicate(&error));
            assert_eq!(held.map(|(held, _)| *held).collect::<Vec<_>>(), [*kind]);
        }
    }

    #[test]
    fn an_error_of_an_error_has_its_facts() {
        let inner = Inner {
            answer: Some(Answer {
                status: 403,
                ..Answer::default()
            }),
            ..Inner::new(ErrorKind::InUse, "it is in use")
        };
        let history = History {
            attempts: 3,
            elapsed: Duration::from_secs(7),
            ..History::default()
        };
        let outer = Error::caused_by(
            Some(inner.after(history)),
            ErrorKind::WaitExpired,
            "it took too long",
        );
        assert_eq!((outer.status(), outer.attempts()), (Some(403), 3));
        assert_eq!(
            format!("{outer:?}"),
            "it took too long, after 3 attempts\n  caused by: it is in use, after 3 attempts\n  \
             kind: wait_expired\n  status: 403\n  attempts: 3, in 7s"
        );
    }
}
