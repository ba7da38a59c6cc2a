//! The global options that choose the account, and their defaults from a profile and the environment.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::{DockerCredentials, RegistryName};

use super::{
    profile::{self, Profile},
    sandbox_host_of, variable,
};
use crate::{complete, names::registry_name, output::WrongInput};

/// The sandbox that all commands work in, as set by `docr try`.
pub(crate) const IN_SANDBOX_URL: &str = "DOCR_SANDBOX_URL";
pub(crate) const IN_SANDBOX_TOKEN: &str = "DOCR_SANDBOX_TOKEN";

#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct AccountArguments {
    /// Work in a local sandbox with sample images; no token is needed, and nothing real is changed.
    #[arg(long, global = true)]
    pub(super) sandbox: bool,
    /// Profile of docr's configuration to use [default: DOCR_PROFILE, or default_profile of the configuration].
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "sandbox")]
    pub(super) profile: Option<String>,
    /// Use the token of this doctl context, whatever the environment says [default: DIGITALOCEAN_CONTEXT, or doctl's
    /// current context].
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "sandbox")]
    pub(super) context: Option<String>,
    /// doctl's configuration file [default: doctl's own default].
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) doctl_config: Option<PathBuf>,
    /// File that holds the token; it is read again when it changes.
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["sandbox", "context"])]
    pub(super) token_file: Option<PathBuf>,
    /// Base URL of the API [default: DIGITALOCEAN_API_URL, or https://api.digitalocean.com].
    #[arg(long, global = true, value_name = "URL", conflicts_with = "sandbox")]
    pub(super) api_url: Option<String>,
    /// Registry to use [default: the account's only registry].
    #[arg(long, short, global = true, value_name = "NAME", value_parser = registry_name, add = ArgValueCompleter::new(complete::registries))]
    pub(super) registry: Option<RegistryName>,
    /// Use the service's older calls, which only support accounts with one registry.
    ///
    /// doctl's registry commands make the same calls.
    #[arg(long, global = true, hide_short_help = true)]
    pub(super) legacy: bool,
    /// The token in a profile.
    #[arg(skip)]
    pub(super) token: Option<docr::Secret>,
    /// Whether the variables of `docr try` keep this program in its sandbox.
    #[arg(skip)]
    pub(super) is_kept_in: bool,
}

impl AccountArguments {
    /// The arguments of a program that takes none on its command line.
    pub(crate) fn chosen(
        profile: Option<String>,
        context: Option<String>,
        registry: Option<RegistryName>,
    ) -> Result<Self> {
        let mut chosen = match variable(IN_SANDBOX_URL) {
            None => Self {
                profile,
                context,
                registry,
                ..Self::default()
            },
            // Earlier settings are for another account.
            Some(url) => Self::default().kept_in(url)?,
        };
        if chosen.profile.is_some() {
            chosen.fill_in()?;
        }
        Ok(chosen)
    }

    /// Fills in the settings of a profile where no option is given. Returns the profile.
    pub(crate) fn fill_in(&mut self) -> Result<Profile> {
        if self.sandbox {
            return Ok(Profile::default());
        }
        if let Some(url) = variable(IN_SANDBOX_URL) {
            *self = std::mem::take(self).kept_in(url)?;
            return Ok(Profile::default());
        }
        let chosen = self.profile.clone().or_else(|| variable("DOCR_PROFILE"));
        let Some((name, profile)) = profile::load(chosen.as_deref())? else {
            return Ok(Profile::default());
        };
        self.profile = Some(name);
        let names_token = self.token_file.is_some() || self.context.is_some();
        if !names_token {
            self.token_file.clone_from(&profile.token_file);
            self.context.clone_from(&profile.context);
            self.token.clone_from(&profile.token);
        }
        self.api_url = self.api_url.take().or_else(|| profile.api_url.clone());
        self.registry = self.registry.take().or_else(|| profile.registry.clone());
        Ok(profile)
    }

    /// Restricts the arguments to the sandbox of `docr try`.
    fn kept_in(self, url: String) -> Result<Self> {
        let leads_out = [
            ("--profile", self.profile.is_some()),
            ("--context", self.context.is_some()),
            ("--doctl-config", self.doctl_config.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--api-url", self.api_url.is_some()),
        ];
        let refuse = |message: String| Err(WrongInput(message).into());
        if let Some((option, _)) = leads_out.into_iter().find(|(_, is_given)| *is_given) {
            return refuse(format!(
                "{option} cannot be used in the sandbox of `docr try`: leave its shell first, or unset {IN_SANDBOX_URL}"
            ));
        }
        if sandbox_host_of(&url).is_none() {
            return refuse(format!(
                "{IN_SANDBOX_URL} {url:?} is not the address of a sandbox on this machine, such as http://127.0.0.1:4010"
            ));
        }
        let Some(token) = variable(IN_SANDBOX_TOKEN) else {
            return refuse(format!(
                "{IN_SANDBOX_URL} is set, but {IN_SANDBOX_TOKEN} is not: set it to the sandbox's token, or unset both"
            ));
        };
        Ok(Self {
            api_url: Some(url),
            token: Some(token.into()),
            is_kept_in: true,
            ..self
        })
    }

    pub(crate) fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// Refuses a command that makes no sense with --sandbox.
    pub(crate) fn refuse_sandbox(&self, why: &str) -> Result<()> {
        match self.sandbox {
            true => {
                let message =
                    format!("--sandbox lasts for one command only: {why}; use `docr try` instead");
                Err(WrongInput(message).into())
            }
            false => Ok(()),
        }
    }

    /// The base URL of the API, unless it is the default.
    pub(crate) fn api_url(&self) -> Option<String> {
        self.api_url
            .clone()
            .or_else(|| variable("DIGITALOCEAN_API_URL"))
    }

    /// The host that credentials are for.
    pub(crate) fn host(&self) -> String {
        let here = self.api_url().and_then(|url| sandbox_host_of(&url));
        here.unwrap_or_else(|| DockerCredentials::HOST.to_owned())
    }

    pub(crate) fn registry_named(&self) -> Option<&RegistryName> {
        self.registry.as_ref()
    }

    /// The settings to store for a program that is started later.
    ///
    /// # Errors
    ///
    /// An option that can't be stored.
    pub(crate) fn choices(self) -> Result<Choices> {
        let Self {
            registry,
            context,
            profile,
            ..
        } = self;
        // The variables of `docr try` hold for programs that are started later, too.
        if profile.is_none() && !self.is_kept_in {
            let lost = [
                ("--token-file", self.token_file.is_some()),
                ("--api-url", self.api_url.is_some()),
            ];
            if let Some((option, _)) = lost.into_iter().find(|(_, is_given)| *is_given) {
                return Err(WrongInput(format!(
                    "{option} does not apply to programs that are started later: put it into a profile, and pass \
                     --profile"
                ))
                .into());
            }
        }
        Ok(Choices {
            registry,
            // The profile has it.
            context: context.filter(|_| profile.is_none()),
            profile,
        })
    }
}

pub(crate) struct Choices {
    pub(crate) registry: Option<RegistryName>,
    pub(crate) context: Option<String>,
    pub(crate) profile: Option<String>,
}
