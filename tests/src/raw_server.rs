//! A server that answers with exactly the bytes a test wants, well-formed or not, and a port without a server.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

/// Answers every connection with the same bytes and closes it.
pub struct RawServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl RawServer {
    /// Serves these bytes.
    pub async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, bytes) = (Arc::clone(&requests), bytes.into());
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // Noted before the response goes out, so that who has the response finds it.
                let request = head(&mut stream).await;
                seen.lock().expect("no test panics here").push(request);
                // A client that has had enough closes early; that is its right.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            url,
            requests,
            task,
        }
    }

    /// Serves a body with a status line and the headers of the API.
    pub async fn answering_body(status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
             x-request-id: 0b5f6f0e\r\nratelimit-limit: 5000\r\nratelimit-remaining: 4999\r\n\
             ratelimit-reset: 1767268800\r\nconnection: close\r\n\r\n",
            body.len()
        );
        Self::answering([head.as_bytes(), body].concat()).await
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The heads of the requests that came, as text.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics here").clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port that refuses connections. It stays taken, so that no other test's server gets it.
pub struct RefusingPort {
    url: String,
    _socket: TcpSocket,
}

impl RefusingPort {
    /// Takes a free port, and doesn't listen.
    pub fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let loopback = "127.0.0.1:0".parse().expect("an address");
        socket.bind(loopback).expect("a free port");
        let addr = socket.local_addr().expect("a bound address");
        Self {
            url: format!("http://{addr}"),
            _socket: socket,
        }
    }

    /// Where nothing listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => request.extend_from_slice(&buffer[..length]),
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}
