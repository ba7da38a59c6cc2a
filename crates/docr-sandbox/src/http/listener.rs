//! The listening socket.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long to wait if a connection can't be accepted, usually for lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening port of 127.0.0.1, with a limited number of connections.
pub(super) struct Port {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Port {
    pub(super) async fn open(number: u16, connections: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", number)).await;
        let places = connections.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            listener: listener.map_err(|error| not_opened(number, &error))?,
            places: Arc::new(Semaphore::new(places)),
        })
    }

    pub(super) fn addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts the next connection once fewer than the limit are open. Dropping the permit releases its place.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Only makes small responses faster.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, place));
                }
                // The client has disconnected already.
                Err(error) if is_of_connection(&error) => {}
                Err(_) => pause().await,
            }
        }
    }
}

impl Drop for Port {
    /// A program that is being started may have inherited the socket for a moment, so it stops listening before it is closed.
    fn drop(&mut self) {
        // Where that is not possible, it listens until the last holder has closed it.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Read);
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[allow(
    clippy::disallowed_methods,
    reason = "real time, whatever the sandbox's clock says"
)]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// The error for a port that can't be opened.
fn not_opened(number: u16, error: &io::Error) -> io::Error {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "is in use".to_owned(),
        io::ErrorKind::PermissionDenied => format!("may not be opened by this user ({error})"),
        _ => format!("can't be opened ({error})"),
    };
    let message =
        format!("port {number} of 127.0.0.1 {why}; choose another one, or 0 for a free one");
    io::Error::new(error.kind(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_cannot_be_opened_is_named_with_the_reason_and_the_way_out() {
        for (kind, why) in [
            (io::ErrorKind::AddrInUse, "is in use;"),
            (io::ErrorKind::PermissionDenied, "may not be opened by"),
            (io::ErrorKind::AddrNotAvailable, "can't be opened"),
        ] {
            let error = not_opened(80, &kind.into());
            assert_eq!(error.kind(), kind);
            let text = error.to_string();
            assert!(text.starts_with("port 80 of 127.0.0.1"), "{text}");
            assert!(text.contains(why) && text.ends_with("0 for a free one"));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_port_is_free_at_once_though_a_child_process_has_inherited_it() {
        let port = Port::open(0, 1).await.unwrap();
        let number = port.addr().unwrap().port();
        let inherited = SockRef::from(&port.listener).try_clone().unwrap();
        assert!(Port::open(number, 1).await.is_err());
        drop(port);
        assert!(Port::open(number, 1).await.is_ok());
        drop(inherited);
    }

    #[test]
    fn a_connection_that_ends_before_it_is_accepted_does_not_stop_the_server() {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Other, PermissionDenied};
        assert!(is_of_connection(&ConnectionAborted.into()));
        assert!(is_of_connection(&ConnectionReset.into()));
        assert!(!is_of_connection(&PermissionDenied.into()));
        assert!(!is_of_connection(&Other.into()));
    }
}
