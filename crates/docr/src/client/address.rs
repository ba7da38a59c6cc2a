//! The addresses that a client sends requests to, checked before a token is sent there.

use std::net::IpAddr;

use reqwest::Url;

use crate::{Error, Result};

pub(super) const DEFAULT_BASE_URL: &str = "https://api.digitalocean.com";
const DEFAULT_OAUTH_URL: &str = "https://cloud.digitalocean.com";

/// Where tokens are revoked: the configured address, or that of the API.
pub(super) fn oauth_url(given: Option<&str>, base_url: &str, plain_http: bool) -> Result<String> {
    match given {
        Some(url) => checked_base_url(url, plain_http),
        None if base_url == DEFAULT_BASE_URL => Ok(DEFAULT_OAUTH_URL.into()),
        None => Ok(base_url.to_owned()),
    }
}

/// The base URL without a slash at its end, as the generated client needs it.
pub(super) fn checked_base_url(text: &str, plain_http: bool) -> Result<String> {
    let refuse = |rule: &str| Err(Error::configuration(format!("base URL {rule}"), None));
    let Ok(url) = Url::parse(text) else {
        return refuse(&format!(
            "{text:?} is not a URL; use for example {DEFAULT_BASE_URL}"
        ));
    };
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: it contains a password.
        return refuse("contains a user name or password; pass the token to the builder instead");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse(&format!("{text:?} must not have a query or fragment"));
    }
    match url.scheme() {
        "https" => {}
        "http" if plain_http || is_this_machine(&url) => {}
        "http" => {
            return refuse(&format!(
                "{text:?} would send the token unencrypted; use https"
            ));
        }
        _ => return refuse(&format!("{text:?} is neither https nor http")),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub(super) fn is_plain(url: &Url) -> bool {
    url.scheme() == "http"
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_error(url: &str) -> String {
        match checked_base_url(url, false) {
            Ok(url) => format!("accepted as {url}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_base_url_loses_its_last_slash_and_keeps_its_path() {
        assert_eq!(
            url_error("https://example.com/"),
            "accepted as https://example.com"
        );
        assert_eq!(
            url_error("https://example.com/do/"),
            "accepted as https://example.com/do"
        );
        assert_eq!(
            url_error("http://127.0.0.1:80/"),
            "accepted as http://127.0.0.1"
        );
        assert_eq!(
            url_error("http://[::1]:8080"),
            "accepted as http://[::1]:8080"
        );
        assert_eq!(
            url_error("http://localhost:1"),
            "accepted as http://localhost:1"
        );
    }

    #[test]
    fn a_base_url_that_would_leak_or_fail_is_refused() {
        assert!(url_error("http://example.com").contains("unencrypted"));
        assert!(url_error("http://127.0.0.1.example.com").contains("unencrypted"));
        assert!(url_error("ftp://example.com").contains("neither"));
        assert!(url_error("example.com").contains("not a URL"));
        assert!(url_error("https://example.com?a=b").contains("query"));
        let with_password = url_error("https://user:hunter2@example.com");
        assert!(with_password.contains("password") && !with_password.contains("hunter2"));
    }
}
