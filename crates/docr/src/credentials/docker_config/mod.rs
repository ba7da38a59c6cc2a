//! Docker's `config.json`: credentials put in and taken out, all else left as it is.

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

/// Docker's `config.json`. What this crate doesn't know in it stays as it is, to the byte and in its order.
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

/// What is to be done to the file when it is saved.
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
    /// Where Docker looks for it: in the directory `$DOCKER_CONFIG`, or else in `.docker` in the home directory.
    ///
    /// # Errors
    ///
    /// When neither that variable nor one for the home directory is set.
    pub fn default_path() -> Result<PathBuf, DockerConfigError> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let directory = set("DOCKER_CONFIG").map(PathBuf::from).or_else(|| {
            let home = set("HOME").or_else(|| set("USERPROFILE"))?;
            Some(Path::new(&home).join(".docker"))
        });
        let directory = directory.ok_or(DockerConfigError::NoHome)?;
        Ok(directory.join("config.json"))
    }

    /// Reads the file. One that isn't there, or is empty, is read as an empty configuration.
    ///
    /// # Errors
    ///
    /// When it can't be read, or is not a JSON object.
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

    /// Is about another host than `registry.digitalocean.com`: a sandbox, by its address.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The credential helper that the file names for this host: a program `docker-credential-` and this.
    ///
    /// # Errors
    ///
    /// When `credHelpers` is there and is not an object.
    pub fn helper(&self) -> Result<Option<String>, DockerConfigError> {
        Ok(self
            .scene(&self.path)
            .helper(&self.fields)?
            .map(|Helper(name)| name))
    }

    /// Names a credential helper for this host in `credHelpers`, or takes its name out. What the host had in `auths` goes,
    /// since Docker would not look at it.
    ///
    /// # Errors
    ///
    /// When `auths` or `credHelpers` is there and is not an object.
    pub fn use_helper(&mut self, name: Option<&str>) -> Result<(), DockerConfigError> {
        let name = name.map(str::to_owned);
        self.edit(self.host.clone(), What::UseHelper(name))
    }

    /// Puts credentials in, in place of those that were there for the same host. [`save`](Self::save) writes them: into
    /// the file, or where the file hands this host to a credential helper, by `credHelpers` or `credsStore`, into that.
    ///
    /// # Errors
    ///
    /// When `auths` or `credHelpers` is there and is not an object.
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

    /// Takes the credentials out, of the credential helper as well when it is saved. Returns whether there were any in
    /// the file. They are good still, until they are [revoked](crate::Client::revoke) or expire.
    ///
    /// # Errors
    ///
    /// When `auths` is there and is not an object.
    pub fn remove(&mut self) -> Result<bool, DockerConfigError> {
        let had_any = object(&self.path, &self.fields, "auths")?
            .get(&self.host)
            .is_some();
        self.edit(self.host.clone(), What::TakeOut)?;
        Ok(had_any)
    }

    /// The password that is kept for the registry, in the file or with the credential helper that it names; `None` if
    /// there is none. Asks the helper, which is a program of its own.
    ///
    /// # Errors
    ///
    /// When the helper fails, or `auths` or `credHelpers` is not an object.
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

    /// Writes what was put in and taken out, as Docker itself would: the file is read again just before, under a lock
    /// against other programs of this crate, so that what others have written meanwhile stays. The file is written
    /// whole or not at all; one that was there keeps its owner and mode, and a new one is its owner's alone. A link is
    /// followed, and a directory that is not there is made.
    ///
    /// Blocks while it writes, and while a credential helper works.
    ///
    /// # Errors
    ///
    /// When it can't be written; the file that was there is unchanged then. When the credential helper fails: nothing
    /// is put into the file instead.
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
            // The file holds secrets: only the place is told.
            place: format!("line {}, column {}", source.line(), source.column()),
        }),
    }
}

/// The host that a file's fields are looked at for.
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

    /// Does to a file's fields what is to be done; for good, with the helper that they name.
    fn apply(
        self,
        fields: &mut Fields,
        edit: &What,
        is_for_good: bool,
    ) -> Result<(), DockerConfigError> {
        let mut auths = object(self.path, fields, "auths")?;
        let mut helpers = object(self.path, fields, "credHelpers")?;
        // A helper without a name is none, and some programs fail on it.
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
                        // Docker notes like this that there is something.
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

/// An object among the fields; an empty one if it is not there.
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
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DockerConfigError {
    /// There is no home directory to look in.
    #[error("where Docker's config.json is can't be told: set DOCKER_CONFIG or HOME")]
    NoHome,
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A credential helper that the file names has failed.
    #[error("the credential helper {name:?} fails to {action}: {said}")]
    Helper {
        /// Its name, without `docker-credential-`.
        name: String,
        /// What it was to do.
        action: &'static str,
        /// What it says.
        said: String,
    },
    /// The file is not what Docker writes.
    #[error("{} is no configuration of Docker's, at {place}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        place: String,
    },
}
