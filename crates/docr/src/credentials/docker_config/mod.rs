//! Docker's `config.json`: credentials are inserted and removed, everything else is kept.

mod fields;
mod helper;
#[cfg(test)]
mod tests;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use docr_api::Secret;
use serde_json::json;

use super::{place, user_and_password};
use crate::DockerCredentials;
use fields::{Fields, raw, to_text};
use helper::Helper;

/// Docker's `config.json`. Other content is kept as it is, to the byte and in its order.
///
/// ```no_run
/// use docr::{CredentialsRequest, DockerConfig};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let mut config = DockerConfig::load(DockerConfig::default_path()?)?;
/// let credentials = registry.docker_credentials(CredentialsRequest::read_write()).await?;
/// config.insert(&credentials)?;
/// config.save()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DockerConfig {
    path: PathBuf,
    host: String,
    fields: Fields,
    edits: Vec<Edit>,
}

/// A change to the file when it is saved.
#[derive(Clone, Debug)]
struct Edit {
    host: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    PutIn {
        auth: Secret,
        user_and_password: Option<(Secret, Secret)>,
    },
    TakeOut,
    UseHelper(Option<String>),
}

impl DockerConfig {
    /// Docker's own path: in the directory `$DOCKER_CONFIG`, or else in `.docker` in the home directory.
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::NoHome`], if neither that variable nor one for the home directory is set.
    pub fn default_path() -> Result<PathBuf, DockerConfigError> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let directory = set("DOCKER_CONFIG").map(PathBuf::from).or_else(|| {
            let home = set("HOME").or_else(|| set("USERPROFILE"))?;
            Some(Path::new(&home).join(".docker"))
        });
        let directory = directory.ok_or(DockerConfigError::NoHome)?;
        Ok(directory.join("config.json"))
    }

    /// Reads the file. A missing or empty file is read as an empty configuration.
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::Io`], if it can't be read; [`DockerConfigError::Format`], if it is not a JSON object.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, DockerConfigError> {
        let path = path.into();
        let fields = read(&path)?;
        Ok(Self {
            path,
            host: DockerCredentials::HOST.to_owned(),
            fields,
            edits: Vec::new(),
        })
    }

    /// Uses a host other than `registry.digitalocean.com`, such as the address of a sandbox.
    ///
    /// ```no_run
    /// use docr::DockerConfig;
    ///
    /// let config = DockerConfig::load(DockerConfig::default_path()?)?.host("127.0.0.1:8080");
    /// # Ok::<(), docr::DockerConfigError>(())
    /// ```
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The credential helper that the file names for this host, without the prefix `docker-credential-` of the program.
    ///
    /// ```no_run
    /// use docr::DockerConfig;
    ///
    /// let config = DockerConfig::load(DockerConfig::default_path()?)?;
    /// println!("helper: {}", config.helper()?.unwrap_or_else(|| "none".into()));
    /// # Ok::<(), docr::DockerConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::Format`], if `credHelpers` is not an object.
    pub fn helper(&self) -> Result<Option<String>, DockerConfigError> {
        Ok(self
            .scene(&self.path)
            .helper(&self.fields)?
            .map(|Helper(name)| name))
    }

    /// Sets the credential helper for this host in `credHelpers`, or removes it. The host's entry in `auths` is removed,
    /// since Docker would ignore it.
    ///
    /// ```no_run
    /// use docr::DockerConfig;
    ///
    /// let mut config = DockerConfig::load(DockerConfig::default_path()?)?;
    /// config.use_helper(Some("docr"))?; // docker-credential-docr
    /// config.save()?;
    /// # Ok::<(), docr::DockerConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::Format`], if `auths` or `credHelpers` is not an object.
    pub fn use_helper(&mut self, name: Option<&str>) -> Result<(), DockerConfigError> {
        let name = name.map(str::to_owned);
        self.edit(self.host.clone(), What::UseHelper(name))
    }

    /// Inserts credentials, or replaces those for the same host. [`save`](Self::save) writes them: to the credential helper
    /// that the file names for this host in `credHelpers` or `credsStore`, or else to the file.
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::Format`], if `auths` or `credHelpers` is not an object; [`DockerConfigError::Helper`], if a
    /// helper can't store credentials of this form.
    pub fn insert(&mut self, credentials: &DockerCredentials) -> Result<(), DockerConfigError> {
        for (host, auth) in credentials.hosts() {
            let is_main = host == DockerCredentials::HOST;
            let host = if is_main { &self.host } else { host };
            let put_in = What::PutIn {
                auth: auth.clone(),
                user_and_password: user_and_password(auth),
            };
            self.edit(host.to_owned(), put_in)?;
        }
        Ok(())
    }

    /// Removes the credentials; [`save`](Self::save) also removes them from the credential helper. Returns whether the file
    /// had any. They stay valid until they are [revoked](crate::Client::revoke) or expire.
    ///
    /// ```no_run
    /// use docr::DockerConfig;
    ///
    /// let mut config = DockerConfig::load(DockerConfig::default_path()?)?;
    /// if config.remove()? {
    ///     config.save()?;
    /// }
    /// # Ok::<(), docr::DockerConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::Format`], if `auths` or `credHelpers` is not an object.
    pub fn remove(&mut self) -> Result<bool, DockerConfigError> {
        let had_any = object(&self.path, &self.fields, "auths")?
            .get(&self.host)
            .is_some();
        self.edit(self.host.clone(), What::TakeOut)?;
        Ok(had_any)
    }

    /// The stored password for the registry, from the file or the credential helper that it names; `None` if there is none.
    /// Runs the helper, a program of its own.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client, config: docr::DockerConfig) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Some(password) = config.password()? {
    ///     docr.revoke_password(&password).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::Helper`], if the helper fails; [`DockerConfigError::Format`], if `auths` or `credHelpers` is not
    /// an object.
    pub fn password(&self) -> Result<Option<Secret>, DockerConfigError> {
        if let Some(helper) = self.scene(&self.path).helper(&self.fields)? {
            return Ok(helper.get(&self.host)?.map(|(_, password)| password));
        }
        let auths = object(&self.path, &self.fields, "auths")?;
        let entry = auths.get(&self.host).map(|entry| entry.get());
        let entry: Option<serde_json::Value> =
            entry.and_then(|entry| serde_json::from_str(entry).ok());
        let auth = entry.as_ref().and_then(|entry| entry["auth"].as_str());
        let parts = auth.and_then(|auth| user_and_password(&Secret::from(auth)));
        Ok(parts.map(|(_, password)| password))
    }

    /// Writes the changes: the file is read again just before, under a lock against other programs of this crate, and what
    /// others have written meanwhile is kept. The file is replaced atomically; an existing one keeps its owner and mode,
    /// and a new one is for its owner alone. Links are followed, and a missing directory is created.
    ///
    /// Blocks while it writes, and while a credential helper runs.
    ///
    /// # Errors
    ///
    /// [`DockerConfigError::Io`], if it can't be written: the file is unchanged then. [`DockerConfigError::Helper`], if the
    /// credential helper fails: the credentials are not written to the file instead.
    pub fn save(&self) -> Result<(), DockerConfigError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| DockerConfigError::Io { path, source }
        };
        let target = place::behind_links(&self.path).map_err(io(&self.path))?;
        let _lock = place::lock(&target).map_err(io(&target))?;
        let mut fields = read(&target)?;
        let before = Secret::from(to_text(&fields));
        for edit in &self.edits {
            edit.scene(&target).apply(&mut fields, &edit.what, true)?;
        }
        let text = Secret::from(to_text(&fields));
        if text == before && target.exists() {
            return Ok(());
        }
        place::replace(&target, text.expose()).map_err(io(&target))
    }

    fn edit(&mut self, host: String, what: What) -> Result<(), DockerConfigError> {
        let mut fields = self.fields.clone();
        let edit = Edit { host, what };
        edit.scene(&self.path)
            .apply(&mut fields, &edit.what, false)?;
        self.fields = fields;
        self.edits.push(edit);
        Ok(())
    }

    fn scene<'a>(&'a self, path: &'a Path) -> Scene<'a> {
        let host = &self.host;
        Scene { path, host }
    }
}

