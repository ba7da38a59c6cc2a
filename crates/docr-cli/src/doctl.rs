//! doctl's own configuration: its tokens and contexts.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use docr::Secret;
use serde::Deserialize;

use crate::{names::listed, output::WrongInput};

/// The name of the context that a plain `access-token` belongs to.
pub(crate) const DEFAULT: &str = "default";

/// The part of doctl's `config.yaml` that is used here. Null counts as absent.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Configuration {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    auth_contexts: Option<BTreeMap<String, Option<Secret>>>,
}

impl Configuration {
    /// Reads a file; `None` if it does not exist.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        // The file holds tokens, so no part of it is shown.
        let read = serde_saphyr::from_str(&text);
        let configuration =
            read.map_err(|_| anyhow!("{} is not a valid doctl configuration", path.display()))?;
        Ok(Some(configuration))
    }

    /// The context that doctl uses, unless it is the default one.
    pub(crate) fn context(&self) -> Option<&str> {
        chosen(self.context.as_deref()?)
    }

    /// The token of a context.
    pub(crate) fn token(&self, context: &str) -> Result<Option<Secret>> {
        let contexts = self.auth_contexts.iter().flatten();
        // doctl stores the names in lower case.
        let named: Vec<_> = contexts
            .filter(|(name, _)| name.eq_ignore_ascii_case(context))
            .collect();
        let exact = named.iter().find(|(name, _)| *name == context);
        let own = exact.or(named.first()).map(|(_, token)| token.as_ref());
        let token = match own {
            _ if chosen(context).is_none() => self.access_token.as_ref().or(own.flatten()),
            Some(token) => token,
            None => {
                let contexts = self.auth_contexts.iter().flatten();
                let known = listed(contexts.map(|(name, _)| name));
                let message = format!("doctl has no context {context:?}; available: {known}");
                return Err(WrongInput(message).into());
            }
        };
        Ok(token
            .filter(|token| !token.expose().trim().is_empty())
            .cloned())
    }
}

/// A context, unless it is the default one.
pub(crate) fn chosen(context: &str) -> Option<&str> {
    let context = context.trim();
    (!context.is_empty() && !context.eq_ignore_ascii_case(DEFAULT)).then_some(context)
}

/// The path of doctl's configuration.
pub(crate) fn default_path() -> Option<PathBuf> {
    Some(configurations()?.join("doctl").join("config.yaml"))
}

/// The configuration directory of this platform.
pub(crate) fn configurations() -> Option<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if cfg!(windows) {
        set("APPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "dop_v1_5ec2e7a0b1c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5";
    /// Text that breaks a YAML file.
    const BREAKING: [&str; 14] = [
        "", "\0", "\t", "\"", "'", "{", "[", "&a ", "*a", "!!int ", "|\n", "- ", "\u{feff}", "? ",
    ];

    /// Reads a configuration and all its tokens; returns the errors' texts.
    fn errors(path: &Path, text: &str) -> Vec<String> {
        fs::write(path, text).unwrap();
        let read = Configuration::load(path).and_then(|configuration| {
            let configuration = configuration.unwrap_or_default();
            for context in [configuration.context(), Some(DEFAULT), Some("work")] {
                configuration.token(context.unwrap_or_default())?;
            }
            Ok(())
        });
        let error = read.err();
        { error.iter() }
            .flat_map(|error| {
                // Without the backtrace that the error's own `Debug` may have.
                let causes = error.chain().map(|cause| format!("{cause:?}"));
                causes.chain([format!("{error:#}")])
            })
            .collect()
    }

    #[test]
    fn errors_about_a_damaged_file_show_no_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        let text = format!(
            "access-token: {TOKEN}\ncontext: work\nauth-contexts:\n  work: {TOKEN}\n  none: null\nregistry:\n  - a\n"
        );
        let mut failures = 0;
        for (place, character) in text.char_indices() {
            let (before, after) = text.split_at(place);
            let rests = ["", after, &after[character.len_utf8()..]];
            for (breaking, rest) in BREAKING
                .iter()
                .flat_map(|text| rests.map(|rest| (text, rest)))
            {
                for error in errors(&path, &format!("{before}{breaking}{rest}")) {
                    failures += 1;
                    let shown = TOKEN.as_bytes().windows(16);
                    let shown = shown.filter_map(|run| str::from_utf8(run).ok());
                    assert!(!shown.into_iter().any(|run| error.contains(run)), "{error}");
                    assert!(error.len() < 1_000, "{error}");
                }
            }
        }
        assert!(failures > 1_000, "{failures}");
    }

    #[test]
    fn nested_aliases_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        let mut text = "a0: &a0 x\n".to_owned();
        for level in 1..30 {
            let below = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", "));
        }
        let errors = errors(&path, &text);
        assert!(
            errors
                .iter()
                .any(|error| error.contains("not a valid doctl configuration")),
            "{errors:?}"
        );
    }
}
