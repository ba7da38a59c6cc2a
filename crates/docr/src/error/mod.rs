//! One error type for all failures of a call.

// Calculates with numbers and times from outside.
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

/// Why a call of this crate failed. Decide by predicate ([`Error::is_not_found`]) or by [`Error::kind`]. Cheap to clone.
///
/// ```
/// use docr::Error;
///
/// /// The exit code of a command, as in `sysexits.h`.
/// fn exit_code(error: &Error) -> u8 {
///     let is_local = error.is_token_unavailable() || error.is_rate_budget_unavailable() || error.is_storage();
///     let is_transient = error.is_connect() || error.is_timeout() || error.is_interrupted()
///         || error.is_server_error() || error.is_rate_limited() || error.is_wait_expired();
///     match error {
///         error if error.is_invalid_input() || error.is_rejected() => 64,
///         error if error.is_unauthorized() || error.is_forbidden() => 77,
///         error if error.is_configuration() || is_local => 78,
///         error if error.is_ambiguous() => 70, // may have taken effect: look before you repeat it
///         _ if is_transient => 75, // try again later
///         _ => 1,
///     }
/// }
///
/// let error = Error::from(docr::RegistryName::new("Acme").unwrap_err());
/// assert_eq!(exit_code(&error), 64);
/// assert_eq!((error.attempts(), error.status()), (0, None)); // nothing was sent
/// ```
///
/// `Display` is one line, for users. `Debug` is several lines, for logs and support: it adds causes, kind, operation,
/// status, request id, rate limit, attempts and elapsed time.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// if let Err(error) = docr.registry("acme-images".parse()?).get().await {
///     if error.is_precondition_failed() || error.is_unexpected_status() {
///         println!("{:?} {:?}", error.status(), error.api_message());
///     }
///     let operation = error.operation().unwrap_or("no call");
///     println!("{operation}: {} after {:?}", error.kind().as_str(), error.elapsed());
///     println!("for support: {:?} {:?}", error.request_id(), error.api_id());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    about: Option<Arc<About>>,
}

/// What an error is about, beside the call.
pub(crate) enum About {
    /// The garbage collection that is active, failed, or took too long.
    Run(GarbageCollection),
    /// The certificate that the wait was for, as it was last seen, or that has the name.
    Certificate(Certificate),
    /// The account's registry that has the name.
    Registry(Box<Registry>),
    /// A name that another account's registry has.
    NameOfAnotherAccount,
}

/// The result of a call of this crate.
///
/// ```no_run
/// async fn newest_tag(repository: docr::RepositoryHandle) -> docr::Result<Option<String>> {
///     let tags = repository.tags().all().await?;
///     Ok(tags.into_iter().max_by_key(|tag| tag.updated_at).map(|tag| tag.tag))
/// }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) summary: String,
    pub(crate) response: Option<ResponseFacts>,
    pub(crate) source: Option<Box<dyn error::Error + Send + Sync>>,
    pub(crate) history: History,
}

impl Inner {
    /// An error of which nothing else is known.
    pub(crate) fn new(kind: ErrorKind, summary: impl Into<String>) -> Self {
        Self {
            kind,
            endpoint: None,
            summary: summary.into(),
            response: None,
            source: None,
            history: History::default(),
        }
    }

    /// The provider failed to return a token for the first attempt.
    pub(crate) fn no_token(source: Box<dyn error::Error + Send + Sync>) -> Self {
        let summary = "the token provider returned no token; nothing was sent";
        Self {
            source: Some(source),
            ..Self::new(ErrorKind::TokenUnavailable, summary)
        }
    }

    /// The rate budget failed.
    pub(crate) fn no_rate_budget(source: Box<dyn error::Error + Send + Sync>) -> Self {
        let summary = "the rate budget is not available; nothing was sent";
        Self {
            source: Some(source),
            ..Self::new(ErrorKind::RateBudgetUnavailable, summary)
        }
    }

    /// No attempt may begin any more.
    pub(crate) fn stopped() -> Self {
        Self::new(ErrorKind::Stopped, "the call was stopped; nothing was sent")
    }

    /// No attempt may follow the one that failed like this.
    pub(crate) fn stopped_after(self) -> Self {
        Self {
            kind: ErrorKind::Stopped,
            summary: format!("the call was stopped after an attempt: {}", self.summary),
            ..self
        }
    }

    /// Timers and sockets are tokio's, and panic without its runtime.
    pub(crate) fn no_runtime() -> Self {
        let summary = "no tokio runtime: calls must be made inside one; nothing was sent";
        Self::new(ErrorKind::Configuration, summary)
    }
}

/// What decides about a retry.
impl Inner {
    pub(crate) fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.status)
    }

    pub(crate) fn rate_limit(&self) -> Option<RateLimit> {
        self.response.as_ref()?.rate_limit
    }

    pub(crate) fn retry_after(&self) -> Option<RetryAfter> {
        self.response.as_ref()?.retry_after
    }

    /// The error of a call that ends with this attempt.
    pub(crate) fn after(self, history: History) -> Error {
        Error::new(Self { history, ..self })
    }
}

/// What happened in the call until it failed.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
    pub(crate) ambiguous: bool,
    pub(crate) retry_at: Option<DateTime<Utc>>,
    /// Whether an attempt before the last may have taken effect.
    pub(crate) reached_before: bool,
}

/// When the service allows another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Seconds(u64),
    At(DateTime<Utc>),
}

/// What an error keeps of the response.
#[derive(Debug, Default)]
pub(crate) struct ResponseFacts {
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

    /// Waits and requests need tokio's timers and sockets.
    pub(crate) fn no_runtime() -> Self {
        Self::new(Inner::no_runtime())
    }

    /// The provider failed to return a token.
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

