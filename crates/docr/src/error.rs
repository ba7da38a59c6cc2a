//! One error type for everything that a call can end in.

use std::{error, fmt};

use docr_api::{Operation, types::EligibilityReason};

use crate::{InvalidInput, RateLimit};

/// What a call of this crate ends in when it fails. Ask it by predicate ([`Error::is_not_found`]) or
/// by [`Error::kind`].
pub struct Error(Box<Inner>);

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
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) summary: String,
    pub(crate) answer: Option<Answer>,
    pub(crate) source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// What is kept of the answer that a failed call got.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) id: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) eligibility_reasons: Vec<EligibilityReason>,
}

impl Error {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Box::new(inner))
    }

    pub(crate) fn configuration(
        summary: impl Into<String>,
        source: Option<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self::new(Inner {
            kind: ErrorKind::Configuration,
            operation: None,
            summary: summary.into(),
            answer: None,
            source,
        })
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

    /// The input that was refused, if that is what failed.
    pub fn invalid_input(&self) -> Option<&InvalidInput> {
        self.0.source.as_deref()?.downcast_ref()
    }

    fn answer(&self) -> Option<&Answer> {
        self.0.answer.as_ref()
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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation() {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&self.0.summary)?;
        match self.request_id() {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.operation())
            .field("summary", &self.0.summary)
            .field("answer", &self.0.answer)
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
        Self::new(Inner {
            kind: ErrorKind::InvalidInput,
            operation: None,
            summary: input.to_string(),
            answer: None,
            source: Some(Box::new(input)),
        })
    }
}
