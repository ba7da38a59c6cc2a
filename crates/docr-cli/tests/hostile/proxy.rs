//! A proxy in front of a sandbox that adds escapes to responses.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

use crate::ESCAPES;

/// A change of a response: of its status and body. A missing body is null, and a body that isn't JSON is a string.
pub(crate) type Spoil = fn(u16, Value) -> (u16, Value);

/// Adds escapes to every text, even where the client expects an id, a date or a digest.
pub(crate) fn all(status: u16, body: Value) -> (u16, Value) {
    (status, spoiled("", body, &|_| true))
}

/// Adds escapes to texts of any form, which the client accepts.
pub(crate) fn free(status: u16, body: Value) -> (u16, Value) {
    let is_free = |key: &str| {
        let is_read = key.ends_with("_at") || key.ends_with("digest") || key == "auth";
        !is_read
            && !matches!(
                key,
                "id" | "uuid" | "name" | "registry_name" | "next" | "last" | "first"
            )
    };
    (status, spoiled("", body, &is_free))
}

/// Adds escapes to names, which are only shown in lists.
pub(crate) fn names(status: u16, body: Value) -> (u16, Value) {
    let is_registry = body.get("registry").is_some() || body.get("registries").is_some();
    (
        status,
        spoiled("", body, &|key| key == "name" && !is_registry),
    )
}

/// Duplicates the registries, with escapes in their names.
pub(crate) fn several(status: u16, mut body: Value) -> (u16, Value) {
    if let Some(Value::Array(registries)) = body.get_mut("registries") {
        registries.extend(registries.clone());
    }
    (status, spoiled("", body, &|key| key == "name"))
}

/// Lets reads pass, and refuses changes.
pub(crate) fn read_only(status: u16, body: Value) -> (u16, Value) {
    match status {
        200 => free(status, body),
        _ => refusal(422),
    }
}

pub(crate) fn refusal(status: u16) -> (u16, Value) {
    let text = format!("no{ESCAPES}");
    (
        status,
        json!({"id": text, "message": text, "request_id": text}),
    )
}

/// The error page of a gateway.
pub(crate) fn page(_: u16, _: Value) -> (u16, Value) {
    let page = format!("<html><title>no{ESCAPES}</title></html>");
    (400, Value::String(page))
}

/// A value with escapes added to the texts with chosen keys.
pub(crate) fn spoiled(key: &str, value: Value, is_chosen: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::String(text) if is_chosen(key) => Value::String(text + ESCAPES),
        Value::Array(all) => all
            .into_iter()
            .map(|value| spoiled(key, value, is_chosen))
            .collect(),
        Value::Object(all) => {
            let all = all.into_iter();
            all.map(|(key, value)| (key.clone(), spoiled(&key, value, is_chosen)))
                .collect()
        }
        other => other,
    }
}

/// Starts a proxy in front of a sandbox, for the rest of the test.
pub(crate) fn proxy(sandbox: SocketAddr, spoil: Spoil) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(move || pass(client?, sandbox, spoil));
        }
    });
    address
}

/// Forwards one request, and returns the response.
fn pass(mut client: TcpStream, sandbox: SocketAddr, spoil: Spoil) -> io::Result<()> {
    let request = message(&mut client)?;
    let mut service = TcpStream::connect(sandbox)?;
    let request = request.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
    service.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    service.read_to_end(&mut response)?;
    let response = String::from_utf8_lossy(&response).into_owned();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    let (status, body) = spoil(status, body);
    let body = match body {
        Value::Null => String::new(),
        Value::String(text) => text,
        json => json.to_string(),
    };
    let headers = head.lines().skip(1).filter(|line| {
        let line = line.to_ascii_lowercase();
        !["content-length", "connection", "x-request-id"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    let mut spoiled = format!(
        "HTTP/1.1 {status} Status\r\nconnection: close\r\nx-request-id: id\t\u{9b}2J\u{202e}\r\n"
    );
    headers.for_each(|line| spoiled += &format!("{line}\r\n"));
    spoiled += &format!("content-length: {}\r\n\r\n{body}", body.len());
    client.write_all(spoiled.as_bytes())
}

/// Reads a whole request.
fn message(stream: &mut TcpStream) -> io::Result<String> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        read.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(length > 0, "{text}");
            continue;
        };
        let head = head.to_ascii_lowercase();
        let wanted = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= wanted.map_or(0, |length| length.parse().unwrap()) {
            return Ok(text.into_owned());
        }
    }
}
