//! The baseline of the benchmarks: what a careful engineer would write without this SDK, with reqwest and serde by hand.
//! It parses the same fields, including times.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;

/// The client.
#[derive(Clone, Debug)]
pub struct RawClient {
    http: reqwest::Client,
    base_url: String,
}

/// The response for a registry.
#[derive(Debug, Deserialize)]
pub struct RegistryResponse {
    /// The registry.
    pub registry: Registry,
}

/// A registry.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Registry {
    pub name: String,
    pub region: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub storage_usage_bytes: Option<u64>,
    pub storage_usage_bytes_updated_at: Option<DateTime<Utc>>,
    pub subscription: Option<Subscription>,
}

/// A subscription.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Subscription {
    pub tier: Tier,
    pub created_at: Option<DateTime<Utc>>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// A tier.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Tier {
    pub name: Option<String>,
    pub slug: String,
    pub included_repositories: Option<u64>,
    pub included_storage_bytes: Option<u64>,
    pub allow_storage_overage: Option<bool>,
    pub included_bandwidth_bytes: Option<u64>,
    pub monthly_price_in_cents: Option<u64>,
    pub storage_overage_price_in_cents: Option<u64>,
}

/// A page of tags.
#[derive(Debug, Deserialize)]
pub struct TagsResponse {
    /// The tags.
    pub tags: Vec<Tag>,
    /// The links to other pages.
    pub links: Option<Links>,
    /// The length of the list.
    pub meta: Option<Meta>,
}

/// A tag.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Tag {
    pub registry_name: Option<String>,
    pub repository: Option<String>,
    pub tag: String,
    pub manifest_digest: Option<String>,
    pub compressed_size_bytes: Option<u64>,
    pub size_bytes: Option<u64>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// The links of a page.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Links {
    pub pages: Option<PageLinks>,
}

/// The links to other pages.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct PageLinks {
    pub next: Option<String>,
    pub last: Option<String>,
}

/// The length of a list.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Meta {
    pub total: Option<u64>,
}

impl RawClient {
    /// A client of the server at `base_url`.
    pub fn new(base_url: &str) -> Self {
        let mut token = HeaderValue::from_static("Bearer dop_v1_of_the_benchmarks");
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, token)]);
        let builder = reqwest::Client::builder().default_headers(headers);
        Self {
            http: builder.user_agent("raw/1.0").build().expect("a client"),
            base_url: base_url.to_owned(),
        }
    }

    /// Reads the registry.
    pub async fn registry(&self) -> Registry {
        let url = format!("{}/v2/registries/acme-images", self.base_url);
        let body = self.get(url).await;
        let response: RegistryResponse = serde_json::from_slice(&body).expect("the API's JSON");
        response.registry
    }

    /// Reads a page of tags.
    pub async fn tags(&self, repository: &str, page: u64) -> TagsResponse {
        let body = self.tags_unread(repository, page).await;
        serde_json::from_slice(&body).expect("the API's JSON")
    }

    /// The body of a page of tags.
    pub async fn tags_unread(&self, repository: &str, page: u64) -> Bytes {
        let path = format!("/v2/registries/acme-images/repositories/{repository}/tags");
        self.get(format!("{}{path}?page={page}&per_page=200", self.base_url))
            .await
    }

    async fn get(&self, url: String) -> Bytes {
        let request = self.http.get(url).header("accept", "application/json");
        let response = request.send().await;
        let response = response.and_then(reqwest::Response::error_for_status);
        response.expect("a response").bytes().await.expect("a body")
    }
}
