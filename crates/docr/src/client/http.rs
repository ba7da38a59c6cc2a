//! The HTTP client: the user's own or this crate's, with the settings that safety requires.

use std::{fmt, time::Duration};

use docr_api::{Secret, made_safe};
use reqwest::{
    Proxy, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::address::{is_plain, is_this_machine};
use crate::{Error, Result, call::connecting::WatchConnections, error::InvalidInput};

const USER_AGENT: &str = concat!("docr/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the HTTP client is made of.
#[derive(Default)]
pub(super) struct Http {
    pub(super) own: Option<reqwest::ClientBuilder>,
    pub(super) proxy: Option<String>,
    pub(super) no_proxy: bool,
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) product: Option<String>,
    pub(super) allow_plain: bool,
}

impl Http {
    /// An HTTP client for these addresses.
    pub(super) fn build(self, addresses: &[&str]) -> Result<reqwest::Client> {
        let addresses = || addresses.iter().filter_map(|url| Url::parse(url).ok());
        let is_own = self.own.is_some();
        let mut http = made_safe(self.own.unwrap_or_default()).connector_layer(WatchConnections);
        http = match (self.connect_timeout, is_own) {
            (Some(timeout), _) => http.connect_timeout(timeout),
            (None, false) => http.connect_timeout(CONNECT_TIMEOUT),
            (None, true) => http,
        };
        http = match &self.product {
            Some(product) => http.user_agent(format!("{product} {USER_AGENT}")),
            None => http.user_agent(USER_AGENT),
        };
        // Neither a token in clear text nor a request to this machine may go to a proxy that the user didn't name.
        let is_for_no_proxy = |url: &Url| is_plain(url) || (is_this_machine(url) && !is_own);
        if self.no_proxy || self.proxy.is_some() || addresses().any(|url| is_for_no_proxy(&url)) {
            http = http.no_proxy();
        }
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        {
            let is_bare = !is_own && self.proxy.is_none() && self.roots.is_empty();
            if is_bare && addresses().all(|url| is_plain(&url)) {
                // Reading the system's certificates takes longer than many calls.
                http = http.tls_certs_only([]);
            }
            let mut roots = Vec::new();
            for pem in &self.roots {
                roots.extend(certificates(pem)?);
            }
            if !roots.is_empty() {
                http = http.tls_certs_merge(roots);
            }
        }
        if let Some(url) = &self.proxy {
            http = http.proxy(proxy(url)?);
        }
        if !self.headers.is_empty() {
            http = http.default_headers(headers(&self.headers)?);
        }
        http.build().map_err(|error| {
            Error::configuration("the HTTP client can't be set up", Some(Box::new(error)))
        })
    }
}

/// A proxy by its URL, which may contain a password and is not shown.
fn proxy(url: &str) -> Result<Proxy> {
    let refuse = |why: &str| {
        let summary = format!("the proxy URL {why}; use for example http://proxy.example.com:3128");
        Error::configuration(summary, None)
    };
    let parsed = Url::parse(url).map_err(|_| refuse("is not a URL"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(refuse(
            "is neither http nor https; for other proxies pass your own HTTP client to the builder",
        ));
    }
    let proxy = Proxy::all(url).map_err(|_| refuse("can't be used"))?;
    Ok(proxy)
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>> {
    let refuse = |source: Option<Box<dyn std::error::Error + Send + Sync>>| {
        let summary = "the root certificate is not a PEM certificate; one begins with \
                       -----BEGIN CERTIFICATE-----";
        Error::configuration(summary, source)
    };
    let found = reqwest::Certificate::from_pem_bundle(pem)
        .map_err(|error| refuse(Some(Box::new(error))))?;
    match found.is_empty() {
        true => Err(refuse(None)),
        false => Ok(found),
    }
}

/// The headers for all requests. No error shows a value.
fn headers(all: &[(String, Secret)]) -> Result<HeaderMap> {
    /// The headers of the connection or of this client.
    const TAKEN: [&str; 7] = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        let refuse = |rule: &str| InvalidInput::new("header", name, rule);
        let key = HeaderName::try_from(name)
            .map_err(|_| refuse("is not a valid header name; use letters, digits and hyphens"))?;
        if TAKEN.contains(&key.as_str()) {
            return Err(refuse("is set by the client itself; use `token` or `user_agent`").into());
        }
        let mut value = HeaderValue::try_from(value.expose())
            .map_err(|_| refuse("has an invalid value: only visible ASCII is allowed"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("is_own", &self.own.is_some())
            .field("has_proxy", &self.proxy.is_some())
            .field("no_proxy", &self.no_proxy)
            .field("headers", &self.headers)
            .field("connect_timeout", &self.connect_timeout)
            .field("product", &self.product)
            .field("allow_plain", &self.allow_plain)
            .finish_non_exhaustive()
    }
}
