//! The account that is spoken for: whose token, or a sandbox.

use std::{env, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use docr::{
    Client, ClientBuilder, CredentialsRequest, DockerCredentials, RegistryHandle, RegistryName,
    Secret, for_terminal, retention::OciManifests,
};
use docr_sandbox::{Clock, Sandbox};

use crate::{
    clock::SandboxTime,
    doctl,
    interrupt::Interrupt,
    minted::Minted,
    output::{Format, NoToken, WrongInput, note},
    sample,
};

/// Where a token may be, in this order.
const TOKENS: [&str; 2] = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"];

#[derive(Args, Default)]
pub(crate) struct AccountArguments {
    /// Work in a local sandbox with sample images: nothing is real, and no token is needed.
    #[arg(long, global = true)]
    sandbox: bool,
    /// The context of doctl's whose token to use, whatever the environment says [default: DIGITALOCEAN_CONTEXT, or the
    /// one that doctl uses].
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "sandbox")]
    context: Option<String>,
    /// doctl's configuration [default: where doctl keeps it].
    #[arg(long, global = true, value_name = "FILE")]
    doctl_config: Option<PathBuf>,
    /// The registry [default: the account's only one].
    #[arg(long, short, global = true, value_name = "NAME")]
    registry: Option<RegistryName>,
}

/// An account that can be asked.
pub(crate) struct Account {
    pub(crate) docr: Client,
    registry: Option<RegistryName>,
    /// The sandbox that the images are in.
    images_at: Option<String>,
    /// Lives as long as the account.
    sandbox: Option<Sandbox>,
    clock: Arc<dyn docr::Clock>,
}

impl AccountArguments {
    /// What a program gets that has no arguments of its own.
    pub(crate) fn chosen(context: Option<String>, registry: Option<RegistryName>) -> Self {
        Self {
            context,
            registry,
            ..Self::default()
        }
    }

    pub(crate) fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// The registry and the context that were named.
    pub(crate) fn choices(self) -> (Option<RegistryName>, Option<String>) {
        (self.registry, self.context)
    }

    pub(crate) async fn open(self, format: Format) -> Result<Account> {
        if self.sandbox {
            return self.open_sandbox().await;
        }
        let token = self.token(format)?;
        Ok(Account {
            docr: client(token, None)?,
            registry: self.registry,
            images_at: sandbox_host(),
            sandbox: None,
            clock: Arc::new(docr::SystemClock),
        })
    }

    /// A sandbox in a time of its own, so that waiting takes none, and always the same.
    async fn open_sandbox(self) -> Result<Account> {
        let clock = Clock::manual("2026-01-01T12:00:00Z".parse()?);
        let sandbox = Sandbox::builder().clock(clock.clone()).start().await?;
        let time = Arc::new(SandboxTime(clock.clone()));
        let docr = Client::builder()
            .base_url(sandbox.url())
            .token(sandbox.token())
            .clock(time.clone())
            .user_agent(user_agent())
            .build()?;
        sample::fill(&sandbox, &clock, &docr).await?;
        Ok(Account {
            docr,
            registry: self.registry,
            images_at: Some(sandbox.addr().to_string()),
            sandbox: Some(sandbox),
            clock: time,
        })
    }

    /// The token of the context that was chosen, here, in the environment or in doctl; or else the environment's; or else
    /// doctl's default one.
    pub(crate) fn token(&self, format: Format) -> Result<Secret> {
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
            // Who brings a token needs no file.
            (Err(_), Some(_), None) => None,
            (loaded, ..) => loaded?,
        };
        let context = given.or_else(|| Some(doctl.as_ref()?.context()?.to_owned()));
        if let Some(context) = context {
            let token = doctl.unwrap_or_default().token(&context)?;
            let Some(token) = token else {
                let message = format!("doctl has no token for the context {context:?}");
                return Err(WrongInput(message).into());
            };
            if doctl::chosen(&context).is_some() {
                let passed_over = match environment {
                    Some((name, _)) => format!("; it counts more than {name}"),
                    None => String::new(),
                };
                note(
                    format,
                    format_args!("Using doctl's context {context:?}{passed_over}."),
                );
            }
            return Ok(token);
        }
        if let Some((_, token)) = environment {
            return Ok(token.into());
        }
        let token = match doctl {
            Some(doctl) => doctl.token(doctl::DEFAULT)?,
            None => None,
        };
        let place = path.map_or_else(String::new, |path| {
            format!(", and no token in {}", path.display())
        });
        token.ok_or_else(|| {
            let message = format!(
                "no token: {} are not set{place}; to try things out, use --sandbox",
                TOKENS.join(" and ")
            );
            NoToken(message).into()
        })
    }
}

