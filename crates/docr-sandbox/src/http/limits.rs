//! Limits of what clients may open and send, and for how long.

use std::time::Duration;

/// The largest head of a request, its first line and headers, in bytes. A larger one gets a 431, or a 414 if the first
/// line alone is too long.
pub(super) const HEAD_LIMIT: usize = 128 * 1024;

/// How many connections a sandbox serves and how long it waits for clients, so that it can run for weeks whatever they
/// leave unfinished. Set by [`SandboxBuilder::connection_limits`](crate::SandboxBuilder::connection_limits).
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
    /// Connections at a time; more wait until one is closed. 1,024 by default.
    pub connections: usize,
    /// For a TLS handshake. 10 seconds by default.
    pub handshake: Duration,
    /// For the head of a request, counted from the previous response: an idle connection is closed after that time, too.
    /// 30 seconds by default.
    pub head: Duration,
    /// For the whole body of an API call. 30 seconds by default.
    pub body: Duration,
    /// For the next bytes of an upload, whose total time is unlimited, and for a client that doesn't read its response. A
    /// minute by default.
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
