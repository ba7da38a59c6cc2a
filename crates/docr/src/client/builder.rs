//! Setting up a client.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use docr_api::{Secret, Session};
use reqwest::Url;

use super::Client;
use crate::{
    Clock, Error, Result, SystemClock,
    call::{Core, Settings, connecting::WatchConnections, retry::Limits},
};

const DEFAULT_BASE_URL: &str = "https://api.digitalocean.com";
const DEFAULT_OAUTH_URL: &str = "https://cloud.digitalocean.com";
const TOKEN_VARIABLES: [&str; 2] = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"];
const BASE_URL_VARIABLE: &str = "DIGITALOCEAN_API_URL";
const TURN_LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
const USER_AGENT: &str = concat!("docr/", env!("CARGO_PKG_VERSION"));

/// Sets up a [`Client`]. Made by [`Client::builder`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    token: Option<Secret>,
    base_url: String,
    oauth_url: Option<String>,
    settings: Settings,
    connect_timeout: Duration,
    user_agent: Option<String>,
    plain_http: bool,
    response_limit: Option<usize>,
    clock: Arc<dyn Clock>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            token: None,
            base_url: DEFAULT_BASE_URL.into(),
            oauth_url: None,
            settings: Settings {
                attempt_timeout: Duration::from_secs(30),
                limits: Limits::default(),
                paced: false,
                turn_limit: TURN_LIMIT,
                until: None,
            },
            connect_timeout: Duration::from_secs(10),
            user_agent: None,
            plain_http: false,
            response_limit: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Takes token and base URL from variables, as [`Client::from_env`] describes.
    pub(crate) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let Some(token) = TOKEN_VARIABLES.into_iter().find_map(set) else {
            let names = TOKEN_VARIABLES.join(" or ");
            return Err(Error::configuration(format!("no token: set {names}"), None));
        };
        let builder = Self::new().token(token);
        Ok(match set(BASE_URL_VARIABLE) {
            Some(url) => builder.base_url(url),
            None => builder,
        })
    }

    /// The personal access token or OAuth token.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Where the API is: `https://api.digitalocean.com` unless told otherwise. A path in it is kept. A client of an
    /// address with plain http, or on this machine, uses no proxy, whatever the environment says.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Where tokens are revoked: `https://cloud.digitalocean.com`, or with another [`base_url`](Self::base_url) that
    /// one, unless told otherwise. The client's own token is not sent there: what is revoked speaks for itself.
    pub fn oauth_url(mut self, url: impl Into<String>) -> Self {
        self.oauth_url = Some(url.into());
        self
    }

    /// How long one attempt may take, from the connection to the end of the answer; 30 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.settings.attempt_timeout = timeout;
        self
    }

    /// How long a call may take, all attempts and waits together; 2 minutes. A wait that would pass the deadline
    /// is not begun: the call fails at once, and [`Error::retry_at`] tells when it could be made again.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.limits.deadline = deadline;
        self
    }

    /// How often a call is attempted at the most, the first time included; 5. With 1 nothing is repeated.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.settings.limits.attempts = attempts;
        self
    }

    /// Whether calls wait for their turn below the rate limit, as [`Client::paced`] has it; no.
    pub fn paced(mut self, paced: bool) -> Self {
        self.settings.paced = paced;
        self
    }

    /// How long a paced call may wait for its first turn below the rate limit; 2 hours, which is more than the service
    /// ever makes one wait. A wait that would take longer is not begun: the call fails at once as
    /// [`is_rate_limited`](Error::is_rate_limited), with nothing sent, and [`Error::retry_at`] tells when there is a turn.
    pub fn turn_limit(mut self, limit: Duration) -> Self {
        self.settings.turn_limit = limit;
        self
    }

    /// Where the time comes from; the system unless told otherwise. For tests there is
    /// [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long making a connection may take; 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The name and version of your program, put before this crate's own in `user-agent`.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.user_agent = Some(product.into());
        self
    }

    /// How large a successful response may be, in bytes; 8 MiB, which is several times what the service sends as its
    /// largest page. A larger one is [`ErrorKind::Unreadable`](crate::ErrorKind::Unreadable).
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = Some(bytes);
        self
    }

    /// Allows plain http to a host other than this machine. The token then crosses the network in
    /// clear text.
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.plain_http = allow;
        self
    }

    /// Makes the client. Does no I/O.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration): no token or one that can't stand
    /// in a header; a base URL that is none, is plain http to another machine, or holds credentials;
    /// no TLS in this build.
    pub fn build(self) -> Result<Client> {
        let token = self
            .token
            .ok_or_else(|| Error::configuration("no token was given", None))?;
        let session = Session::bearer(&token).map_err(|error| {
            Error::configuration("the token can't be used", Some(Box::new(error)))
        })?;
        let base_url = checked_base_url(&self.base_url, self.plain_http)?;
        let oauth_url = match &self.oauth_url {
            Some(url) => checked_base_url(url, self.plain_http)?,
            None if base_url == DEFAULT_BASE_URL => DEFAULT_OAUTH_URL.into(),
            None => base_url.clone(),
        };
        let user_agent = match self.user_agent {
            Some(product) => format!("{product} {USER_AGENT}"),
            None => USER_AGENT.into(),
        };
        let mut http = docr_api::http_client()
            .user_agent(user_agent)
            .connect_timeout(self.connect_timeout)
            .connector_layer(WatchConnections);
        let is = |is_so: fn(&Url) -> bool| {
            let urls = [&base_url, &oauth_url].into_iter();
            urls.map(move |url| Url::parse(url).is_ok_and(|url| is_so(&url)))
        };
        // Neither a token in clear text nor what is meant for this machine is a proxy's business.
        if is(|url| is_plain(url) || is_this_machine(url)).any(|is_so| is_so) {
            http = http.no_proxy();
        }
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        if is(is_plain).all(|is_so| is_so) {
            // Reading the system's certificates takes longer than many calls.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|error| {
            Error::configuration("the HTTP client can't be set up", Some(Box::new(error)))
        })?;
        let mut api = docr_api::Client::new_with_client(&base_url, http, session);
        if let Some(limit) = self.response_limit {
            api = api.with_body_limit(limit);
        }
        let core = Core::new(api, token, oauth_url, self.settings, self.clock);
        Ok(Client { core })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base_url", &self.base_url)
            .field("oauth_url", &self.oauth_url)
            .field("token", &self.token)
            .field("settings", &self.settings)
            .field("connect_timeout", &self.connect_timeout)
            .field("user_agent", &self.user_agent)
            .field("plain_http", &self.plain_http)
            .field("response_limit", &self.response_limit)
            .field("clock", &self.clock)
            .finish()
    }
}

