//! Docker's `config.json`: credentials put in and taken out, all else left as it is.

#[cfg(test)]
mod tests;

use std::{
    env, fmt, fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::value::{RawValue, to_raw_value};

use crate::DockerCredentials;

/// Docker's `config.json`. What this crate doesn't know in it stays as it is, to the byte and in its order.
///
/// ```no_run
/// use docr::{CredentialsRequest, DockerConfig};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let credentials = registry.docker_credentials(CredentialsRequest::read_write()).await?;
/// let mut config = DockerConfig::load(DockerConfig::default_path()?)?;
/// config.insert(&credentials)?;
/// config.save()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DockerConfig {
    path: PathBuf,
    fields: Fields,
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
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(DockerConfigError::Io { path, source }),
        };
        let fields = match text.trim() {
            "" => Fields::default(),
            text => serde_json::from_str(text).map_err(|source| DockerConfigError::Format {
                path: path.clone(),
                // The file holds secrets: only the place is told.
                place: format!("line {}, column {}", source.line(), source.column()),
            })?,
        };
        Ok(Self { path, fields })
    }

    /// Puts credentials in, in place of those that were there for the same host.
    ///
    /// Docker would not look at them if the file hands this host to a credential helper, by `credsStore` or
    /// `credHelpers`: if it does, the host is given an empty helper of its own, which means the file.
    ///
    /// # Errors
    ///
    /// When `auths` or `credHelpers` is there and is not an object.
    pub fn insert(&mut self, credentials: &DockerCredentials) -> Result<(), DockerConfigError> {
        let mut auths = self.object("auths")?;
        let mut helpers = self.object("credHelpers")?;
        let auth = serde_json::json!({ "auth": credentials.auth().expose() });
        auths.set(DockerCredentials::HOST, raw(&auth));
        self.fields.set("auths", raw(&auths));
        let is_set = |value: Option<&RawValue>| {
            value.is_some_and(|value| !matches!(value.get(), "\"\"" | "null"))
        };
        if is_set(helpers.get(DockerCredentials::HOST)) || is_set(self.fields.get("credsStore")) {
            helpers.set(DockerCredentials::HOST, raw(&""));
            self.fields.set("credHelpers", raw(&helpers));
        }
        Ok(())
    }

    /// Takes the credentials out. Returns whether there were any. They are good still, until they are
    /// [revoked](crate::Client::revoke) or expire.
    ///
    /// # Errors
    ///
    /// When `auths` is there and is not an object.
    pub fn remove(&mut self) -> Result<bool, DockerConfigError> {
        let mut auths = self.object("auths")?;
        let before = auths.0.len();
        auths.0.retain(|(host, _)| host != DockerCredentials::HOST);
        let had_any = auths.0.len() < before;
        if had_any {
            self.fields.set("auths", raw(&auths));
        }
        Ok(had_any)
    }

    /// Writes the file, whole or not at all, for its owner's eyes only. A link is followed; a directory that is not
    /// there is made.
    ///
    /// # Errors
    ///
    /// When it can't be written; the file that was there is unchanged then.
    pub fn save(&self) -> Result<(), DockerConfigError> {
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let text = to_text(&self.fields);
        write_privately(&target, &text).map_err(|source| DockerConfigError::Io {
            path: target,
            source,
        })
    }

    /// An object among the fields; an empty one if it is not there.
    fn object(&self, name: &'static str) -> Result<Fields, DockerConfigError> {
        match self.fields.get(name) {
            None => Ok(Fields::default()),
            Some(value) if value.get() == "null" => Ok(Fields::default()),
            Some(value) => {
                serde_json::from_str(value.get()).map_err(|_| DockerConfigError::Format {
                    path: self.path.clone(),
                    place: format!("{name:?}, which is not an object"),
                })
            }
        }
    }
}

/// The fields of an object in their order, with their values as they stand in the file.
#[derive(Clone, Default)]
struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&RawValue> {
        // Of a repeated name the last one counts.
        let mut fields = self.0.iter().rev();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

/// The values may be secrets.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some(field) = map.next_entry()? {
                    fields.0.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    // Texts and maps of texts can always be written as JSON.
    to_raw_value(value).unwrap_or_default()
}

/// The file's text, a field to a line, as Docker indents it.
fn to_text(fields: &Fields) -> String {
    let lines: Vec<_> = fields
        .0
        .iter()
        .map(|(name, value)| format!("\t{}: {}", raw(name), value.get()))
        .collect();
    match lines.as_slice() {
        [] => "{}\n".to_owned(),
        lines => format!("{{\n{}\n}}\n", lines.join(",\n")),
    }
}

/// Writes a file beside its place, and then moves it there.
fn write_privately(target: &Path, text: &str) -> io::Result<()> {
    let directory = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(directory)?;
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = target.with_file_name(format!(".{name}.{:016x}", fastrand::u64(..)));
    let written = write_new(&unfinished, text).and_then(|()| fs::rename(&unfinished, target));
    if written.is_err() {
        // Nothing is known of it by now but its name.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
    /// The file is not what Docker writes.
    #[error("{} is no configuration of Docker's, at {place}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        place: String,
    },
}
