//! What can go wrong.

use super::Error;

/// The kinds, each with its name in telemetry and the predicate of [`Error`] that asks for it.
macro_rules! kinds {
    ($($(#[doc = $what:literal])* $kind:ident $name:literal $predicate:ident $(#[doc = $whether:literal])*;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $what])* $kind,)*
        }

        impl ErrorKind {
            /// The kind as a word for telemetry, such as `not_found`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        impl Error {
            $(
                $(#[doc = $whether])*
                pub fn $predicate(&self) -> bool {
                    self.kind() == ErrorKind::$kind
                }
            )*
        }

        #[cfg(test)]
        pub(super) const KINDS: &[(ErrorKind, fn(&Error) -> bool)] =
            &[$((ErrorKind::$kind, Error::$predicate),)*];
    };
}

kinds! {
    /// The input breaks a rule; nothing was sent. Mend the input: the message names field and rule.
    InvalidInput "invalid_input" is_invalid_input
    /// Whether the input was refused before anything was sent.
    ;
    /// The client can't be set up, or can't work here: no token, an invalid base URL, no tokio runtime.
    Configuration "configuration" is_configuration
    /// Whether the client could not be set up, or can't work where it is.
    ;
    /// The token provider failed; nothing was sent. The source is the provider's own error.
    TokenUnavailable "token_unavailable" is_token_unavailable
    /// Whether there was no token to send a request with.
    ;
    /// The rate budget can't be asked for a turn; nothing was sent. The source is the budget's own error.
    RateBudgetUnavailable "rate_budget_unavailable" is_rate_budget_unavailable
    /// Whether the rate budget could not be asked for a turn.
    ;
    /// No connection was made; nothing was sent. Check network, proxy and base URL.
    Connect "connect" is_connect
    /// Whether no connection could be made; nothing was sent.
    ;
    /// No response came within the time limit. The call may have taken effect.
    Timeout "timeout" is_timeout
    /// Whether no response came in time.
    ;
    /// The connection broke before the response was complete. The call may have taken effect.
    Interrupted "interrupted" is_interrupted
    /// Whether the connection broke before the response was complete.
    ;
    /// A response came that is not this API's. The call has probably taken effect.
    Unreadable "unreadable" is_unreadable
    /// Whether the response was not one of this API.
    ;
    /// 401: the token is unknown, expired or revoked.
    Unauthorized "unauthorized" is_unauthorized
    /// Whether the token was not accepted.
    ;
    /// 403: the token lacks a scope.
    Forbidden "forbidden" is_forbidden
    /// Whether the call is not allowed.
    ;
    /// 403: what is to be deleted is in use.
    InUse "in_use" is_in_use
    /// Whether a certificate can't be deleted because something uses it.
    ;
    /// 404: no such resource in this account.
    NotFound "not_found" is_not_found
    /// Whether there is no such resource.
    ;
    /// 409: the name is taken; see [`Error::existing_registry`] and [`Error::is_name_of_another_account`].
    Conflict "conflict" is_conflict
    /// Whether the name is taken.
    ;
    /// What the account has under that name is not as it was asked for; see [`Error::existing_registry`] and
    /// [`Error::certificate`].
    Mismatch "mismatch" is_mismatch
    /// Whether the account has something else under the name.
    ;
    /// 412: the account has several registries, and the call names none.
    SeveralRegistries "several_registries" is_several_registries
    /// Whether the account has several registries and the call names none.
    ;
    /// 412: what the account has doesn't fit the tier; see [`Error::eligibility_reasons`].
    TierNotEligible "tier_not_eligible" is_tier_not_eligible
    /// Whether the account may not move to the tier.
    ;
    /// 412, for another reason.
    PreconditionFailed "precondition_failed" is_precondition_failed
    /// Whether the state of the account doesn't allow the call.
    ;
    /// 400 or 422: the service refused what was asked for.
    Rejected "rejected" is_rejected
    /// Whether the service refused what was asked for.
    ;
    /// 429: the token has used up its requests.
    RateLimited "rate_limited" is_rate_limited
    /// Whether the token has used up its requests.
    ;
    /// 5xx: the service, or a proxy before it, failed.
    Server "server" is_server_error
    /// Whether the service failed.
    ;
    /// Any other status, redirects included: they are never followed.
    UnexpectedStatus "unexpected_status" is_unexpected_status
    /// Whether the service responded with a status that has no other kind.
    ;
    /// A garbage collection is active already, and there is one at a time; see [`Error::garbage_collection`].
    GarbageCollectionActive "garbage_collection_active" is_garbage_collection_active
    /// Whether a garbage collection that is active already stood in the way.
    ;
    /// A garbage collection that was waited for ended without success; see [`Error::garbage_collection`].
    GarbageCollectionFailed "garbage_collection_failed" is_garbage_collection_failed
    /// Whether a garbage collection ended without success.
    ;
    /// Let's Encrypt did not issue a certificate that was waited for; see [`Error::certificate`].
    CertificateFailed "certificate_failed" is_certificate_failed
    /// Whether Let's Encrypt did not issue a certificate.
    ;
    /// A file of this machine could not be read or written.
    Storage "storage" is_storage
    /// Whether a file of this machine could not be read or written.
    ;
    /// What was waited for did not happen in time. It may happen yet.
    WaitExpired "wait_expired" is_wait_expired
    /// Whether what was waited for did not happen in time.
    ;
}
