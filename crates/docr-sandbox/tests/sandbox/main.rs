//! The sandbox, as seen by clients.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod certificates;
mod clients;
mod clusters;
mod collections;
#[cfg(all(feature = "cli", unix))]
mod command;
mod credentials;
mod data;
mod doors;
mod fidelity;
mod garbage;
mod hostile;
mod images;
mod lifecycle;
mod limits;
mod lists;
mod oci;
mod port;
mod protocol;
#[cfg(feature = "record")]
mod recording;
mod registries;
mod registry;
mod sample;
mod script;
mod steering;
mod subscription;
mod tls;
mod ui;

use docr_sandbox::{Clock, Sandbox, SandboxBuilder};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A sandbox whose every response is validated against the spec, and a client of it.
struct Bench {
    sandbox: Sandbox,
    clock: Clock,
    http: reqwest::Client,
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Bench {
    async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(choose: impl FnOnce(SandboxBuilder) -> SandboxBuilder) -> Self {
        let clock = Clock::manual("2026-01-12T09:30:00Z".parse().unwrap());
        let builder = Sandbox::builder()
            .clock(clock.clone())
            .check_responses(true);
        let sandbox = choose(builder).start().await.unwrap();
        // Loading the system's certificates takes longer than most tests.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        Self {
            sandbox,
            clock,
            http: http.build().unwrap(),
        }
    }

    /// With the registry `acme` in a tier.
    async fn with_registry(tier: &str) -> Self {
        let bench = Self::start().await;
        let created = bench
            .post(
                "/v2/registry",
                json!({ "name": "acme", "subscription_tier_slug": tier }),
            )
            .await;
        assert_eq!(created.status, 201, "{}", created.text);
        bench
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, self.sandbox.token(), None).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, self.sandbox.token(), None).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, self.sandbox.token(), Some(body.to_string()))
            .await
    }

    async fn send(&self, method: &str, path: &str, token: &str, body: Option<String>) -> Reply {
        let request = self.http.request(
            method.parse().unwrap(),
            format!("{}{path}", self.sandbox.url()),
        );
        Reply::read(request.bearer_auth(token).body(body.unwrap_or_default())).await
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.sandbox.violations(), []);
        }
    }
}

impl Reply {
    async fn read(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Asserts the error envelope and returns its message.
    fn refused(&self, status: u16, id: &str) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        let envelope = self.json();
        assert_eq!(envelope["id"], id);
        assert_eq!(envelope["request_id"], self.header("x-request-id"));
        assert_eq!(self.header("content-type"), "application/json");
        envelope["message"].as_str().unwrap().to_owned()
    }
}
