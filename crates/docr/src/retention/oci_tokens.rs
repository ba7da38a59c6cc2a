//! Tokens of the registry's own protocol: one request finds out where they are issued, and one more mints a token for each
//! repository. `oci-client` by itself makes both requests each time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use http_auth::{ChallengeRef, parse_challenges};
use oci_client::{
    Client, Reference, RegistryOperation,
    errors::OciDistributionError,
    secrets::RegistryAuth,
    token_cache::{RegistryToken, RegistryTokenType},
};
use reqwest::{
    RequestBuilder, Response, StatusCode, Url,
    header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{self, OnceCell};

use crate::Clock;

/// How long a token is valid that doesn't say so, by the specification.
const LIFETIME: Duration = Duration::from_secs(60);

/// The longest time that a token is used.
pub(super) const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The most bytes read of a response with a token, which has a few KiB.
const MOST_BYTES: usize = 1 << 20;

/// Gets tokens for repositories.
pub(super) struct OciTokens {
    http: OnceLock<reqwest::Client>,
    challenge: OnceCell<Challenge>,
    /// When the token of each repository expires, by the clock.
    good_until: Mutex<HashMap<String, Arc<sync::Mutex<Option<Duration>>>>>,
}

/// How a registry authenticates requests.
#[derive(Debug, PartialEq)]
enum Challenge {
    /// Not at all, or in an unknown way.
    None,
    Basic,
    Bearer {
        realm: Url,
        service: Option<String>,
    },
}

/// How a registry is reached.
pub(super) struct Access<'a> {
    pub(super) host: &'a str,
    pub(super) has_plain_http: bool,
    pub(super) silence: Duration,
    pub(super) auth: &'a RegistryAuth,
    pub(super) clock: &'a dyn Clock,
}

/// A response with a token.
#[derive(Deserialize)]
struct Issued {
    expires_in: Option<Value>,
    #[serde(flatten)]
    token: RegistryToken,
}

impl OciTokens {
    pub(super) fn new() -> Self {
        Self {
            http: OnceLock::new(),
            challenge: OnceCell::new(),
            good_until: Mutex::default(),
        }
    }

