//! An HTTP client of your own, through a proxy, with a private authority: `cargo run -p docr --example own_http_client`.
//!
//! The proxy is a small one inside this program: it sees where the connection goes, and never the token.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, io, time::Duration};

use docr::{Client, reqwest};
use docr_sandbox::Sandbox;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::builder().tls(true).start().await?;
    let authority = sandbox.certificate_pem().ok_or("no certificate")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = format!("http://{}", listener.local_addr()?);
    let proxied = tokio::spawn(connect_once(listener));

    let http = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(5));
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .http(http)
        .proxy(proxy)
        .root_certificate(authority)
        .user_agent("acme-deploy/1.4")
        .header("x-team", "platform")
        .connect_timeout(Duration::from_secs(3))
        .build()?;
    let regions = docr.registries().options().await?.available_regions;
    println!("{} regions", regions.len());

    drop(docr); // closes the connection
    let head = proxied.await??;
    println!(
        "the proxy was asked for: {}",
        head.lines().next().unwrap_or_default()
    );
    if head.contains(sandbox.token()) {
        return Err("the proxy has seen the token".into());
    }
    let request = sandbox.requests().pop().ok_or("no request")?;
    println!("user-agent: {}", request.headers["user-agent"]);
    match request.headers.get("x-team").map(String::as_str) {
        Some("platform") => Ok(()),
        other => Err(format!("expected the header x-team: {other:?}").into()),
    }
}

/// Lets one connection through to where its client wants to go, and returns what the client said.
async fn connect_once(listener: TcpListener) -> io::Result<String> {
    let (client, _) = listener.accept().await?;
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while client.read_line(&mut head).await? > 2 {}
    let target = head.split(' ').nth(1).unwrap_or_default();
    let mut server = TcpStream::connect(target).await?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    // A client may close its connection without a farewell.
    let _ = copy_bidirectional(&mut client, &mut server).await;
    Ok(head)
}
