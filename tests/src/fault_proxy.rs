//! A proxy in front of a sandbox that drops, corrupts or replaces requests and responses.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is reset before the request is read.
    ResetBefore,
    /// The connection is reset while the request is read.
    ResetDuring,
    /// The connection is closed before the request is forwarded.
    ClosedBefore,
    /// The request is forwarded; the connection is closed without a response.
    ClosedAfter,
    /// The request is forwarded; the response is cut off in its head.
    CutInHead,
    /// The request is forwarded; the response is cut off in its body.
    CutInBody,
    /// The request is forwarded; nothing is returned until the client gives up.
    Silence,
    /// The request is forwarded; the response arrives a few bytes at a time until the client gives up.
    SlowDrip,
    /// The request is forwarded; the response declares a longer body than it has.
    LengthTooLarge,
    /// The request is forwarded; the response declares a shorter body than it has.
    LengthTooSmall,
    /// The request is forwarded; the response is an error of 10 MB.
    HugeError,
    /// The request is not forwarded: the client is redirected to another host.
    Redirect,
    /// The request is forwarded; a proxy's page replaces the response.
    Html502,
    /// The request is not forwarded; the response is a proxy's page.
    Html503Before,
    /// The request is forwarded; the response is a success whose body is not JSON.
    Garbage,
    /// The request is not forwarded: the limit per minute is exceeded, with `retry-after` in seconds.
    RetryAfterSeconds,
    /// The request is not forwarded: `retry-after` is a date.
    RetryAfterDate,
    /// The request is not forwarded: the limit per hour is exceeded, with `ratelimit-reset`.
    RateLimitReset,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::ResetBefore,
        Self::ResetDuring,
        Self::SlowDrip,
        Self::LengthTooLarge,
        Self::LengthTooSmall,
        Self::HugeError,
        Self::Redirect,
        Self::ClosedBefore,
        Self::ClosedAfter,
        Self::CutInHead,
        Self::CutInBody,
        Self::Silence,
        Self::Html502,
        Self::Html503Before,
        Self::Garbage,
        Self::RetryAfterSeconds,
        Self::RetryAfterDate,
        Self::RateLimitReset,
    ];

    /// Whether the request reaches the service.
    pub fn passes_on(self) -> bool {
        !matches!(
            self,
            Self::ResetBefore
                | Self::ResetDuring
                | Self::Redirect
                | Self::ClosedBefore
                | Self::Html503Before
                | Self::RetryAfterSeconds
                | Self::RetryAfterDate
                | Self::RateLimitReset
        )
    }

    /// The response to the client, given the service's if there is one.
    fn response(self, real: &[u8]) -> Vec<u8> {
        let limited = |headers: &str| {
            format!(
                "HTTP/1.1 429 Too Many Requests\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n"
            )
        };
        let page = "<html><title>Bad gateway</title></html>";
        let page = |status: &str| {
            let length = page.len();
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n{page}"
            )
        };
        match self {
            Self::ResetBefore | Self::ResetDuring | Self::ClosedBefore => Vec::new(),
            Self::ClosedAfter | Self::Silence => Vec::new(),
            Self::SlowDrip => real.to_vec(),
            Self::LengthTooLarge => with_length(real, |length| length + 10),
            Self::LengthTooSmall => with_length(real, |length| length / 2),
            Self::HugeError => {
                let body = "x".repeat(10_000_000);
                let length = body.len();
                format!("HTTP/1.1 500 Oops\r\ncontent-length: {length}\r\n\r\n{body}").into()
            }
            Self::Redirect => b"HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\n\
                location: http://localhost:9/v2/elsewhere\r\n\r\n"
                .to_vec(),
            Self::CutInHead => real[..real.len().min(20)].to_vec(),
            // A response without a body is cut right before the end of its head.
            Self::CutInBody => {
                let head = head_length(real).unwrap_or(real.len());
                let cut = if real.len() > head { head + (real.len() - head) / 2 } else { head - 2 };
                real[..cut].to_vec()
            }
            Self::Html502 => page("502 Bad Gateway").into(),
            Self::Html503Before => page("503 Service Unavailable").into(),
            Self::Garbage => b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n<huh>{}".to_vec(),
            Self::RetryAfterSeconds => limited("retry-after: 30\r\n").into(),
            // The tests' clocks begin at noon.
            Self::RetryAfterDate => limited("retry-after: Thu, 01 Jan 2026 12:00:40 GMT\r\n").into(),
            Self::RateLimitReset => limited(
                "ratelimit-limit: 5000\r\nratelimit-remaining: 0\r\nratelimit-reset: 1767268850\r\n",
            )
            .into(),
        }
    }
}