    /// Gives a client a token for the repository of an image, unless it has a valid one.
    pub(super) async fn provide(
        &self,
        client: &Client,
        image: &Reference,
        access: &Access<'_>,
    ) -> Result<(), OciDistributionError> {
        let place = {
            let all = self.good_until.lock();
            let mut all = all.unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(image.repository().to_owned()).or_default())
        };
        // Others that read from the repository wait, and request none of their own.
        let mut good_until = place.lock().await;
        let now = access.clock.monotonic();
        if good_until.is_some_and(|end| now < end) {
            return Ok(());
        }
        let challenge = self.challenge.get_or_try_init(|| self.ask(access)).await?;
        let (token, lifetime) = match (challenge, access.auth) {
            (Challenge::Bearer { realm, service }, _) => {
                let issued = self.issue(realm, service.as_deref(), image, access).await?;
                let expires_in = issued.expires_in.as_ref().and_then(Value::as_u64);
                (RegistryTokenType::Bearer(issued.token), expires_in)
            }
            (Challenge::Basic, RegistryAuth::Basic(user, password)) => {
                let basic = RegistryTokenType::Basic(user.clone(), password.clone());
                (basic, Some(u64::MAX))
            }
            (Challenge::Basic | Challenge::None, _) => return Ok(()),
        };
        client
            .tokens
            .insert(image, RegistryOperation::Pull, token)
            .await;
        *good_until = Some(now.saturating_add(used_for(lifetime)));
        Ok(())
    }

    /// Finds out how a registry authenticates requests.
    async fn ask(&self, access: &Access<'_>) -> Result<Challenge, OciDistributionError> {
        let scheme = match access.has_plain_http {
            true => "http",
            false => "https",
        };
        let url = format!("{scheme}://{}/v2/", access.host);
        let response = self.http(access)?.get(url).send().await?;
        match challenge(response.headers(), access.has_plain_http)? {
            Challenge::None if may_pass(response.status()) => Err(failure(response).await),
            challenge => Ok(challenge),
        }
    }

    async fn issue(
        &self,
        realm: &Url,
        service: Option<&str>,
        image: &Reference,
        access: &Access<'_>,
    ) -> Result<Issued, OciDistributionError> {
        let scope = format!("repository:{}:pull", image.repository());
        let mut query = vec![("scope", scope.as_str())];
        query.extend(service.map(|service| ("service", service)));
        let request = self.http(access)?.get(realm.clone()).query(&query);
        let response = authenticated(request, access.auth).send().await?;
        if response.status() != StatusCode::OK {
            return Err(match response.status() {
                StatusCode::UNAUTHORIZED => OciDistributionError::UnauthorizedError {
                    url: response.url().to_string(),
                },
                status if may_pass(status) => failure(response).await,
                _ => OciDistributionError::AuthenticationFailure(text(response).await?),
            });
        }
        let text = text(response).await?;
        let issued: Issued = serde_json::from_str(&text)
            .map_err(|error| OciDistributionError::RegistryTokenDecodeError(error.to_string()))?;
        // `oci-client` panics on one that no header can carry.
        match HeaderValue::try_from(issued.token.bearer_token()) {
            Ok(_) => Ok(issued),
            Err(_) => Err(unusable_token()),
        }
    }

    fn http(&self, access: &Access<'_>) -> Result<&reqwest::Client, OciDistributionError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let builder = reqwest::Client::builder()
            .connect_timeout(access.silence)
            .read_timeout(access.silence);
        let builder = match access.has_plain_http {
            true => builder.no_proxy(),
            false => builder.https_only(true),
        };
        let http = builder.build()?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// How long a token is used that is valid for so many seconds: it must also arrive before it expires.
fn used_for(seconds: Option<u64>) -> Duration {
    let lifetime = seconds.map_or(LIFETIME, Duration::from_secs);
    lifetime.min(LONGEST_LIFETIME) / 10 * 9
}

/// The way to authenticate that a registry asks for; of several, by token.
fn challenge(headers: &HeaderMap, has_plain_http: bool) -> Result<Challenge, OciDistributionError> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter();
    let texts = texts.filter_map(|value| value.to_str().ok());
    let all: Vec<_> = texts
        .filter_map(|text| parse_challenges(text).ok())
        .flatten()
        .collect();
    let of = |scheme: &str| {
        all.iter()
            .find(|one| one.scheme.eq_ignore_ascii_case(scheme))
    };
    let Some(bearer) = of("bearer") else {
        return Ok(match of("basic") {
            Some(_) => Challenge::Basic,
            None => Challenge::None,
        });
    };
    let realm = parameter(bearer, "realm").unwrap_or_default();
    let is_safe = |realm: &Url| realm.scheme() == "https" || has_plain_http;
    match Url::parse(&realm).ok().filter(is_safe) {
        Some(realm) => Ok(Challenge::Bearer {
            realm,
            service: parameter(bearer, "service"),
        }),
        None => Err(OciDistributionError::AuthenticationFailure(format!(
            "the registry issues tokens at {realm:?}, which is not an HTTPS URL"
        ))),
    }
}

fn parameter(challenge: &ChallengeRef<'_>, name: &str) -> Option<String> {
    let mut all = challenge.params.iter();
    let (_, value) = all.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.to_unescaped())
}

fn authenticated(request: RequestBuilder, auth: &RegistryAuth) -> RequestBuilder {
    match auth {
        RegistryAuth::Basic(user, password) => request.basic_auth(user, Some(password)),
        RegistryAuth::Bearer(token) => request.bearer_auth(token),
        RegistryAuth::Anonymous => request,
    }
}

/// Whether another attempt may get another status.
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500..)
}

async fn failure(response: Response) -> OciDistributionError {
    let (code, url) = (response.status().as_u16(), response.url().to_string());
    match text(response).await {
        Ok(message) => OciDistributionError::ServerError { code, url, message },
        Err(error) => error,
    }
}

