//! The sandbox over TLS, for clients that refuse plain HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use super::listener::Port;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A certificate for this machine, and what a server needs to use it.
pub(crate) struct Identity {
    pub(crate) certificate_pem: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Makes a new self-signed certificate for `localhost` and 127.0.0.1.
    pub(crate) fn generate() -> io::Result<Self> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let key =
            PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(io::Error::other)?;
        let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        Ok(Self {
            certificate_pem: made.cert.pem(),
            config: Arc::new(config),
        })
    }
}

/// A port behind which TLS is spoken. Handshakes run side by side, so that a client which dawdles over its own
/// holds up no other.
pub(super) struct TlsPort {
    addr: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsPort {
    pub(super) fn new(mut port: Port, identity: &Identity) -> io::Result<Self> {
        let addr = port.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
        let (sender, ready) = mpsc::channel(16);
        tokio::spawn(async move {
            loop {
                let (stream, addr) = tokio::select! {
                    accepted = port.accept() => accepted,
                    // The server was stopped: the port must become free.
                    () = sender.closed() => return,
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    // A handshake that fails is the client's to report.
                    let handshake = tokio::time::timeout(PATIENCE, acceptor.accept(stream));
                    if let Ok(Ok(stream)) = handshake.await {
                        let _stopped = sender.send((stream, addr)).await;
                    }
                });
            }
        });
        Ok(Self { addr, ready })
    }
}

impl Listener for TlsPort {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}
