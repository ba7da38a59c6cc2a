//! Setting up a client.

use std::{fmt, sync::Arc, time::Duration};

use docr_api::{Secret, Session, TokenProvider};
use reqwest::header::HeaderMap;

use super::{
    Client,
    address::{DEFAULT_BASE_URL, checked_base_url, oauth_url},
    http::Http,
};
use crate::{
    Attempt, CallOptions, Clock, Error, RateBudget, Result, RetryBudget, SystemClock,
    call::{Core, Observers, Setup, TokensOfClient, Turns},
    token::Tokens,
};

const TOKEN_VARIABLES: [&str; 2] = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"];
const BASE_URL_VARIABLE: &str = "DIGITALOCEAN_API_URL";

/// Sets up a [`Client`]. Made by [`Client::builder`].
///
/// ```
/// use std::time::Duration;
///
/// let docr = docr::Client::builder()
///     .token("dop_v1_0123")
///     .connect_timeout(Duration::from_secs(3))
///     .attempt_timeout(Duration::from_secs(10))
///     .deadline(Duration::from_secs(60))
///     .build()?;
/// # Ok::<(), docr::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    is_from_env: bool,
    token: Option<Token>,
    base_url: String,
    oauth_url: Option<String>,
    options: CallOptions,
    http: Http,
    on_request: Vec<OnRequest>,
    observers: Observers,
    response_limit: Option<usize>,
    rate_budget: Option<Arc<dyn RateBudget>>,
    clock: Arc<dyn Clock>,
}

enum Token {
    Fixed(Secret),
    Provider(Arc<dyn TokenProvider>),
}