impl Edit {
    fn scene<'a>(&'a self, path: &'a Path) -> Scene<'a> {
        let host = &self.host;
        Scene { path, host }
    }
}

fn read(path: &Path) -> Result<Fields, DockerConfigError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Secret::from(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Fields::default()),
        Err(source) => {
            let path = path.to_owned();
            return Err(DockerConfigError::Io { path, source });
        }
    };
    match text.expose().trim() {
        "" => Ok(Fields::default()),
        text => serde_json::from_str(text).map_err(|source| DockerConfigError::Format {
            path: path.to_owned(),
            // The file contains secrets: only the position is shown.
            place: format!("line {}, column {}", source.line(), source.column()),
        }),
    }
}

/// The host that a change is about, and the file for errors.
#[derive(Clone, Copy)]
struct Scene<'a> {
    path: &'a Path,
    host: &'a str,
}

impl Scene<'_> {
    /// The helper that keeps the credentials of this host.
    fn helper(self, fields: &Fields) -> Result<Option<Helper>, DockerConfigError> {
        let helpers = object(self.path, fields, "credHelpers")?;
        let name = helpers.text(self.host);
        Ok(name.or_else(|| fields.text("credsStore")).map(Helper))
    }

    /// Applies a change to a file's fields; for good, also to the helper that they name.
    fn apply(
        self,
        fields: &mut Fields,
        edit: &What,
        is_for_good: bool,
    ) -> Result<(), DockerConfigError> {
        let mut auths = object(self.path, fields, "auths")?;
        let mut helpers = object(self.path, fields, "credHelpers")?;
        // A helper without a name counts as none, and some programs fail on it.
        let is_nameless = helpers.text(self.host).is_none() && helpers.take_out(self.host);
        if let What::UseHelper(name) = edit {
            match name {
                Some(name) => helpers.set(self.host, raw(name)),
                None => drop(helpers.take_out(self.host)),
            }
        }
        if is_nameless || matches!(edit, What::UseHelper(_)) {
            match helpers.is_empty() {
                true => drop(fields.take_out("credHelpers")),
                false => fields.set("credHelpers", raw(&helpers)),
            }
        }
        let helper = self.helper(fields)?;
        match edit {
            What::PutIn {
                auth,
                user_and_password,
            } => {
                let entry = match (&helper, user_and_password) {
                    (None, _) => json!({ "auth": auth.expose() }),
                    (Some(helper), Some((user, password))) => {
                        if is_for_good {
                            helper.store(self.host, user.expose(), password)?;
                        }
                        // Docker's own mark for credentials in a helper.
                        json!({})
                    }
                    (Some(helper), None) => return Err(helper.takes_no_other_form()),
                };
                auths.set(self.host, raw(&entry));
                fields.set("auths", raw(&auths));
                return Ok(());
            }
            What::TakeOut => {
                if let Some(helper) = helper.filter(|_| is_for_good) {
                    helper.erase(self.host)?;
                }
            }
            What::UseHelper(_) => {}
        }
        if auths.take_out(self.host) {
            fields.set("auths", raw(&auths));
        }
        Ok(())
    }
}

