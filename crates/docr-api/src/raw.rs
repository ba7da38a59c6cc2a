//! Requests that the API's description doesn't include.

use bytes::Bytes;
use progenitor_client::{Error, ResponseValue};
use reqwest::{Method, Url, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use crate::Client;

/// A custom request to a path of the API.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded, with a leading slash. It is appended to the client's base URL.
    pub path: String,
    /// The names and values of the query, not percent-encoded.
    pub query: Vec<(String, String)>,
    /// The JSON body.
    pub json: Option<Bytes>,
}

impl Client {
    /// Sends a request to a path of the API, and reads the response as JSON. An empty body reads as `null`.
    ///
    /// # Errors
    ///
    /// As for every call; any status but success is an unexpected response. A path that a URL parser would change is
    /// refused before anything is sent.
    pub async fn send_raw<T: DeserializeOwned>(
        &self,
        request: &RawRequest,
    ) -> Result<ResponseValue<T>, Error<()>> {
        let url = self.url_of(request).map_err(Error::InvalidRequest)?;
        let mut http = self.client.request(request.method.clone(), url);
        if let Some(json) = &request.json {
            http = http
                .header(CONTENT_TYPE, "application/json")
                .body(json.clone());
        }
        let response = self.exchange(http.build()?).await?;
        self.read_or_nothing(response).await
    }

    fn url_of(&self, request: &RawRequest) -> Result<Url, String> {
        let refuse = |why: &str| format!("the path {:?} {why}", request.path);
        if !request.path.starts_with('/') {
            return Err(refuse("must begin with a slash"));
        }
        if request.path.contains(['?', '#']) {
            return Err(refuse("has a query or fragment: set `query` instead"));
        }
        let text = format!("{}{}", self.baseurl, request.path);
        let mut url = Url::parse(&text).map_err(|_| refuse("is not valid in a URL"))?;
        // Dot segments, backslashes and line breaks would lead to another path.
        if url.as_str() != text {
            return Err(refuse(
                "has a dot segment, or a character that must be percent-encoded",
            ));
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }
}
