//! Settings of the helpers: environment variables, and a file that `docr configure-docker` writes.

use std::{fs, io, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use docr::{CredentialsRequest, RegistryName, for_terminal, retention::Age};
use serde::{Deserialize, Serialize};

use crate::account::{configuration_path, variable};

const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The settings, all optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// `read-only` or `read-write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifetime: Option<Age>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) registry: Option<RegistryName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scope {
    ReadOnly,
    ReadWrite,
}

impl Settings {
    /// Reads the file and the variables, which take precedence.
    pub(crate) fn load() -> Result<Self> {
        let mut settings = Self::of_file()?;
        if let Some(scope) = variable("DOCR_CREDENTIAL_SCOPE") {
            settings.scope = Some(match scope.as_str() {
                "read-only" => Scope::ReadOnly,
                "read-write" => Scope::ReadWrite,
                _ => bail!("DOCR_CREDENTIAL_SCOPE {scope:?} is neither read-only nor read-write"),
            });
        }
        if let Some(lifetime) = variable("DOCR_CREDENTIAL_LIFETIME") {
            settings.lifetime = Some(lifetime.parse().context("DOCR_CREDENTIAL_LIFETIME")?);
        }
        if let Some(registry) = variable("DOCR_CREDENTIAL_REGISTRY") {
            settings.registry = Some(registry.parse().context("DOCR_CREDENTIAL_REGISTRY")?);
        }
        Ok(settings)
    }

    fn of_file() -> Result<Self> {
        let Some(path) = Self::path() else {
            return Ok(Self::default());
        };
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                // On one line, since it quotes the file.
                anyhow!(
                    "{}: {}",
                    path.display(),
                    for_terminal(&error.to_string(), 1000)
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Writes the file; returns its path.
    pub(crate) fn save(&self) -> Result<PathBuf> {
        let path =
            Self::path().context("no configuration directory: set HOME or XDG_CONFIG_HOME")?;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        }
        let text = toml::to_string(self)?;
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    /// Deletes the file.
    pub(crate) fn delete() -> Result<()> {
        let Some(path) = Self::path() else {
            return Ok(());
        };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| path.display().to_string())
            }
            _ => Ok(()),
        }
    }

    /// The file's path, beside docr's configuration.
    fn path() -> Option<PathBuf> {
        Some(configuration_path()?.with_file_name("credential-helper.toml"))
    }

    pub(crate) fn request(&self) -> CredentialsRequest {
        let request = match self.scope {
            Some(Scope::ReadWrite) => CredentialsRequest::read_write(),
            _ => CredentialsRequest::read_only(),
        };
        request.expires_in(self.lifetime())
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime.map_or(LIFETIME, Age::as_duration)
    }
}
