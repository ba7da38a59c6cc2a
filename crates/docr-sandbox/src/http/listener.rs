//! The socket that takes connections.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A listening port. Its owner learns when it is dropped.
pub(super) struct Port {
    listener: TcpListener,
    _open: oneshot::Sender<()>,
}

impl Port {
    /// The receiver of `open` resolves when the port is free.
    pub(super) fn new(listener: TcpListener, open: oneshot::Sender<()>) -> Self {
        Self {
            listener,
            _open: open,
        }
    }
}

impl Listener for Port {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.listener).await;
        // Small responses should leave at once; without it they are only slower.
        let _ = stream.set_nodelay(true);
        (stream, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
