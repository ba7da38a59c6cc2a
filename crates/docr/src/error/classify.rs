//! From a failure of the generated client to an error that keeps all of it except secrets.

use chrono::DateTime;
use docr_api::{Unreadable, body_prefix};
use reqwest::{Response, StatusCode};

use super::{
    ErrorKind, Inner, InvalidInput, RateLimit, ResponseFacts, RetryAfter,
    redaction::Hidden,
    service_texts::{eligibility_reasons, says_in_use},
};
use crate::endpoint::Endpoint;

/// How much of an error's body is read. The service's own errors are below 1 KiB.
const READ_LIMIT: usize = 64 * 1024;

/// The error of a failed attempt. An attempt that timed out while it was connecting was not sent.
pub(crate) async fn error_of(
    endpoint: &Endpoint,
    failure: docr_api::Error<()>,
    was_sent: bool,
    hidden: &Hidden<'_>,
) -> Inner {
    let error = |kind, summary: String, source| Inner {
        endpoint: Some(endpoint.clone()),
        source,
        ..Inner::new(kind, summary)
    };
    match failure {
        docr_api::Error::UnexpectedResponse(response) => {
            of_response(endpoint, response, hidden).await
        }
        docr_api::Error::CommunicationError(source)
        | docr_api::Error::ResponseBodyError(source)
        | docr_api::Error::InvalidUpgrade(source) => {
            let (kind, summary) = of_transport(&source, was_sent);
            error(kind, summary.into(), Some(Box::new(source.without_url())))
        }
        docr_api::Error::InvalidRequest(message) | docr_api::Error::Custom(message) => Inner::from(
            InvalidInput::new("request", endpoint.name(), hidden.shown(&message)),
        ),
        // The generated client documents no failure and reads no payload itself.
        docr_api::Error::ErrorResponse(response) => error(
            ErrorKind::UnexpectedStatus,
            format!("unexpected status {}", response.status()),
            None,
        ),
        docr_api::Error::InvalidResponsePayload(..) => error(
            ErrorKind::Unreadable,
            "the response does not match the API".into(),
            None,
        ),
    }
}

fn of_transport(error: &reqwest::Error, was_sent: bool) -> (ErrorKind, &'static str) {
    if error.is_connect() || (error.is_timeout() && !was_sent) {
        (
            ErrorKind::Connect,
            "no connection could be made; nothing was sent",
        )
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "no response within the time limit")
    } else if error.is_builder() {
        (ErrorKind::Configuration, "the request could not be built")
    } else {
        (
            ErrorKind::Interrupted,
            "the connection broke before the response was complete",
        )
    }
}

async fn of_response(endpoint: &Endpoint, mut response: Response, hidden: &Hidden<'_>) -> Inner {
    let status = response.status();
    let header = |name| {
        let text = response.headers().get(name)?.to_str().ok()?;
        Some(hidden.shown(text))
    };
    let location = header("location");
    let mut facts = ResponseFacts {
        status: status.as_u16(),
        request_id: header("x-request-id"),
        rate_limit: RateLimit::from_headers(response.headers()),
        retry_after: header("retry-after").and_then(|text| retry_after(&text)),
        ..ResponseFacts::default()
    };

    if let Some(unreadable) = response.extensions_mut().remove::<Unreadable>() {
        let kind = match &unreadable {
            Unreadable::Interrupted(source) if source.is_timeout() => ErrorKind::Timeout,
            Unreadable::Interrupted(_) => ErrorKind::Interrupted,
            _ => ErrorKind::Unreadable,
        };
        // The position in the JSON that it names is text from outside, too.
        let summary = hidden.shown(&format!("{status}, but {unreadable}"));
        let source = match unreadable {
            Unreadable::Interrupted(source) => Some(source as _),
            _ => None,
        };
        return Inner {
            endpoint: Some(endpoint.clone()),
            response: Some(facts),
            source: source.map(|s: std::sync::Arc<reqwest::Error>| Box::new(s) as _),
            ..Inner::new(kind, summary)
        };
    }

    let (body, _) = body_prefix(&mut response, READ_LIMIT).await;
    let summary = match ApiError::read(&body) {
        Some(api) => {
            let id = api.id.map(|id| hidden.shown(&id));
            let message = api.message.map(|message| hidden.shown(&message));
            facts.request_id = api
                .request_id
                .map(|id| hidden.shown(&id))
                .or(facts.request_id);
            let text = [id.as_deref(), message.as_deref()];
            let text: Vec<_> = text.into_iter().flatten().collect();
            facts.eligibility_reasons = message
                .as_deref()
                .map(eligibility_reasons)
                .unwrap_or_default();
            let summary = format!("{} {}", status.as_u16(), text.join(": "));
            (facts.id, facts.message) = (id, message);
            summary
        }
        None => of_foreign_body(status, &body, location, hidden),
    };
    let kind = kind_of(endpoint, status, &facts);
    let hint = match kind {
        ErrorKind::SeveralRegistries => {
            " (the account has several registries: use the calls that name one)"
        }
        _ => "",
    };
    Inner {
        endpoint: Some(endpoint.clone()),
        response: Some(facts),
        ..Inner::new(kind, summary + hint)
    }
}

