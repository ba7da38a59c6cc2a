//! The account that a command works with: its token, or a sandbox.

mod arguments;
mod profile;
mod registry_calls;

use std::{env, fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use docr::{
    Client, ClientBuilder, CredentialsRequest, DockerCredentials, Registry, RegistryHandle,
    RegistryName, Secret, TokenFile, retention::OciManifests,
};

use crate::{
    doctl,
    interrupt::Interrupt,
    minted::Minted,
    names::listed,
    output::{Consent, NoToken, Output, WrongInput},
    sandbox::OwnSandbox,
    trace,
};

#[cfg(feature = "sandbox")]
pub(crate) use arguments::IN_SANDBOX_TOKEN;
pub(crate) use arguments::{AccountArguments, Choices, IN_SANDBOX_URL};
pub(crate) use profile::{credential_directory, path as configuration_path};
pub(crate) use registry_calls::RegistryCalls;

/// The variables that may hold a token, in order of precedence.
const TOKENS: [&str; 2] = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"];

/// An account, with a client for it.
pub(crate) struct Account {
    pub(crate) docr: Client,
    registry: Option<RegistryName>,
    is_legacy: bool,
    /// The host of the images, if it is a sandbox.
    images_at: Option<String>,
    /// Lives as long as the account.
    sandbox: Option<OwnSandbox>,
    clock: Arc<dyn docr::Clock>,
}

impl AccountArguments {
    pub(crate) async fn open(self, output: &Output) -> Result<Account> {
        if self.sandbox {
            return self.open_sandbox(output).await;
        }
        if self.is_kept_in
            && let Some(url) = &self.api_url
        {
            output.note(format_args!(
                "Using the sandbox at {url}: {IN_SANDBOX_URL} is set."
            ));
        }
        let token = self.token(output)?;
        let builder = builder(self.api_url().as_deref());
        let builder = match &self.token_file {
            // The token may be replaced during a job that takes hours.
            Some(file) => builder.token_provider(TokenFile::new(file)),
            None => builder.token(token),
        };
        Ok(Account {
            docr: observed(builder, output).build()?,
            registry: self.registry,
            is_legacy: self.legacy,
            images_at: self
                .api_url
                .or_else(|| variable("DIGITALOCEAN_API_URL"))
                .and_then(|url| sandbox_host_of(&url)),
            sandbox: None,
            clock: Arc::new(docr::SystemClock),
        })
    }

    /// Opens the account for a command that changes something: the first interrupt lets the request in progress finish,
    /// and begins no other.
    pub(crate) async fn open_to_change(self, output: &Output) -> Result<Account> {
        self.open_stopped_by(&Interrupt::listen()?, output).await
    }

    async fn open_stopped_by(self, interrupt: &Interrupt, output: &Output) -> Result<Account> {
        let mut account = self.open(output).await?;
        account.docr = account.docr.with(|calls| interrupt.stops(calls));
        Ok(account)
    }

    /// Like [`open_to_change`](Self::open_to_change), for a command that asks for confirmation. Fails where it cannot
    /// prompt.
    pub(crate) async fn open_to_ask(
        self,
        consent: Consent,
        to: &str,
        output: &Output,
    ) -> Result<(Account, Interrupt)> {
        output.check_prompt(consent, to)?;
        let interrupt = Interrupt::listen()?;
        Ok((self.open_stopped_by(&interrupt, output).await?, interrupt))
    }

    async fn open_sandbox(self, output: &Output) -> Result<Account> {
        let sandbox = OwnSandbox::start().await?;
        Ok(Account {
            docr: observed(sandbox.client(), output).build()?,
            registry: self.registry,
            is_legacy: self.legacy,
            images_at: Some(sandbox.host()),
            clock: sandbox.clock(),
            sandbox: Some(sandbox),
        })
    }

    /// The token: that of the chosen doctl context, else that of the environment, else doctl's default one.
    pub(crate) fn token(&self, output: &Output) -> Result<Secret> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        if let Some(file) = &self.token_file {
            return read_token(file);
        }
        let path = self.doctl_config.clone().or_else(doctl::default_path);
        let loaded = match &path {
            Some(path) => doctl::Configuration::load(path),
            None => Ok(None),
        };
        let given = self
            .context
            .clone()
            .or_else(|| variable("DIGITALOCEAN_CONTEXT"));
        let environment = TOKENS
            .into_iter()
            .find_map(|name| Some((name, variable(name)?)));
        let doctl = match (loaded, &environment, &given) {
            // With a token in the environment the file doesn't matter.
            (Err(_), Some(_), None) => None,
            (loaded, ..) => loaded?,
        };
        let context = given.or_else(|| Some(doctl.as_ref()?.context()?.to_owned()));
        if let Some(context) = context {
            let token = doctl.unwrap_or_default().token(&context)?;
            let Some(token) = token else {
                let message = format!("doctl has no token for context {context:?}");
                return Err(WrongInput(message).into());
            };
            if doctl::chosen(&context).is_some() {
                let precedence = match environment {
                    Some((name, _)) => format!(", which takes precedence over {name}"),
                    None => String::new(),
                };
                output.note(format_args!(
                    "Using doctl's context {context:?}{precedence}."
                ));
            }
            return usable(token, || {
                format!("the token of doctl's context {context:?}")
            });
        }
        if let Some((name, token)) = environment {
            return usable(token.into(), || format!("the token of {name}"));
        }
        let token = match doctl {
            Some(doctl) => doctl.token(doctl::DEFAULT)?,
            None => None,
        };
        let place = path.map_or_else(String::new, |path| {
            format!(", and {} has none", path.display())
        });
        let token = token.ok_or_else(|| {
            let message = format!("no token: neither {} is set{place}", TOKENS.join(" nor "));
            NoToken::anywhere(message)
        })?;
        usable(token, || "the token of doctl's configuration".to_owned())
    }
}

