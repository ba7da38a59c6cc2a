//! What observers learn about each attempt.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    endpoint::Endpoint,
    error::{ErrorKind, RateLimit},
};

/// One attempt of a call, after it has ended, as [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) observes it.
///
/// ```
/// let docr = docr::Client::builder()
///     .token("dop_v1_0123")
///     .on_attempt(|attempt| {
///         let operation = attempt.operation.unwrap_or("request");
///         let end = attempt.error.map_or("success", |kind| kind.as_str());
///         eprintln!("{operation} #{}: {end} in {:?}", attempt.number, attempt.elapsed);
///     })
///     .build()?;
/// # Ok::<(), docr::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The `operationId`; `None` for a request of [`Client::request`](crate::Client::request).
    pub operation: Option<&'static str>,
    /// The HTTP method.
    pub method: &'a str,
    /// The path with parameters in braces, without names or ids; `None` for a request of
    /// [`Client::request`](crate::Client::request).
    pub url_template: Option<&'static str>,
    /// The number of the attempt within its call, from 1.
    pub number: u32,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// Why it failed; `None` for a success.
    pub error: Option<ErrorKind>,
    /// How long it took.
    pub elapsed: Duration,
    /// The wait before the next attempt; `None` if there is none.
    pub repeats_after: Option<Duration>,
    /// The token's rate limit, if the response reported it.
    pub rate_limit: Option<RateLimit>,
}

impl<'a> Attempt<'a> {
    pub(super) fn of(endpoint: &'a Endpoint, number: u32, elapsed: Duration) -> Self {
        Self {
            operation: endpoint.operation().map(|operation| operation.id),
            method: endpoint.method(),
            url_template: endpoint.template(),
            number,
            status: None,
            error: None,
            elapsed,
            repeats_after: None,
            rate_limit: None,
        }
    }
}

/// The observers of attempts.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Observer>);

type Observer = Arc<dyn Fn(&Attempt<'_>) + Send + Sync>;

impl Observers {
    pub(crate) fn add(&mut self, observer: impl Fn(&Attempt<'_>) + Send + Sync + 'static) {
        self.0.push(Arc::new(observer));
    }

    pub(super) fn tell(&self, attempt: &Attempt<'_>) {
        self.0.iter().for_each(|observer| observer(attempt));
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