/// Forwards every request to a server, except one.
pub struct FaultProxy {
    url: String,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy in front of `target` that applies the fault to the first request.
    pub async fn start(target: std::net::SocketAddr, fault: Fault) -> Self {
        Self::at(target, fault, 0).await
    }

    /// A proxy in front of `target` that applies the fault to the request with this number, from 0.
    pub async fn at(target: std::net::SocketAddr, fault: Fault, number: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_it = count.fetch_add(1, Ordering::SeqCst) == number;
                tokio::spawn(serve(client, target, is_it.then_some(fault)));
            }
        });
        Self {
            url,
            requests,
            task,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits in real time, since the client's timeout must end a slow response.
#[allow(clippy::disallowed_methods)]
async fn drip() {
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
}

/// Serves one request of a connection, and closes it. A failure is for the client to notice.
async fn serve(
    mut client: TcpStream,
    target: std::net::SocketAddr,
    fault: Option<Fault>,
) -> Option<()> {
    if let Some(Fault::ResetBefore | Fault::ResetDuring) = fault {
        if fault == Some(Fault::ResetDuring) {
            let _ = client.read(&mut [0; 10]).await;
        }
        client.set_zero_linger().ok()?;
        return None;
    }
    let request = read_message(&mut client).await?;
    let real = match fault {
        Some(fault) if !fault.passes_on() => Vec::new(),
        _ => {
            let mut server = TcpStream::connect(target).await.ok()?;
            server.write_all(&request).await.ok()?;
            read_message(&mut server).await?
        }
    };
    let response = match fault {
        Some(fault) => fault.response(&real),
        None => closing(&real),
    };
    if fault == Some(Fault::Silence) {
        // Until the client closes.
        let _ = client.read(&mut [0; 16]).await;
    }
    if fault == Some(Fault::SlowDrip) {
        for bytes in response.chunks(8) {
            client.write_all(bytes).await.ok()?;
            drip().await;
        }
    }
    client.write_all(&response).await.ok()?;
    client.shutdown().await.ok()
}

/// The response with a changed `content-length`.
fn with_length(response: &[u8], change: impl Fn(usize) -> usize) -> Vec<u8> {
    let head = head_length(response).unwrap_or(response.len());
    let body = &response[head..];
    let head = String::from_utf8_lossy(&response[..head]);
    let kept = head
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("content-length"));
    let mut lines: Vec<_> = kept.map(str::to_owned).collect();
    lines.push(format!("content-length: {}", change(body.len())));
    [lines.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
}

/// The response with `connection: close`, so that the next request opens a new connection.
fn closing(response: &[u8]) -> Vec<u8> {
    let status_line = response
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let (line, rest) = response.split_at(status_line);
    [line, b"connection: close\r\n", rest].concat()
}

/// Reads a message with its body, by `content-length`.
async fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        if let Some(head) = head_length(&message) {
            let text = String::from_utf8_lossy(&message[..head]).to_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length = length
                .and_then(|length| length.trim().parse().ok())
                .unwrap_or(0);
            if message.len() >= head + length {
                return Some(message);
            }
        }
        let mut buffer = [0; 8192];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => message.extend_from_slice(&buffer[..length]),
        }
    }
}

fn head_length(message: &[u8]) -> Option<usize> {
    let end = message
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}
