//! Metadata of operations.

/// One operation of the API, from the spec. See [`operations`](crate::operations) for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The `operationId`.
    pub id: &'static str,
    /// The HTTP method, in upper case.
    pub method: &'static str,
    /// The path, with parameters in braces: `/v2/certificates/{certificate_id}`.
    pub path: &'static str,
    /// The effect of a call on the server.
    pub effect: Effect,
    /// The scopes that the token needs.
    pub scopes: &'static [&'static str],
    /// The documented statuses.
    pub statuses: &'static [u16],
    /// Whether a newer operation replaces it.
    pub deprecated: bool,
}

/// The effect of a call on the server, which decides when it may be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Returns a new secret each time, even on a GET.
    Mint,
    /// Leaves the same state however often it is sent.
    Set,
    /// Removes a resource, which a second call no longer finds.
    Delete,
    /// Creates a new resource each time it succeeds.
    Create,
}