/// The base URL without a slash at its end, as the generated client wants it.
fn checked_base_url(text: &str, plain_http: bool) -> Result<String> {
    let refuse = |rule: &str| Err(Error::configuration(format!("base URL {rule}"), None));
    let Ok(url) = Url::parse(text) else {
        return refuse(&format!(
            "{text:?} is not a URL, such as {DEFAULT_BASE_URL}"
        ));
    };
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: it holds a password.
        return refuse("holds a user name or password; give the token to the builder instead");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse(&format!("{text:?} has a query or fragment"));
    }
    match url.scheme() {
        "https" => {}
        "http" if plain_http || is_this_machine(&url) => {}
        "http" => {
            return refuse(&format!(
                "{text:?} would send the token unencrypted; use https, or call allow_plain_http"
            ));
        }
        _ => return refuse(&format!("{text:?} is neither https nor http")),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn is_plain(url: &Url) -> bool {
    url.scheme() == "http"
}

fn is_this_machine(url: &Url) -> bool {
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

    #[test]
    fn the_token_comes_from_the_first_variable_that_is_set() {
        let from = |variables: &'static [(&'static str, &'static str)]| {
            ClientBuilder::from_variables(|name| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let token = |builder: Result<ClientBuilder>| {
            builder
                .unwrap()
                .token
                .map(|token| token.expose().to_owned())
        };
        let both = from(&[
            ("DIGITALOCEAN_ACCESS_TOKEN", "b"),
            ("DIGITALOCEAN_TOKEN", "a\n"),
        ]);
        assert_eq!(token(both).as_deref(), Some("a"));
        let second = from(&[
            ("DIGITALOCEAN_ACCESS_TOKEN", "b"),
            ("DIGITALOCEAN_TOKEN", " "),
        ]);
        assert_eq!(token(second).as_deref(), Some("b"));
        let error = from(&[]).unwrap_err();
        assert!(error.is_configuration());
        assert_eq!(
            error.to_string(),
            "no token: set DIGITALOCEAN_TOKEN or DIGITALOCEAN_ACCESS_TOKEN"
        );
    }

    #[test]
    fn no_setting_shows_the_token() {
        let builder = ClientBuilder::new().token("dop_v1_secret");
        assert!(!format!("{builder:?}").contains("secret"));
        let client = builder.build().unwrap();
        assert!(!format!("{client:?}").contains("secret"));
    }

    #[test]
    fn a_token_that_cannot_stand_in_a_header_is_refused_without_showing_it() {
        let error = ClientBuilder::new()
            .token("dop secret\n")
            .build()
            .unwrap_err();
        assert!(error.is_configuration());
        assert!(!format!("{error:?} {error}").contains("dop"), "{error:?}");
    }
}
