//! What can go wrong.

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input breaks a rule; nothing was sent. Mend the input: the message names field and rule.
    InvalidInput,
    /// The client can't be set up: no token, or an invalid base URL.
    Configuration,
    /// No connection was made; nothing was sent. Check network, proxy and base URL.
    Connect,
    /// No response came within the time limit. The call may have taken effect.
    Timeout,
    /// The connection broke before the response was complete. The call may have taken effect.
    Interrupted,
    /// A response came that is not this API's. The call has probably taken effect.
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
    /// 412: what the account has doesn't fit the tier; see [`Error::eligibility_reasons`](crate::Error::eligibility_reasons).
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
    /// A garbage collection is active already, and there is one at a time; see [`Error::garbage_collection`](crate::Error::garbage_collection).
    GarbageCollectionActive,
    /// A garbage collection that was waited for ended without success; see [`Error::garbage_collection`](crate::Error::garbage_collection).
    GarbageCollectionFailed,
    /// Let's Encrypt did not issue a certificate that was waited for; see [`Error::certificate`](crate::Error::certificate).
    CertificateFailed,
    /// A file of this machine could not be read or written.
    Storage,
    /// What was waited for did not happen in time. It may happen yet.
    WaitExpired,
}