/// Seconds or an HTTP date.
fn retry_after(text: &str) -> Option<RetryAfter> {
    let text = text.trim();
    match text.parse() {
        Ok(seconds) => Some(RetryAfter::Seconds(seconds)),
        Err(_) => {
            let instant = DateTime::parse_from_rfc2822(text).ok()?;
            Some(RetryAfter::At(instant.into()))
        }
    }
}

fn kind_of(endpoint: &Endpoint, status: StatusCode, facts: &ResponseFacts) -> ErrorKind {
    match status.as_u16() {
        400 | 422 => ErrorKind::Rejected,
        401 => ErrorKind::Unauthorized,
        403 if facts.message.as_deref().is_some_and(says_in_use) => ErrorKind::InUse,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        412 if !facts.eligibility_reasons.is_empty() => ErrorKind::TierNotEligible,
        412 if names_no_registry(endpoint) => ErrorKind::SeveralRegistries,
        412 => ErrorKind::PreconditionFailed,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::UnexpectedStatus,
    }
}

/// The operations from when an account had a single registry.
fn names_no_registry(endpoint: &Endpoint) -> bool {
    let path = endpoint.template().unwrap_or_default();
    path == "/v2/registry" || path.starts_with("/v2/registry/")
}

/// The service's error envelope, as far as it is present.
struct ApiError {
    id: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl ApiError {
    fn read(body: &[u8]) -> Option<Self> {
        let json: serde_json::Value = serde_json::from_slice(body).ok()?;
        let text = |key: &str| json.get(key)?.as_str().map(String::from);
        let error = Self {
            id: text("id"),
            message: text("message"),
            request_id: text("request_id"),
        };
        (error.id.is_some() || error.message.is_some()).then_some(error)
    }
}

/// A body that isn't the service's: a proxy's error page, or nothing.
fn of_foreign_body(
    status: StatusCode,
    body: &[u8],
    location: Option<String>,
    hidden: &Hidden<'_>,
) -> String {
    if let Some(location) = location.filter(|_| status.is_redirection()) {
        return format!("{status}, a redirect to {location}, which is not followed");
    }
    let text = hidden.shown(&String::from_utf8_lossy(body));
    if text.is_empty() {
        format!("{status}, with an empty body")
    } else {
        format!("{status}, with a body that is not from the API: {text}")
    }
}

#[cfg(test)]
mod tests {
    use docr_api::operations;

    use super::*;

    fn kind(endpoint: &Endpoint, status: u16, facts: ResponseFacts) -> ErrorKind {
        kind_of(endpoint, StatusCode::from_u16(status).unwrap(), &facts)
    }

    #[test]
    fn a_status_has_its_kind() {
        let endpoint = Endpoint::from(operations::registries_get());
        for (status, expected) in [
            (302, ErrorKind::UnexpectedStatus),
            (400, ErrorKind::Rejected),
            (401, ErrorKind::Unauthorized),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Conflict),
            (412, ErrorKind::PreconditionFailed),
            (418, ErrorKind::UnexpectedStatus),
            (422, ErrorKind::Rejected),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Server),
            (599, ErrorKind::Server),
            (600, ErrorKind::UnexpectedStatus),
        ] {
            assert_eq!(
                kind(&endpoint, status, ResponseFacts::default()),
                expected,
                "{status}"
            );
        }
    }

    #[test]
    fn refusals_with_the_same_status_are_distinguished_by_their_message() {
        let saying = |message: &str| ResponseFacts {
            message: Some(message.into()),
            eligibility_reasons: eligibility_reasons(message),
            ..ResponseFacts::default()
        };
        let named = Endpoint::from(operations::registries_get());
        let nameless = Endpoint::from(operations::registry_get());
        let in_use = saying("Make sure the certificate is not in use before deleting it");
        assert_eq!(kind(&named, 403, in_use), ErrorKind::InUse);
        assert_eq!(kind(&named, 403, saying("no")), ErrorKind::Forbidden);
        let tier = "registry is not eligible for tier because: [OverRegistryLimit]";
        assert_eq!(
            kind(&nameless, 412, saying(tier)),
            ErrorKind::TierNotEligible
        );
        assert_eq!(
            kind(&nameless, 412, saying("no")),
            ErrorKind::SeveralRegistries
        );
        assert_eq!(
            kind(&named, 412, saying("no")),
            ErrorKind::PreconditionFailed
        );
    }

    #[tokio::test]
    async fn an_attempt_counts_as_unconnected_only_if_nothing_was_sent() {
        let kind = |error: &reqwest::Error, was_sent| of_transport(error, was_sent).0;
        // Nobody accepts connections to it, so that requests are sent and get no response.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.get(&url).timeout(std::time::Duration::from_millis(1));
        let timeout = request.send().await.unwrap_err();
        assert_eq!(kind(&timeout, true), ErrorKind::Timeout);
        assert_eq!(kind(&timeout, false), ErrorKind::Connect);
        let malformed = http.get("no URL").build().unwrap_err();
        assert_eq!(kind(&malformed, false), ErrorKind::Configuration);
    }
}
