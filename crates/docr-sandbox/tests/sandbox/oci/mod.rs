//! The registry's own protocol.

mod auth;
mod blobs;
mod both_ways;
mod manifests;
mod reading;
mod referrers;
mod stress;
mod tags;
mod uploads;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use crate::{Bench, Reply};

/// Asserts an error of the protocol.
#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!(reply.json()["errors"][0]["code"], code, "{}", reply.text);
}

/// A client of the registry `acme`, with user and password or a token.
pub(crate) struct Client<'a> {
    bench: &'a Bench,
    auth: Auth,
}

enum Auth {
    Basic(String),
    Bearer(String),
}

impl<'a> Client<'a> {
    /// With new credentials of the first account that may write.
    pub(crate) async fn new(bench: &'a Bench) -> Self {
        let secret = secret(bench, "?read_write=true").await;
        Self::basic(bench, secret)
    }

    pub(crate) fn basic(bench: &'a Bench, secret: String) -> Self {
        let auth = Auth::Basic(secret);
        Self { bench, auth }
    }

    fn bearer(bench: &'a Bench, token: String) -> Self {
        let auth = Auth::Bearer(token);
        Self { bench, auth }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = match path.starts_with("http") {
            true => path.to_owned(),
            false => format!("{}{path}", self.bench.sandbox.url()),
        };
        let request = self.bench.http.request(method.parse().unwrap(), url);
        match &self.auth {
            Auth::Basic(secret) => request.basic_auth("user", Some(secret)),
            Auth::Bearer(token) => request.bearer_auth(token),
        }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply::read(self.request(method, path).body(body.into())).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "").await
    }

    pub(crate) async fn with_header(
        &self,
        method: &str,
        path: &str,
        (name, value): (&str, &str),
        body: &'static str,
    ) -> Reply {
        Reply::read(self.request(method, path).header(name, value).body(body)).await
    }

    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let response: Response = self.request("GET", path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap().into()
    }

    /// Pushes a blob in one request and returns its digest.
    pub(crate) async fn blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = sha256(content);
        let path = format!("/v2/acme/{repository}/blobs/uploads/?digest={digest}");
        let reply = self.send("POST", &path, content).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        digest
    }

    /// Starts an upload and returns its location.
    pub(crate) async fn begin(&self, repository: &str) -> String {
        let path = format!("/v2/acme/{repository}/blobs/uploads/");
        let reply = self.send("POST", &path, "").await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        reply.header("location").to_owned()
    }

    async fn put_manifest(&self, repository: &str, reference: &str, text: &str) -> Reply {
        let path = format!("/v2/acme/{repository}/manifests/{reference}");
        self.send("PUT", &path, text).await
    }

    /// Pushes an image of one layer and returns its digest and its manifest.
    pub(crate) async fn image(
        &self,
        repository: &str,
        reference: &str,
        layer: &[u8],
    ) -> (String, String) {
        self.blob(repository, b"{}").await;
        self.blob(repository, layer).await;
        let text = image(layer, "");
        let reply = self.put_manifest(repository, reference, &text).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        (sha256(text.as_bytes()), text)
    }
}

/// The manifest of an image with an empty configuration and one layer; `more` fields start with a comma.
pub(crate) fn image(layer: &[u8], more: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]{more}}}"#,
        descriptor("application/vnd.oci.image.config.v1+json", b"{}"),
        descriptor("application/vnd.oci.image.layer.v1.tar", layer),
    )
}

fn descriptor(media_type: &str, content: &[u8]) -> String {
    let (digest, size) = (sha256(content), content.len());
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(crate) fn sha256(content: &[u8]) -> String {
    digest("sha256", &aws_lc_rs::digest::SHA256, content)
}

fn sha512(content: &[u8]) -> String {
    digest("sha512", &aws_lc_rs::digest::SHA512, content)
}

fn digest(name: &str, algorithm: &'static aws_lc_rs::digest::Algorithm, content: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(algorithm, content);
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{name}:{hex}")
}

/// A new credential of the first account.
pub(crate) async fn secret(bench: &Bench, query: &str) -> String {
    let path = format!("/v2/registry/docker-credentials{query}");
    let minted: Value = bench.get(&path).await.json();
    let auth = minted["auths"]["registry.digitalocean.com"]["auth"]
        .as_str()
        .unwrap();
    let plain = String::from_utf8(BASE64.decode(auth).unwrap()).unwrap();
    plain.split_once(':').unwrap().1.to_owned()
}
