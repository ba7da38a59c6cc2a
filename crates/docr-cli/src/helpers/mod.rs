//! The programs that others start to get credentials: for Docker and its kin, and for the kubelet.

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

/// Kubelet gives a minute; Docker none, but a person waits.
const DEADLINE: Duration = Duration::from_secs(25);
const TIME_LIMIT: Duration = Duration::from_secs(50);

/// The name by which Docker's configuration calls the helper.
pub(crate) const HELPER: &str = "docr";

/// The account and the files that a program gets its credentials from.
struct Source {
    docr: Client,
    settings: Settings,
    files: CredentialFiles,
    /// Where the name of the account's registry is kept.
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
        // These programs have nobody to tell which context they use.
        let token = arguments.token(&Output::silent())?;
        let directory = account::credential_directory();
        let directory =
            directory.context("there is no place for files: set HOME or XDG_CACHE_HOME")?;
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

    /// The credentials that are kept, or new ones.
    async fn credentials(&self) -> Result<docr::KeptCredentials> {
        let registry = self.registry().await?;
        match self.files.get(&registry, self.wanted()).await {
            Err(error) if error.is_not_found() && self.settings.registry.is_none() => {
                // It was another one's name meanwhile.
                let _ = fs::remove_file(&self.name_file);
                let registry = self.registry().await?;
                Ok(self.files.get(&registry, self.wanted()).await?)
            }
            kept => Ok(kept?),
        }
    }

    /// What is kept and good, without a request.
    fn kept(&self) -> Option<docr::KeptCredentials> {
        self.files.kept(&self.known_registry()?, self.wanted())
    }

    /// The registry that is set, or whose name is kept.
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

    /// A registry of the account: credentials for one open all of them.
    async fn registry(&self) -> Result<RegistryHandle> {
        if let Some(registry) = self.known_registry() {
            return Ok(registry);
        }
        let all = self.docr.registries().list().all().await?;
        let first = all.first().context("the account has no registry")?;
        let registry = self.docr.registry(first.name.parse()?);
        if let Some(directory) = self.name_file.parent() {
            // Asked again next time, if it can't be kept.
            let _ = fs::create_dir_all(directory)
                .and_then(|()| fs::write(&self.name_file, &first.name));
        }
        Ok(registry)
    }
}

/// The host of an address as clients give it, with or without scheme and path.
fn host_of(address: &str) -> &str {
    let address = address.trim();
    let bare = address.split_once("://").map_or(address, |(_, bare)| bare);
    bare.split('/').next().unwrap_or_default()
}

/// Whether credentials can be had for a host.
fn is_ours(host: &str) -> bool {
    host == DockerCredentials::HOST || host == own_host()
}

/// The host that the settings lead to.
fn own_host() -> String {
    let profile = Settings::load().ok().and_then(|settings| settings.profile);
    let arguments = AccountArguments::chosen(profile, None, None);
    arguments.unwrap_or_default().host()
}

/// User and password.
fn parts(credentials: &DockerCredentials) -> Result<(docr::Secret, docr::Secret)> {
    let parts = credentials.user_and_password();
    parts.ok_or_else(|| anyhow!("the credential is not one of user and password"))
}

/// What a future results in, within the time that whoever waits has.
async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(TIME_LIMIT, work).await {
        Ok(end) => end,
        Err(_) => bail!("no credentials within {TIME_LIMIT:?}"),
    }
}
