//! A server that responds with exactly the bytes a test chooses, and a port without a server.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

/// Sends one response on each connection, and closes it.
pub struct RawServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    abandoned: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl RawServer {
    /// Responds with these bytes, whatever the request.
    pub async fn responding(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::serving(move |_, _| std::future::ready(bytes.clone())).await
    }

    /// Responds with what a function returns for a request: its number, from 0, and its text, including the body. A slow
    /// response delays no other.
    pub async fn serving<F>(respond: impl Fn(usize, String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        Self::start(respond, usize::MAX).await
    }

    async fn start<F>(
        respond: impl Fn(usize, String) -> F + Send + Sync + 'static,
        stops_after: usize,
    ) -> Self
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, respond) = (Arc::clone(&requests), Arc::new(respond));
        let abandoned = Arc::new(AtomicUsize::new(0));
        let given_up = Arc::clone(&abandoned);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, respond) = (Arc::clone(&seen), Arc::clone(&respond));
                let given_up = Arc::clone(&given_up);
                connections.spawn(async move {
                    let request = request(&mut stream).await;
                    // Recorded before the response is sent: a test that has the response finds the request.
                    let number = {
                        let mut seen = seen.lock().expect("no test panics here");
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    let mut more = [0];
                    let bytes = tokio::select! {
                        biased;
                        bytes = respond(number, request) => bytes,
                        _ = stream.read(&mut more) => {
                            given_up.fetch_add(1, SeqCst);
                            return;
                        }
                    };
                    // A client may close early.
                    let _ = stream
                        .write_all(&bytes[..bytes.len().min(stops_after)])
                        .await;
                    if bytes.len() > stops_after {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self {
            url,
            requests,
            abandoned,
            task,
        }
    }

    /// How many connections the client has closed before the response.
    pub fn abandoned(&self) -> usize {
        self.abandoned.load(SeqCst)
    }

    /// Responds with the first `length` of these bytes, and keeps the connection open.
    pub async fn stopping_after(bytes: Vec<u8>, length: usize) -> Self {
        Self::start(move |_, _| std::future::ready(bytes.clone()), length).await
    }

    /// Responds with a body, a status line and the API's headers.
    pub async fn responding_with_body(
        status: &str,
        content_type: &str,
        body: impl AsRef<[u8]>,
    ) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
             x-request-id: 0b5f6f0e\r\nratelimit-limit: 5000\r\nratelimit-remaining: 4999\r\n\
             ratelimit-reset: 1767268800\r\nconnection: close\r\n\r\n",
            body.len()
        );
        Self::responding([head.as_bytes(), body].concat()).await
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The requests received so far, as text.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no test panics here").clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port that refuses connections. It stays bound, so that no other test's server gets it; a program that is given its
/// number can still listen on it.
#[derive(Debug)]
pub struct RefusingPort {
    address: SocketAddr,
    url: String,
    _socket: TcpSocket,
}

impl RefusingPort {
    /// Binds a free port without listening on it.
    pub fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("a socket option");
        let loopback = "127.0.0.1:0".parse().expect("an address");
        socket.bind(loopback).expect("a free port");
        let address = socket.local_addr().expect("a bound address");
        Self {
            address,
            url: format!("http://{address}"),
            _socket: socket,
        }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Reads a request with its body, or as much of it as arrives.
async fn request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => request.extend_from_slice(&buffer[..length]),
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap_or(0));
    request.len() >= head.len() + "\r\n\r\n".len() + length
}

/// A response with this status, these header lines and this body.
pub fn response(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Status\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
