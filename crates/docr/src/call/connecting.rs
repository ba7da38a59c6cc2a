//! Whether an attempt that timed out was still connecting: then nothing was sent.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::future::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static ATTEMPT: Connecting;
}

/// Whether an attempt is waiting for its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connecting(Arc<AtomicBool>);

impl Connecting {
    /// Tracks the connections that are made while a future runs.
    pub(super) fn during<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        ATTEMPT.scope(self.clone(), future)
    }

    /// Whether the attempt is connecting, or was when it was given up.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_under_way: bool) {
        self.0.store(is_under_way, Ordering::Relaxed);
    }

    /// Whether the current task runs this attempt.
    fn is_current(&self) -> bool {
        ATTEMPT
            .try_with(|current| Arc::ptr_eq(&current.0, &self.0))
            .unwrap_or(false)
    }
}

/// Watches how an HTTP client makes its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WatchConnections;

impl<S> Layer<S> for WatchConnections {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched(Arc::new(inner))
    }
}

/// The HTTP client clones it three times for each request, but seldom makes a connection: only then the inner service is
/// cloned.
#[derive(Clone, Debug)]
pub(crate) struct Watched<S>(Arc<S>);

impl<R, S> Service<R> for Watched<S>
where
    R: Send + 'static,
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Making<S::Response, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let attempt = ATTEMPT.try_with(Connecting::clone).ok();
        if let Some(attempt) = &attempt {
            attempt.set(true);
        }
        let mut below = S::clone(&self.0);
        let inner = Box::pin(async move {
            poll_fn(|context| below.poll_ready(context)).await?;
            below.call(request).await
        });
        Making { inner, attempt }
    }
}

/// A connection that is being made.
pub(crate) struct Making<T, E> {
    inner: BoxFuture<'static, Result<T, E>>,
    attempt: Option<Connecting>,
}

impl<T, E> Future for Making<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Polled by another task, it doesn't concern the attempt, which uses another connection by now.
        let waits = self.attempt.as_ref().is_some_and(Connecting::is_current);
        let made = self.inner.as_mut().poll(context);
        if let Some(attempt) = &self.attempt
            && (made.is_ready() || !waits)
        {
            attempt.set(false);
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt as _;

    use super::*;

    /// Connects at once, or never.
    #[derive(Clone)]
    struct Connector {
        is_quick: bool,
    }

    impl Service<()> for Connector {
        type Response = ();
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<(), Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            match self.is_quick {
                true => Box::pin(std::future::ready(Ok(()))),
                false => Box::pin(std::future::pending()),
            }
        }
    }

    fn connect(is_quick: bool) -> Making<(), Infallible> {
        WatchConnections.layer(Connector { is_quick }).call(())
    }

    #[test]
    fn an_attempt_is_connecting_until_its_connection_is_made() {
        let attempt = Connecting::default();
        assert!(!attempt.is_under_way());
        let made = attempt.during(async { connect(true).await }).now_or_never();
        assert!(made.is_some() && !attempt.is_under_way());
        let made = attempt
            .during(async { connect(false).await })
            .now_or_never();
        assert!(made.is_none() && attempt.is_under_way());
    }

    #[test]
    fn an_attempt_that_gets_another_connection_is_no_longer_connecting() {
        let attempt = Connecting::default();
        let begun = ATTEMPT.sync_scope(attempt.clone(), || connect(false));
        assert!(attempt.is_under_way());
        // A task of the HTTP client continues to make the connection.
        assert!(begun.now_or_never().is_none());
        assert!(!attempt.is_under_way());
    }
}