/// A builder for the API at a URL, or at the default one.
pub(crate) fn builder(api_url: Option<&str>) -> ClientBuilder {
    let builder = Client::builder().user_agent(user_agent());
    match api_url {
        Some(url) => builder.base_url(url),
        None => builder,
    }
}

/// Shows waits, and traces each attempt.
fn observed(builder: ClientBuilder, output: &Output) -> ClientBuilder {
    let waits = output.waits().clone();
    builder.on_attempt(move |attempt| {
        waits.observe(attempt);
        trace::attempt(attempt);
    })
}

/// The token that a file holds.
fn read_token(file: &Path) -> Result<Secret> {
    let place = || format!("the token file {}", file.display());
    let text = fs::read_to_string(file).with_context(place)?;
    match text.trim() {
        "" => Err(NoToken::in_place(format!("{} is empty", place())).into()),
        token => usable(token.to_owned().into(), place),
    }
}

/// Checks that a token can be sent. The error doesn't quote it.
fn usable(token: Secret, place: impl Fn() -> String) -> Result<Secret> {
    let mut characters = token.expose().chars().zip(1_usize..);
    let Some((wrong, position)) = characters.find(|(one, _)| !one.is_ascii_graphic()) else {
        return Ok(token);
    };
    let what = match wrong {
        '\n' | '\r' => "a line break",
        ' ' | '\t' => "white space",
        _ => "an invalid character",
    };
    let message = format!(
        "{} is invalid: {what} at position {position}; a token consists of letters, digits and underscores",
        place()
    );
    Err(WrongInput(message).into())
}

/// The host of a sandbox on this machine, which also serves its images.
pub(crate) fn sandbox_host_of(url: &str) -> Option<String> {
    let host = url
        .strip_prefix("http://")?
        .trim_end_matches('/')
        .to_owned();
    let is_here = host.starts_with("127.0.0.1:") || host.starts_with("localhost:");
    is_here.then_some(host)
}

pub(crate) fn variable(name: &str) -> Option<String> {
    let value = env::var(name).ok()?.trim().to_owned();
    (!value.is_empty()).then_some(value)
}

fn user_agent() -> String {
    format!("docr-cli/{}", env!("CARGO_PKG_VERSION"))
}

