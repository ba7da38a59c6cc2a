//! doctl's own configuration: its tokens and contexts.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use docr::Secret;
use serde::Deserialize;

use crate::output::WrongInput;

/// The part of doctl's `config.yaml` that matters here.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Configuration {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    auth_contexts: BTreeMap<String, Secret>,
}

impl Configuration {
    /// Reads a file; `None` if it isn't there.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        // The file holds tokens: no part of it is shown.
        let read = serde_saphyr::from_str(&text);
        let configuration =
            read.map_err(|_| anyhow!("{} is no configuration of doctl's", path.display()))?;
        Ok(Some(configuration))
    }

    /// The token of a context: of the named one, or else of the one that doctl uses.
    pub(crate) fn token(&self, context: Option<&str>) -> Result<Option<Secret>> {
        let used = context.or(self.context.as_deref()).unwrap_or("default");
        let token = match self.auth_contexts.get(used) {
            Some(token) => Some(token),
            None if used == "default" => self.access_token.as_ref(),
            None => {
                let known: Vec<_> = self.auth_contexts.keys().map(String::as_str).collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let message = format!("doctl has no context {used:?}; it has: {known}");
                return Err(WrongInput(message).into());
            }
        };
        Ok(token
            .filter(|token| !token.expose().trim().is_empty())
            .cloned())
    }
}

/// Where doctl keeps its configuration.
pub(crate) fn default_path() -> Option<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let directory = if cfg!(windows) {
        set("APPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
    };
    Some(directory?.join("doctl").join("config.yaml"))
}
