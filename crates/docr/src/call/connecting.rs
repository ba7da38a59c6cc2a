//! Whether an attempt that ran out of time was still making its connection: then nothing was sent.

use std::{
    future::Future,
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

/// Whether a connection is being made for an attempt, and the attempt waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connecting(Arc<AtomicBool>);

impl Connecting {
    /// Notes what happens to connections while a future runs.
    pub(super) fn during<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        ATTEMPT.scope(self.clone(), future)
    }

    /// Whether it is, or was when the attempt was given up.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_under_way: bool) {
        self.0.store(is_under_way, Ordering::Relaxed);
    }

    /// Whether the attempt is what runs just now.
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
        Watched(inner)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Watched<S>(S);

impl<R, S> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Making<S::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let attempt = ATTEMPT.try_with(Connecting::clone).ok();
        if let Some(attempt) = &attempt {
            attempt.set(true);
        }
        Making {
            inner: Box::pin(self.0.call(request)),
            attempt,
        }
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
        // Moved to another task, it is of no use to the attempt, which has got hold of another connection.
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