    /// A credential was minted, but the response contains none: it can be neither used nor revoked.
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
                "the response contains no credentials for any host",
            )
        })
    }

    /// A list with an invalid link to its next page.
    pub(crate) fn broken_list(operation: &'static Operation, why: String) -> Self {
        Self::new(Inner {
            endpoint: Some(operation.into()),
            ..Inner::new(ErrorKind::Unreadable, format!("the list is broken: {why}"))
        })
    }

    /// What a failed call, or one that was never made, means to the caller.
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

    /// The HTTP status of the response, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    /// The service's own name for the failure, such as `not_found`.
    pub fn api_id(&self) -> Option<&str> {
        self.response()?.id.as_deref()
    }

    /// The service's own message, truncated if it is long.
    pub fn api_message(&self) -> Option<&str> {
        self.response()?.message.as_deref()
    }

    /// The id of the request in the service's logs, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.response()?.request_id.as_deref()
    }

    /// The `operationId` of the call that failed, such as `registries_create`; method and path for one of
    /// [`Client::request`](crate::Client::request).
    pub fn operation(&self) -> Option<&str> {
        self.inner.endpoint.as_ref().map(Endpoint::name)
    }

    /// The token's rate limit, if the response reported it. See [`RateLimit`].
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Err(error) = docr.registries().options().await
    ///     && error.rate_limit().is_some_and(|limit| limit.remaining == 0)
    /// {
    ///     println!("the hour's requests are used up");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.response()?.rate_limit
    }

    /// The registry of this account that has the name, if that is why creating one failed
    /// ([`is_conflict`](Self::is_conflict)), or if it differs from the requested one ([`is_mismatch`](Self::is_mismatch)).
    ///
    /// ```no_run
    /// use docr::{CreateRegistry, Region, TierSlug};
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic).region(Region::Fra1);
    /// if let Err(error) = docr.registries().ensure(wanted).await
    ///     && let Some(existing) = error.existing_registry()
    /// {
    ///     println!("{} is in {:?}", existing.name, existing.region);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn existing_registry(&self) -> Option<&Registry> {
        match self.subject()? {
            About::Registry(registry) => Some(registry),
            _ => None,
        }
    }

    /// Whether the name is taken by a registry of another account.
    ///
    /// ```no_run
    /// use docr::CreateRegistry;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateRegistry::in_subscription("acme-images".parse()?);
    /// match docr.registries().create(wanted).await {
    ///     Err(error) if error.is_name_of_another_account() => println!("choose another name"),
    ///     created => println!("created {}", created?.name),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_name_of_another_account(&self) -> bool {
        matches!(self.subject(), Some(About::NameOfAnotherAccount))
    }

    /// Why the account is not eligible for a tier; empty unless the kind is [`ErrorKind::TierNotEligible`].
    pub fn eligibility_reasons(&self) -> &[EligibilityReason] {
        self.response()
            .map_or(&[], |response| &response.eligibility_reasons)
    }

    /// The input that was rejected before a request, if that is the failure.
    ///
    /// ```
    /// let error = docr::Error::from(docr::Tag::new("feature/login").unwrap_err());
    /// let input = error.invalid_input().unwrap();
    /// assert_eq!((input.field(), input.position()), ("tag", Some(8)));
    /// ```
    pub fn invalid_input(&self) -> Option<&InvalidInput> {
        self.inner.source.as_deref()?.downcast_ref()
    }

    /// How many requests the call has sent; 0 if it failed before the first one.
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
    /// Check the state of the account before you call again.
    ///
    /// ```no_run
    /// use docr::CredentialsRequest;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = docr.registry("acme-images".parse()?);
    /// match registry.docker_credentials(CredentialsRequest::read_only()).await {
    ///     Err(error) if error.is_ambiguous() => println!("a credential may be left behind: {error}"),
    ///     minted => println!("{:?}", minted?.expires_in()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_ambiguous(&self) -> bool {
        self.inner.history.ambiguous
    }

    /// When the next attempt would have been due, if the deadline didn't allow it.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let quick = docr.with(|calls| calls.deadline(Duration::from_secs(5)));
    /// if let Err(error) = quick.registries().options().await
    ///     && let Some(instant) = error.retry_at()
    /// {
    ///     println!("schedule the next run at {instant}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        self.inner.history.retry_at
    }

    /// Whether an attempt before the last may have taken effect.
    pub(crate) fn reached_before(&self) -> bool {
        self.inner.history.reached_before
    }

    /// The response of the call, or of the failed call that caused this error.
    fn response(&self) -> Option<&ResponseFacts> {
        self.inner
            .response
            .as_ref()
            .or_else(|| self.cause()?.response())
    }

    /// The failed call that caused this error.
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
                    "; the next attempt, at {instant}, would have exceeded the deadline"
                )?,
            }
        }
        if let Some(About::Certificate(Certificate { name, id, .. })) = self.subject() {
            let (name, id) = (clean(name), clean(id));
            write!(f, "; certificate \"{name}\" (id {id})")?;
        }
        if self.is_ambiguous() {
            f.write_str("; the call may have taken effect")?;
        }
        Ok(())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // The message of an invalid input is this error's message already.
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
    fn the_message_of_an_invalid_input_is_shown_once_and_other_errors_show_their_cause() {
        let invalid = Error::from(InvalidInput::new("page", "0", "pages are counted from 1"));
        assert!(error::Error::source(&invalid).is_none());
        let other = Error::configuration("it can't be stored", Some("full".into()));
        let cause = error::Error::source(&other).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("full"));
    }

    #[test]
    fn an_error_made_from_an_error_keeps_its_details() {
        let inner = Inner {
            response: Some(ResponseFacts {
                status: 403,
                ..ResponseFacts::default()
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