/// A client of the API that the environment names.
pub(crate) fn client(token: Secret, deadline: Option<Duration>) -> docr::Result<Client> {
    let mut builder = ClientBuilder::from_env()
        .token(token)
        .user_agent(user_agent());
    if let Some(deadline) = deadline {
        builder = builder.deadline(deadline);
    }
    builder.build()
}

/// The address of a sandbox that somebody else has started: it serves its images, too.
pub(crate) fn sandbox_host() -> Option<String> {
    let url = variable("DIGITALOCEAN_API_URL")?;
    let host = url
        .strip_prefix("http://")?
        .trim_end_matches('/')
        .to_owned();
    let is_here = host.starts_with("127.0.0.1:") || host.starts_with("localhost:");
    is_here.then_some(host)
}

/// The host that programs get credentials for.
pub(crate) fn host() -> String {
    sandbox_host().unwrap_or_else(|| DockerCredentials::HOST.to_owned())
}

pub(crate) fn variable(name: &str) -> Option<String> {
    let value = env::var(name).ok()?.trim().to_owned();
    (!value.is_empty()).then_some(value)
}

fn user_agent() -> String {
    format!("docr-cli/{}", env!("CARGO_PKG_VERSION"))
}

impl Account {
    /// The registry that is meant: the named one, or the account's only one.
    pub(crate) async fn registry(&self) -> Result<RegistryHandle> {
        if let Some(name) = &self.registry {
            return Ok(self.docr.registry(name.clone()));
        }
        let all = self.docr.registries().list().all().await?;
        match all.as_slice() {
            [only] => Ok(self.docr.registry(only.name.parse()?)),
            [] => bail!("the account has no registry"),
            several => {
                let names: Vec<_> = several
                    .iter()
                    .map(|registry| for_terminal(&registry.name, 100))
                    .collect();
                let message = format!(
                    "the account has several registries: choose one with --registry: {}",
                    names.join(", ")
                );
                Err(WrongInput(message).into())
            }
        }
    }

    /// The host that credentials are for. A sandbox of the command's own ends with it, and stands for the service.
    pub(crate) fn host(&self) -> &str {
        let here = self.images_at.as_deref().filter(|_| self.sandbox.is_none());
        here.unwrap_or(DockerCredentials::HOST)
    }

    /// Reads manifests from the registry itself, with credentials that have to be given back by
    /// [`Manifests::close`]; `None` if somebody asks to stop.
    pub(crate) async fn manifests(
        &self,
        registry: &RegistryHandle,
        interrupt: &Interrupt,
    ) -> Result<Option<Manifests>> {
        let request = CredentialsRequest::read_only().expires_in(Duration::from_secs(3600));
        let minted = Minted::mint(&self.docr, registry, request, interrupt).await?;
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

/// Reads manifests, with credentials of its own. Dropped, they are revoked.
pub(crate) struct Manifests {
    minted: Minted,
    pub(crate) reader: OciManifests,
}

impl Manifests {
    /// Revokes the credentials. When that fails they go on for an hour: no reason to lose what was done with them.
    pub(crate) async fn close(self, format: Format) {
        if let Err(error) = self.minted.revoke().await {
            let text = format_args!(
                "The credentials for reading could not be revoked; they expire in an hour: {error}"
            );
            note(format, text);
        }
    }
}