/// An object among the fields; an empty one if it is missing.
fn object(path: &Path, fields: &Fields, name: &'static str) -> Result<Fields, DockerConfigError> {
    match fields.get(name) {
        None => Ok(Fields::default()),
        Some(value) if value.get() == "null" => Ok(Fields::default()),
        Some(value) => serde_json::from_str(value.get()).map_err(|_| DockerConfigError::Format {
            path: path.to_owned(),
            place: format!("{name:?}, which is not an object"),
        }),
    }
}

/// Why Docker's `config.json` could not be read or written. It shows no value of the file.
///
/// ```no_run
/// use docr::{DockerConfig, DockerConfigError};
///
/// match DockerConfig::load("/etc/acme/docker.json") {
///     Ok(config) => println!("{:?}", config.helper()?),
///     Err(DockerConfigError::Format { place, .. }) => println!("malformed at {place}"),
///     Err(error) => return Err(error),
/// }
/// # Ok::<(), DockerConfigError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerConfigError {
    /// There is no home directory to look in.
    #[error("no path to Docker's config.json: set DOCKER_CONFIG or HOME")]
    NoHome,
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A credential helper that the file names failed.
    #[error("the credential helper {name:?} failed to {action}: {said}")]
    Helper {
        /// Its name, without `docker-credential-`.
        name: String,
        /// The command: `get`, `store` or `erase`.
        action: &'static str,
        /// Its message.
        said: String,
    },
    /// The file is malformed.
    #[error("{} is not a valid Docker configuration, at {place}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it is malformed.
        place: String,
    },
}
