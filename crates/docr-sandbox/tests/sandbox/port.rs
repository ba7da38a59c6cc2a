//! A port for one test only.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port that others can't get by chance, so that it is free again once its server has stopped. Who is given its number can
/// listen on it.
pub(crate) struct ReservedPort(TcpSocket);

impl ReservedPort {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn number(&self) -> u16 {
        self.addr().port()
    }
}
