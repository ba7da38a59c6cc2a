//! What is known of an operation beside its types.

/// One operation of the API, from the spec. See [`operations`](crate::operations) for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The `operationId`.
    pub id: &'static str,
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path, with parameters in braces: `/v2/certificates/{certificate_id}`.
    pub path: &'static str,
    /// What a call does on the server.
    pub effect: Effect,
    /// The scopes that the token needs.
    pub scopes: &'static [&'static str],
    /// The documented statuses.
    pub statuses: &'static [u16],
    /// Whether the service has a newer operation for the same.
    pub deprecated: bool,
}

/// What a call does on the server. It decides when a call may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Answers with a new secret each time, also on a GET.
    Mint,
    /// Leaves the same state however often it is sent.
    Set,
    /// Removes a resource; a repeat finds nothing.
    Delete,
    /// Makes a new resource each time it succeeds.
    Create,
}
