//! How much a client may open and send, and how long it may take.

use std::time::Duration;

/// The most bytes of a request's head: its first line and its headers. A larger one is refused with 431, or with 414 if
/// the fault is the first line's alone.
pub(super) const HEAD_LIMIT: usize = 128 * 1024;

/// How many connections a sandbox serves and how long it waits for a client, so that one that runs for weeks is
/// neither filled nor held up by clients that never end what they begin. Chosen by
/// [`SandboxBuilder::connection_limits`](crate::SandboxBuilder::connection_limits).
///
/// ```
/// use std::time::Duration;
/// use docr_sandbox::{ConnectionLimits, Sandbox};
///
/// let hasty = ConnectionLimits { head: Duration::from_secs(1), ..ConnectionLimits::default() };
/// let builder = Sandbox::builder().connection_limits(hasty);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at a time; more wait until one of them is closed. 1,024 unless set.
    pub connections: usize,
    /// For a TLS handshake. 10 seconds unless set.
    pub handshake: Duration,
    /// For the head of a request, from the response before it on, so that an idle connection is closed after that time,
    /// too. 30 seconds unless set.
    pub head: Duration,
    /// For the whole body of a call of the API. 30 seconds unless set.
    pub body: Duration,
    /// For the next bytes of an upload, which may take as long as it likes otherwise, and for a client that doesn't
    /// take its response. A minute unless set.
    pub idle: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(60),
        }
    }
}