async fn text(mut response: Response) -> Result<String, OciDistributionError> {
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await? {
        add(&mut bytes, &part)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Adds a part of a response.
fn add(bytes: &mut Vec<u8>, part: &[u8]) -> Result<(), OciDistributionError> {
    bytes.extend_from_slice(part);
    if bytes.len() > MOST_BYTES {
        let message = "the response is larger than 1 MiB".to_owned();
        return Err(OciDistributionError::AuthenticationFailure(message));
    }
    Ok(())
}

pub(super) fn unusable_token() -> OciDistributionError {
    let message = "the registry issued a token that can't be sent".to_owned();
    OciDistributionError::AuthenticationFailure(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str], has_plain_http: bool) -> Result<Challenge, String> {
        let values = values.iter();
        let headers = values.map(|value| (WWW_AUTHENTICATE, HeaderValue::from_static(value)));
        let challenge = challenge(&headers.collect(), has_plain_http);
        challenge.map_err(|error| error.to_string())
    }

    fn bearer(realm: &str, service: Option<&str>) -> Result<Challenge, String> {
        Ok(Challenge::Bearer {
            realm: realm.parse().unwrap(),
            service: service.map(str::to_owned),
        })
    }

    #[test]
    fn of_several_challenges_a_token_is_preferred() {
        let docr = r#"Bearer realm="https://api.example.com/auth",service="registry",scope="x""#;
        let expected = bearer("https://api.example.com/auth", Some("registry"));
        assert_eq!(read(&[docr], false), expected);
        assert_eq!(read(&[r#"Basic realm="x""#, docr], false), expected);
        let alone = r#"bearer realm="https://a.example.com/""#;
        assert_eq!(
            read(&[alone], false),
            bearer("https://a.example.com/", None)
        );
        assert_eq!(read(&["Basic realm=\"x\""], false), Ok(Challenge::Basic));
        assert_eq!(read(&["Negotiate"], false), Ok(Challenge::None));
        assert_eq!(read(&["=,="], false), Ok(Challenge::None));
        assert_eq!(read(&[], false), Ok(Challenge::None));
    }

    #[test]
    fn credentials_are_sent_to_no_address_without_tls() {
        let plain = r#"Bearer realm="http://api.example.com/auth""#;
        let error = read(&[plain], false).unwrap_err();
        assert!(error.contains("http://api.example.com/auth"), "{error}");
        assert_eq!(
            read(&[plain], true),
            bearer("http://api.example.com/auth", None)
        );
        assert!(read(&["Bearer service=x"], true).is_err());
    }

    #[test]
    fn a_token_is_used_for_nine_tenths_of_its_lifetime_and_no_longer_than_a_day() {
        let seconds = |lifetime| used_for(lifetime).as_secs();
        assert_eq!(seconds(Some(300)), 270);
        // By the specification.
        assert_eq!(seconds(None), 54);
        assert_eq!(seconds(Some(0)), 0);
        let most = LONGEST_LIFETIME.as_secs() / 10 * 9;
        assert_eq!(seconds(Some(u64::MAX)), most);
    }

    #[test]
    fn responses_are_read_up_to_a_mebibyte() {
        let mut bytes = vec![b' '; MOST_BYTES - 1];
        assert!(add(&mut bytes, b" ").is_ok());
        let error = add(&mut bytes, b" ").unwrap_err();
        assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
    }

    #[tokio::test]
    async fn a_permanently_refused_token_is_not_tried_again() {
        let issue = async |response| {
            let url = crate::served::serve([response]);
            let auth = RegistryAuth::Basic("user".into(), "password".into());
            let access = Access {
                host: "registry.example.com",
                has_plain_http: true,
                silence: Duration::from_secs(30),
                auth: &auth,
                clock: &crate::SystemClock,
            };
            let image = "registry.example.com/acme/shop:v1".parse().unwrap();
            let issued = OciTokens::new();
            let issued = issued
                .issue(&url.parse().unwrap(), None, &image, &access)
                .await;
            issued.err().unwrap().to_string()
        };
        let denied = issue(("403 Forbidden", "no pull for you")).await;
        assert_eq!(denied, "Authentication failure: no pull for you");
        let unavailable = issue(("503 Service Unavailable", "later")).await;
        assert!(unavailable.contains("503"), "{unavailable}");
    }
}
