//! The server of the benchmarks, in a process of its own so that its work is not measured.
//!
//! It serves a registry and lists of tags over persistent connections; paths below `/slow` take 50 ms.

// The benchmark that starts it reads the address from its output.
#![allow(clippy::print_stdout)]

use std::{fmt::Write as _, io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How many tags a page holds.
const PAGE: u64 = 200;
const LATENCY: Duration = Duration::from_millis(50);
const REGISTRY: &str = r#"{"registry":{"name":"acme-images","region":"fra1","created_at":"2026-01-12T09:30:00Z","storage_usage_bytes":29393920,"storage_usage_bytes_updated_at":"2026-01-12T09:30:00Z","subscription":{"tier":{"name":"Basic","slug":"basic","included_repositories":5,"included_storage_bytes":5368709120,"allow_storage_overage":true,"included_bandwidth_bytes":5368709120,"monthly_price_in_cents":500,"storage_overage_price_in_cents":2},"created_at":"2026-01-12T09:30:00Z","updated_at":"2026-01-12T09:30:00Z"}}}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..length]);
        while let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = input.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head);
            let target = head.split(' ').nth(1).unwrap_or_default();
            let (target, is_slow) = match target.strip_prefix("/slow") {
                Some(target) => (target, true),
                None => (target, false),
            };
            if is_slow {
                wait().await;
            }
            stream.write_all(response(target).as_bytes()).await?;
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "simulates latency in real time")]
async fn wait() {
    tokio::time::sleep(LATENCY).await;
}

/// The number in a repository's name is that of its tags: `tags-1000000`.
fn response(target: &str) -> String {
    let body = match target.split_once("/repositories/tags-") {
        Some((_, rest)) => {
            let total = rest.split('/').next().and_then(|total| total.parse().ok());
            let page = rest
                .split("page=")
                .nth(1)
                .and_then(|rest| rest.split('&').next());
            tags(
                page.and_then(|page| page.parse().ok()).unwrap_or(1),
                total.unwrap_or(0),
            )
        }
        None => REGISTRY.to_owned(),
    };
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nratelimit-limit: 5000\r\n\
         ratelimit-remaining: 4999\r\nratelimit-reset: 1767268800\r\nx-request-id: 0b5f6f0e\r\n\r\n{body}",
        body.len()
    )
}

fn tags(page: u64, total: u64) -> String {
    let first = (page - 1) * PAGE;
    let mut body = String::from(r#"{"tags":["#);
    for number in first..total.min(first + PAGE) {
        let comma = if number == first { "" } else { "," };
        // Writing to a string doesn't fail.
        let _ = write!(
            body,
            r#"{comma}{{"registry_name":"acme-images","repository":"shop/api","tag":"build-{number}","manifest_digest":"sha256:{number:064x}","compressed_size_bytes":2803255,"size_bytes":5861888,"updated_at":"2026-01-12T09:30:00.123456789Z"}}"#
        );
    }
    body += r#"],"links":{"pages":{"#;
    if (first + PAGE) < total {
        let _ = write!(
            body,
            r#""next":"https://api.digitalocean.com/v2/tags?page={}&per_page=200""#,
            page + 1
        );
    }
    let _ = write!(body, r#"}}}},"meta":{{"total":{total}}}}}"#);
    body
}
