//! The programs that hand out credentials: the credential helper for Docker, and the credential provider for the
//! kubelet.

mod docker;
mod kubelet;
pub(crate) mod settings;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use docr::{Client, CredentialFiles, CredentialsRequest, DockerCredentials, RegistryHandle};
use sha2::{Digest as _, Sha256};

use crate::{
    account::{self, AccountArguments},
    ledger::hex,
    output::Output,
};
use settings::Settings;

pub use docker::docker_credential_docr;
pub use kubelet::docr_credential_provider;

/// The kubelet waits for a minute; Docker has no limit, but a user is waiting.
const DEADLINE: Duration = Duration::from_secs(25);
const TIME_LIMIT: Duration = Duration::from_secs(50);

/// The helper's name in Docker's configuration.
pub(crate) const HELPER: &str = "docr";

/// The account and the files that credentials come from.
struct Source {
    docr: Client,
    settings: Settings,
    files: CredentialFiles,
    /// Keeps the name of the account's registry.
    name_file: PathBuf,
}

impl Source {
    fn open() -> Result<Self> {
        let settings = Settings::load()?;
        let arguments = AccountArguments::chosen(
            settings.profile.clone(),
            settings.context.clone(),
            settings.registry.clone(),
        )?;
        // Nobody reads notes of these programs.
        let token = arguments.token(&Output::silent())?;
        let directory = account::credential_directory();
        let directory = directory.context("no cache directory: set HOME or XDG_CACHE_HOME")?;
        let url = arguments.api_url();
        let docr = account::builder(url.as_deref()).token(token.clone());
        let docr = docr.deadline(DEADLINE).build()?;
        let key = Sha256::new()
            .chain_update(token.expose())
            .chain_update([0])
            .chain_update(url.unwrap_or_default());
        let name_file = format!("registry-{}", &hex(&key.finalize())[..32]);
        Ok(Self {
            docr,
            settings,
            name_file: directory.with_file_name(name_file),
            files: CredentialFiles::new(directory),
        })
    }

    fn wanted(&self) -> CredentialsRequest {
        self.settings.request()
    }

    /// The kept credentials, or new ones.
    async fn credentials(&self) -> Result<docr::KeptCredentials> {
        let registry = self.registry().await?;
        match self.files.get(&registry, self.wanted()).await {
            Err(error) if error.is_not_found() && self.settings.registry.is_none() => {
                // The registry was deleted since its name was kept.
                let _ = fs::remove_file(&self.name_file);
                let registry = self.registry().await?;
                Ok(self.files.get(&registry, self.wanted()).await?)
            }
            kept => Ok(kept?),
        }
    }

    /// The kept credentials that are valid, without a request.
    fn kept(&self) -> Option<docr::KeptCredentials> {
        self.files.kept(&self.known_registry()?, self.wanted())
    }

    /// The registry that is configured, or whose name is kept.
    fn known_registry(&self) -> Option<RegistryHandle> {
        let name = match &self.settings.registry {
            Some(name) => name.clone(),
            None => fs::read_to_string(&self.name_file)
                .ok()?
                .trim()
                .parse()
                .ok()?,
        };
        Some(self.docr.registry(name))
    }

    /// Any registry of the account: credentials for one are valid for all.
    async fn registry(&self) -> Result<RegistryHandle> {
        if let Some(registry) = self.known_registry() {
            return Ok(registry);
        }
        let all = self.docr.registries().list().all().await?;
        let first = all.first().context("the account has no registry")?;
        let registry = self.docr.registry(first.name.parse()?);
        if let Some(directory) = self.name_file.parent() {
            // If it can't be kept, it is looked up again next time.
            let _ = fs::create_dir_all(directory)
                .and_then(|()| fs::write(&self.name_file, &first.name));
        }
        Ok(registry)
    }
}

/// The host of an address, with or without scheme and path.
fn host_of(address: &str) -> &str {
    let address = address.trim();
    let bare = address.split_once("://").map_or(address, |(_, bare)| bare);
    bare.split('/').next().unwrap_or_default()
}

/// Whether a host is one that credentials are minted for.
fn is_ours(host: &str) -> bool {
    host == DockerCredentials::HOST || host == own_host()
}

/// The host of the configured account.
fn own_host() -> String {
    let profile = Settings::load().ok().and_then(|settings| settings.profile);
    let arguments = AccountArguments::chosen(profile, None, None);
    arguments.unwrap_or_default().host()
}

/// User name and password.
fn parts(credentials: &DockerCredentials) -> Result<(docr::Secret, docr::Secret)> {
    let parts = credentials.user_and_password();
    parts.ok_or_else(|| anyhow!("the credentials have no user name and password"))
}

/// The result of a future, within the time limit.
async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(TIME_LIMIT, work).await {
        Ok(end) => end,
        Err(_) => bail!("timed out after {TIME_LIMIT:?}"),
    }
}