impl Account {
    /// The registry to use: that of an argument, of --registry, or the account's only one.
    pub(crate) async fn registry_for(&self, named: Option<RegistryName>) -> Result<RegistryCalls> {
        let name = match (named, &self.registry) {
            (Some(named), Some(option)) if named != *option => {
                let message =
                    format!("the argument names registry {named}, but --registry is {option}");
                return Err(WrongInput(message).into());
            }
            (Some(name), _) => name,
            (None, Some(name)) => name.clone(),
            (None, None) => self.only_registry().await?,
        };
        let legacy = self.is_legacy.then(|| self.docr.legacy_registry());
        Ok(RegistryCalls::new(self.docr.registry(name), legacy))
    }

    /// The registry to use, by the newer calls.
    pub(crate) async fn registry(&self) -> Result<RegistryHandle> {
        Ok(self.registry_for(None).await?.handle().clone())
    }

    async fn only_registry(&self) -> Result<RegistryName> {
        if self.is_legacy {
            let only = self.docr.legacy_registry().get_opt().await?;
            let only = only.ok_or_else(no_registry)?;
            return Ok(only.name.parse()?);
        }
        only(&self.docr.registries().list().all().await?)
    }

    /// The registry to use, out of all of the account.
    pub(crate) fn registry_among(&self, all: &[Registry]) -> Result<RegistryName> {
        self.registry.clone().map_or_else(|| only(all), Ok)
    }

    pub(crate) fn is_legacy(&self) -> bool {
        self.is_legacy
    }

    /// The host that credentials are for. With --sandbox it is the service's: the sandbox ends with the command.
    pub(crate) fn host(&self) -> &str {
        let here = self.images_at.as_deref().filter(|_| self.sandbox.is_none());
        here.unwrap_or(DockerCredentials::HOST)
    }

    /// Mints credentials for a registry; `None` if interrupted.
    pub(crate) async fn mint(
        &self,
        registry: &RegistryCalls,
        wanted: CredentialsRequest,
        interrupt: &Interrupt,
    ) -> Result<Option<Minted>> {
        let registry = registry.stopped_by(interrupt);
        let minting = registry.docker_credentials(wanted);
        let minted = Minted::mint(&self.docr, minting, interrupt).await;
        minted.map_err(|error| error.context(registry.subject()))
    }

    /// Prepares to read manifests from the registry itself, with credentials that [`Manifests::close`] revokes; `None`
    /// if interrupted.
    pub(crate) async fn manifests(
        &self,
        registry: &RegistryHandle,
        interrupt: &Interrupt,
    ) -> Result<Option<Manifests>> {
        let request = CredentialsRequest::read_only().expires_in(Duration::from_secs(3600));
        let registry = registry.with(|calls| interrupt.stops(calls));
        let minting = registry.docker_credentials(request);
        let minted = Minted::mint(&self.docr, minting, interrupt).await?;
        let Some(minted) = minted else {
            return Ok(None);
        };
        let mut reader = OciManifests::new(registry.name(), minted.credentials()?)?;
        if let Some(host) = &self.images_at {
            reader = reader.plain_http_host(host);
        }
        Ok(Some(Manifests { minted, reader }))
    }

    pub(crate) fn is_sandbox(&self) -> bool {
        self.sandbox.is_some()
    }

    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }
}

/// The name of the only registry.
fn only(all: &[Registry]) -> Result<RegistryName> {
    match all {
        [only] => Ok(only.name.parse()?),
        [] => Err(no_registry()),
        several => {
            let message = format!(
                "the account has several registries; choose one with --registry: {}",
                listed(several.iter().map(|registry| &registry.name))
            );
            Err(WrongInput(message).into())
        }
    }
}

fn no_registry() -> anyhow::Error {
    anyhow!("the account has no registry; create one with `docr registry create`")
}

/// A reader of manifests with its own credentials, which are revoked on drop.
pub(crate) struct Manifests {
    minted: Minted,
    pub(crate) reader: OciManifests,
}

impl Manifests {
    /// Revokes the credentials. If that fails they expire in an hour, which is no reason for the command to fail.
    pub(crate) async fn close(self, output: &Output) {
        if let Err(error) = self.minted.revoke().await {
            output.warn(format_args!(
                "The temporary credentials could not be revoked, and expire in an hour: {error}"
            ));
        }
    }
}
