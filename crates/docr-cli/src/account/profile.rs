//! docr's own configuration: profiles, each with the token and settings of an account.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use docr::{CredentialFiles, RegistryName, Secret, for_terminal};
use serde::Deserialize;

use super::{arguments::IN_SANDBOX_URL, variable};
use crate::{
    doctl,
    names::listed,
    output::{Format, WrongInput},
};

/// The file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    /// The profile to use if none is chosen.
    default_profile: Option<String>,
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(super) token_file: Option<PathBuf>,
    pub(super) token: Option<Secret>,
    pub(super) context: Option<String>,
    pub(super) api_url: Option<String>,
    pub(super) registry: Option<RegistryName>,
    pub(crate) output: Option<Format>,
}

/// Reads a profile by name, or the default one; `None` if there is neither.
pub(super) fn load(name: Option<&str>) -> Result<Option<(String, Profile)>> {
    let path = path();
    let read = match &path {
        Some(path) => read(path)?,
        None => None,
    };
    let place = path.as_deref().map_or_else(
        || "docr's configuration".to_owned(),
        |path| path.display().to_string(),
    );
    let mut configuration = read.unwrap_or_default();
    let default = configuration.default_profile.take();
    let Some(name) = name.map(str::to_owned).or(default) else {
        return Ok(None);
    };
    match configuration.profile.remove(&name) {
        Some(profile) => {
            check(&name, &profile, &place)?;
            Ok(Some((name, profile)))
        }
        None => {
            let known = listed(configuration.profile.keys());
            let message = format!("{place} has no profile {name:?}; available: {known}");
            Err(WrongInput(message).into())
        }
    }
}

/// The path of the configuration.
pub(crate) fn path() -> Option<PathBuf> {
    let named = variable("DOCR_CONFIG").map(PathBuf::from);
    named.or_else(|| Some(doctl::configurations()?.join("docr").join("config.toml")))
}

/// The directory in which credentials are kept for other programs. In a sandbox with its own configuration, it is
/// beside that.
pub(crate) fn credential_directory() -> Option<PathBuf> {
    let own = variable(IN_SANDBOX_URL).and_then(|_| variable("DOCR_CONFIG"));
    match own {
        Some(file) => Some(Path::new(&file).with_file_name("credentials")),
        None => CredentialFiles::default_directory(),
    }
}

fn read(path: &Path) -> Result<Option<Configuration>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let configuration: Configuration = toml::from_str(&text).map_err(|error| {
        // The file may hold a token, so its lines are not shown.
        let start = error.span().map_or(0, |span| span.start);
        let line = text
            .bytes()
            .take(start)
            .filter(|byte| *byte == b'\n')
            .count()
            + 1;
        let message = for_terminal(error.message(), 500);
        WrongInput(format!("{}, line {line}: {message}", path.display()))
    })?;
    let holds_token = configuration
        .profile
        .values()
        .any(|profile| profile.token.is_some());
    if holds_token && !is_private(path)? {
        let place = path.display();
        return Err(WrongInput(format!(
            "{place} holds a token but other users can read it: run chmod 600 {place}, or set token_file instead"
        ))
        .into());
    }
    Ok(Some(configuration))
}

/// Whether only its owner can read a file.
#[cfg(unix)]
fn is_private(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;

    let file = fs::metadata(path).with_context(|| path.display().to_string())?;
    Ok(file.permissions().mode() & 0o077 == 0)
}

/// On other platforms only the user can read the configuration directory.
#[cfg(not(unix))]
fn is_private(_: &Path) -> Result<bool> {
    Ok(true)
}

fn check(name: &str, profile: &Profile, place: &str) -> Result<()> {
    let tokens = [
        profile.token.is_some(),
        profile.token_file.is_some(),
        profile.context.is_some(),
    ];
    match tokens.into_iter().filter(|is_set| *is_set).count() {
        0 | 1 => Ok(()),
        _ => {
            let message = format!(
                "{place}: profile {name:?} sets more than one of token_file, token and context; keep one"
            );
            Err(WrongInput(message).into())
        }
    }
}
