//! A server on 127.0.0.1 that can be stopped.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::listener::Port;
use super::request::{BODY_LIMIT, Unreadable};
use super::tls::{Identity, TlsPort};

/// How much of a body is taken in before the connection is given up. Beyond [`BODY_LIMIT`] it is refused anyway,
/// but a client that is still sending would miss the response.
const READ_LIMIT: usize = 16 * BODY_LIMIT;

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    /// Dropped to stop.
    running: oneshot::Sender<()>,
    /// Resolves when the port is free.
    closed: oneshot::Receiver<()>,
}

impl Server {
    pub(crate) async fn start(
        port: u16,
        router: Router,
        identity: Option<&Identity>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let addr = listener.local_addr()?;
        let (running, stop) = oneshot::channel::<()>();
        let (open, closed) = oneshot::channel();
        let port = Port::new(listener, open);
        let stopped = async {
            let _dropped = stop.await;
        };
        match identity {
            None => {
                let server = axum::serve(port, router).with_graceful_shutdown(stopped);
                tokio::spawn(server.into_future());
            }
            Some(identity) => {
                let port = TlsPort::new(port, identity)?;
                let server = axum::serve(port, router).with_graceful_shutdown(stopped);
                tokio::spawn(server.into_future());
            }
        }
        Ok(Self {
            addr,
            running,
            closed,
        })
    }

    /// Takes no more connections, closes idle ones and waits until the port is free.
    /// Responses under way are finished, but not waited for: their clients may never read them.
    pub(crate) async fn stop(self) {
        drop(self.running);
        let _freed = self.closed.await;
    }
}

/// Reads a request's body whole, if it is not too large.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Unreadable> {
    match to_bytes(body, READ_LIMIT).await {
        Ok(body) if body.len() <= BODY_LIMIT => Ok(body),
        _ => Err(Unreadable),
    }
}