type OnRequest = Box<dyn Fn(&mut HeaderMap) + Send + Sync>;

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            is_from_env: false,
            token: None,
            base_url: DEFAULT_BASE_URL.into(),
            oauth_url: None,
            options: CallOptions::new(),
            http: Http::default(),
            on_request: Vec::new(),
            observers: Observers::default(),
            response_limit: None,
            rate_budget: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// A builder with the token of `DIGITALOCEAN_TOKEN` or else `DIGITALOCEAN_ACCESS_TOKEN`, for the API at
    /// `DIGITALOCEAN_API_URL`, as far as these are set. White space around the values is ignored.
    ///
    /// ```no_run
    /// let docr = docr::ClientBuilder::from_env().user_agent("acme-deploy/1.4").build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let mut builder = Self::new();
        builder.is_from_env = true;
        if let Some(token) = TOKEN_VARIABLES.into_iter().find_map(set) {
            builder = builder.token(token);
        }
        match set(BASE_URL_VARIABLE) {
            Some(url) => builder.base_url(url),
            None => builder,
        }
    }

    /// The personal access token or OAuth token.
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(Token::Fixed(token.into()));
        self
    }

    /// The source of tokens that change while the program runs: [`TokenFile`](crate::TokenFile),
    /// [`TokenFn`](crate::TokenFn) or a type of your own. However many calls need a token at once, the provider is called
    /// once. When the service rejects a token (401), the provider is called for another one, and the request is repeated
    /// once.
    ///
    /// ```
    /// use docr::{Client, TokenFile};
    ///
    /// let docr = Client::builder().token_provider(TokenFile::new("/run/secrets/digitalocean")).build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn token_provider(mut self, provider: impl TokenProvider + 'static) -> Self {
        self.token = Some(Token::Provider(Arc::new(provider)));
        self
    }

    /// The address of the API; by default `https://api.digitalocean.com`. A path in it is kept.
    ///
    /// ```
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .base_url("https://proxy.example.com/digitalocean") // requests go to /digitalocean/v2/...
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// The address for revoking tokens; by default `https://cloud.digitalocean.com`, or the
    /// [`base_url`](Self::base_url) if that is another one. The client's own token is not sent there: the token to revoke
    /// authorizes the request.
    ///
    /// ```
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .base_url("https://proxy.example.com/api")
    ///     .oauth_url("https://proxy.example.com/cloud")
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn oauth_url(mut self, url: impl Into<String>) -> Self {
        self.oauth_url = Some(url.into());
        self
    }

    /// Your own HTTP client, with its proxies, certificates, DNS, connection pool and layers around its connector. The
    /// version of reqwest is that of [`docr::reqwest`](crate::reqwest).
    ///
    /// Settings that safety requires are made on it: no redirects, no retries of its own, this client's `user-agent`. For
    /// an address with plain http its proxies are ignored, since they would see the token; [`proxy`](Self::proxy) sets one
    /// for that as well.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let http = docr::reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(5));
    /// let docr = docr::Client::builder().token("dop_v1_0123").http(http).build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn http(mut self, http: reqwest::ClientBuilder) -> Self {
        self.http.own = Some(http);
        self
    }

    /// Sends all requests through this proxy, such as `http://proxy.example.com:3128`, with user name and password if it
    /// needs them. It replaces those of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), which are ignored anyway
    /// for an address with plain http or on this machine.
    ///
    /// ```
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .proxy("http://proxy.example.com:3128")
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.http.proxy = Some(url.into());
        self
    }

    /// Uses no proxy, whatever the environment says.
    ///
    /// ```
    /// let docr = docr::Client::builder().token("dop_v1_0123").no_proxy().build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn no_proxy(mut self) -> Self {
        self.http.no_proxy = true;
        self
    }

    /// Also trusts this certificate, or several: PEM, such as the authority of a proxy that inspects TLS.
    ///
    /// ```no_run
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .root_certificate(std::fs::read("/etc/ssl/acme-ca.pem")?)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.http.roots.push(pem.as_ref().to_vec());
        self
    }

    /// A header for all requests. Its value is treated as a secret: no error and no `Debug` shows it.
    ///
    /// ```
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .header("cf-access-client-id", "0123.access")
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.http.headers.push((name.into(), value.into()));
        self
    }

    /// Reads and changes the headers of each attempt before it is sent, for example to add the context of a trace. The
    /// token is added afterwards: it can be neither seen nor changed here.
    ///
    /// ```
    /// use docr::reqwest::header::HeaderValue;
    ///
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .on_request(|headers| {
    ///         headers.insert("x-caller", HeaderValue::from_static("acme-deploy"));
    ///     })
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn on_request(mut self, change: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        self.on_request.push(Box::new(change));
        self
    }

    /// Observes each attempt when it has ended, for metrics. It is called in the task of the call, so it should be quick.
    /// An attempt is not reported if its caller has stopped waiting.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    ///
    /// let repeats = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&repeats);
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .on_attempt(move |attempt| {
    ///         if attempt.repeats_after.is_some() {
    ///             counter.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     })
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn on_attempt(mut self, observer: impl Fn(&Attempt<'_>) + Send + Sync + 'static) -> Self {
        self.observers.add(observer);
        self
    }

    /// How long making a connection may take; by default 10 s, or the setting of your own HTTP client.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let docr = docr::Client::builder().token("dop_v1_0123").connect_timeout(Duration::from_secs(3)).build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = Some(timeout);
        self
    }

    /// The name and version of your program, put before this crate's own in `user-agent`.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.http.product = Some(product.into());
        self
    }

    /// Allows plain http to a host other than this machine. The token then crosses the network in
    /// clear text.
    ///
    /// ```
    /// let docr = docr::Client::builder()
    ///     .base_url("http://sandbox:8080") // a container of the same test
    ///     .token("dop_v1_local")
    ///     .allow_plain_http(true)
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.http.allow_plain = allow;
        self
    }

    /// How large a successful response may be, in bytes; by default 8 MiB, several times the size of the service's largest
    /// page. A larger one is [`ErrorKind::Unreadable`](crate::ErrorKind::Unreadable).
    ///
    /// ```
    /// let docr = docr::Client::builder().token("dop_v1_0123").response_limit(1 << 20).build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = Some(bytes);
        self
    }

    /// Paces all calls by a budget that is shared with others who use the same token: other clients
    /// ([`LocalBudget`](crate::LocalBudget)), the processes of this machine (`FileBudget`, feature `file-budget`), or a
    /// fleet (the crate `docr-redis`). It turns [`paced`](CallOptions::paced) on, which can be turned off afterwards.
    ///
    /// ```
    /// # #[cfg(feature = "file-budget")] {
    /// use std::sync::Arc;
    /// use docr::{Client, FileBudget, Secret};
    ///
    /// let token = Secret::from("dop_v1_0123");
    /// let directory = FileBudget::default_directory().ok_or("no home directory")?;
    /// let budget = FileBudget::new(directory, &token);
    /// let docr = Client::builder().token(token).rate_budget(Arc::new(budget)).build()?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rate_budget(mut self, budget: Arc<dyn RateBudget>) -> Self {
        self.rate_budget = Some(budget);
        self.paced(true)
    }

    /// The clock; by default [`SystemClock`]. Tests use [`ManualClock`](crate::ManualClock), with which waits take no time.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use docr::{Client, ManualClock};
    ///
    /// let clock = Arc::new(ManualClock::at("2026-01-01T12:00:00Z".parse()?));
    /// let docr = Client::builder().token("dop_v1_0123").clock(clock).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The options of all calls, unless a handle has others. They can be changed later by [`Client::with`]; each one has a
    /// method of its own here, too.
    ///
    /// ```
    /// use std::time::Duration;
    /// use docr::RetryBudget;
    ///
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .calls(|calls| calls.deadline(Duration::from_secs(60)).max_attempts(3).retry_budget(RetryBudget::of(10)))
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn calls(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// See [`CallOptions::attempt_timeout`]; by default 30 s.
    pub fn attempt_timeout(self, timeout: Duration) -> Self {
        self.calls(|calls| calls.attempt_timeout(timeout))
    }

    /// See [`CallOptions::deadline`]; by default 2 minutes.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.calls(|calls| calls.deadline(deadline))
    }

    /// See [`CallOptions::max_attempts`]; by default 5.
    pub fn max_attempts(self, attempts: u32) -> Self {
        self.calls(|calls| calls.max_attempts(attempts))
    }

    /// See [`CallOptions::retry_budget`]; by default 20 retries.
    pub fn retry_budget(self, budget: RetryBudget) -> Self {
        self.calls(|calls| calls.retry_budget(budget))
    }

    /// See [`CallOptions::paced`]; by default off.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let nightly_job = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .paced(true)
    ///     .turn_limit(Duration::from_secs(600))
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn paced(self, paced: bool) -> Self {
        self.calls(|calls| calls.paced(paced))
    }

    /// See [`CallOptions::turn_limit`]; by default 2 hours.
    pub fn turn_limit(self, limit: Duration) -> Self {
        self.calls(|calls| calls.turn_limit(limit))
    }

    /// See [`CallOptions::wait_limit`]; by default 10 minutes for certificates and 2 hours for garbage collections.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let docr = docr::Client::builder().token("dop_v1_0123").wait_limit(Duration::from_secs(300)).build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn wait_limit(self, limit: Duration) -> Self {
        self.calls(|calls| calls.wait_limit(limit))
    }

    /// See [`CallOptions::until`].
    ///
    /// ```
    /// let (shutdown, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let builder = docr::Client::builder().token("dop_v1_0123");
    /// let docr = builder.until(async { stopped.await.unwrap_or_default() }).build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.calls(|calls| calls.until(stop))
    }

    /// Makes the client. Does no I/O.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration): no token or one that is not allowed in a header; a
    /// base URL that is invalid, has plain http to another machine, or contains credentials; an unusable proxy or
    /// certificate; no TLS in this build. [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput): a header that can't
    /// be sent, or that the client sets itself.
    pub fn build(self) -> Result<Client> {
        let base_url = checked_base_url(&self.base_url, self.http.allow_plain)?;
        let oauth_url = oauth_url(self.oauth_url.as_deref(), &base_url, self.http.allow_plain)?;
        let no_token = || {
            let summary = match self.is_from_env {
                true => format!("no token: set {}", TOKEN_VARIABLES.join(" or ")),
                false => "no token was given".to_owned(),
            };
            Error::configuration(summary, None)
        };
        let (tokens, mut session) = match self.token.ok_or_else(no_token)? {
            Token::Fixed(token) => {
                let session = Session::bearer(&token).map_err(|error| {
                    Error::configuration("the token can't be used", Some(Box::new(error)))
                })?;
                (Arc::new(Tokens::fixed(token)), session)
            }
            Token::Provider(provider) => {
                let tokens = Arc::new(Tokens::provided(provider));
                let clock = Arc::clone(&self.clock);
                let provider = TokensOfClient {
                    tokens: Arc::clone(&tokens),
                    clock,
                    limit: self.options.attempt_timeout,
                };
                (tokens, Session::provided(Arc::new(provider)))
            }
        };
        if !self.on_request.is_empty() {
            let changes = self.on_request;
            session = session
                .on_request(move |headers| changes.iter().for_each(|change| change(headers)));
        }
        let header_values = self.http.headers.iter().map(|(_, value)| value.clone());
        let header_values = header_values.collect();
        let http = self.http.build(&[&base_url, &oauth_url])?;
        let mut api = docr_api::Client::new_with_client(&base_url, http, session);
        if let Some(limit) = self.response_limit {
            api = api.with_body_limit(limit);
        }
        let setup = Setup {
            tokens,
            header_values,
            oauth_url,
            options: self.options,
            observers: self.observers,
            turns: Turns::of(self.rate_budget),
            clock: self.clock,
        };
        Ok(Client {
            core: Core::new(api, setup),
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base_url", &self.base_url)
            .field("oauth_url", &self.oauth_url)
            .field("options", &self.options)
            .field("http", &self.http)
            .field("observers", &self.observers)
            .field("response_limit", &self.response_limit)
            .field("rate_budget", &self.rate_budget)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_comes_from_the_first_variable_that_is_set() {
        let from = |variables: &'static [(&'static str, &'static str)]| {
            ClientBuilder::from_variables(|name| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let token = |builder: ClientBuilder| match builder.token {
            Some(Token::Fixed(token)) => Some(token.expose().to_owned()),
            _ => None,
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
        let error = from(&[]).build().unwrap_err();
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
