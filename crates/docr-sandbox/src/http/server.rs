//! A server on 127.0.0.1 that can be stopped.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::connection::Connections;
use super::limits::ConnectionLimits;
use super::listener::Port;
use super::tls::{Identity, shake_hands};

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    /// Dropped to stop.
    running: watch::Sender<()>,
    /// Finishes when the port is free.
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(
        port: u16,
        router: Router,
        identity: Option<&Identity>,
        limits: ConnectionLimits,
    ) -> io::Result<Self> {
        let port = Port::open(port, limits.connections).await?;
        let addr = port.addr()?;
        let (running, stopped) = watch::channel(());
        let connections = Connections {
            router,
            limits,
            stopped,
        };
        let acceptor = identity.map(Identity::acceptor);
        Ok(Self {
            addr,
            running,
            accepting: tokio::spawn(accept(port, acceptor, connections)),
        })
    }

    /// Stops accepting connections, closes idle ones and waits until the port is free.
    /// Responses in progress are finished, but not waited for: their clients may never read them.
    pub(crate) async fn stop(self) {
        drop(self.running);
        let _freed = self.accepting.await;
    }
}

/// Accepts connections, and serves each in a task, until the server is stopped.
async fn accept(port: Port, acceptor: Option<TlsAcceptor>, connections: Connections) {
    let mut stopped = connections.stopped.clone();
    loop {
        let accepted = tokio::select! {
            accepted = port.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((stream, place)) = accepted else {
            return;
        };
        let (acceptor, connections) = (acceptor.clone(), connections.clone());
        tokio::spawn(async move {
            serve(stream, acceptor, connections).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, acceptor: Option<TlsAcceptor>, connections: Connections) {
    match acceptor {
        None => connections.serve(stream).await,
        Some(acceptor) => {
            // Clients report a failed handshake themselves.
            if let Some(stream) = shake_hands(&acceptor, stream, connections.limits.handshake).await
            {
                connections.serve(stream).await;
            }
        }
    }
}
