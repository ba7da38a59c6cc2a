//! Names as users write them: with or without the host, percent-encoded, abbreviated.

use std::{fmt, str::FromStr};

use docr::{Digest, InvalidInput, RegistryName, RepositoryName, Tag};

use crate::output::WrongInput;

const HOST: &str = "registry.digitalocean.com";
/// Shorter prefixes match too many images.
const SHORTEST_DIGEST: usize = 6;

/// A registry's name, alone or within a reference.
pub(crate) fn registry_name(text: &str) -> Result<RegistryName, String> {
    let text = plain(text);
    let name = match without_host(&text)? {
        (true, rest) => rest.split(['/', ':', '@']).next().unwrap_or_default(),
        (false, rest) => rest,
    };
    checked(name)
}

/// A repository: its name, or a full reference that also names the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepositoryArgument {
    pub(crate) registry: Option<RegistryName>,
    pub(crate) name: RepositoryName,
}

impl FromStr for RepositoryArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = plain(text);
        let (registry, rest) = registry_of(&text)?;
        if let Some((name, _)) = rest.split_once('@').or_else(|| rest.split_once(':')) {
            return Err(format!(
                "this is an image; for its repository, write {name}"
            ));
        }
        let name = checked(rest)?;
        Ok(Self { registry, name })
    }
}

/// An image: its repository and a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageArgument {
    pub(crate) registry: Option<RegistryName>,
    pub(crate) repository: RepositoryName,
    pub(crate) which: Which,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Tag(Tag),
    Digest(Digest),
    /// The first digits of a digest.
    DigestPrefix(String),
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
            Self::DigestPrefix(digits) => write!(f, "sha256:{digits}"),
        }
    }
}

impl FromStr for ImageArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = plain(text);
        let (registry, rest) = registry_of(&text)?;
        let (repository, which) = match rest.split_once('@') {
            // The digest takes precedence over a tag.
            Some((named, digest)) => {
                let name = named.split_once(':').map_or(named, |(name, _)| name);
                (name, digest_of(digest)?)
            }
            None => match rest.split_once(':') {
                Some((name, tag)) => (name, Which::Tag(checked(tag)?)),
                None => {
                    return Err(format!(
                        "this is a repository; add :TAG or @DIGEST, such as {rest}:latest, or list its images with `docr image list \
                         {rest}`"
                    ));
                }
            },
        };
        let repository = checked(repository)?;
        Ok(Self {
            registry,
            repository,
            which,
        })
    }
}

/// A tag in its repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagArgument {
    pub(crate) registry: Option<RegistryName>,
    pub(crate) repository: RepositoryName,
    pub(crate) tag: Tag,
}

impl FromStr for TagArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ImageArgument {
            registry,
            repository,
            which,
        } = text.parse()?;
        match which {
            Which::Tag(tag) => Ok(Self {
                registry,
                repository,
                tag,
            }),
            _ => Err(
                "this is a digest, not a tag; to delete by digest, use `docr image delete`"
                    .to_owned(),
            ),
        }
    }
}

/// The registry that the arguments name, if any.
///
/// # Errors
///
/// If they name different ones.
pub(crate) fn one_registry<'a>(
    all: impl Iterator<Item = Option<&'a RegistryName>>,
) -> Result<Option<RegistryName>, WrongInput> {
    let mut named: Vec<_> = all.flatten().collect();
    named.dedup();
    match named.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).clone())),
        [one, other, ..] => Err(WrongInput(format!(
            "the arguments name several registries, {one} and {other}; use one at a time"
        ))),
    }
}

/// A digest or its first digits, with or without `sha256:`.
fn digest_of(text: &str) -> Result<Which, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_lowercase();
    let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex || digits.len() >= 64 {
        return Ok(Which::Digest(checked(&format!("sha256:{digits}"))?));
    }
    match digits.len() < SHORTEST_DIGEST {
        true => Err(format!(
            "digest {text:?} is too short; give at least {SHORTEST_DIGEST} digits"
        )),
        false => Ok(Which::DigestPrefix(digits)),
    }
}

/// The registry, if the host is given, and the rest.
fn registry_of(text: &str) -> Result<(Option<RegistryName>, &str), String> {
    match without_host(text)? {
        (false, rest) => Ok((None, rest)),
        (true, rest) => match rest.split_once('/') {
            Some((registry, rest)) => Ok((Some(checked(registry)?), rest)),
            None => Err(format!(
                "no repository given; a reference is {HOST}/REGISTRY/REPOSITORY[:TAG]"
            )),
        },
    }
}

/// Whether the host is given, and what follows it.
fn without_host(text: &str) -> Result<(bool, &str), String> {
    let bare = text.split_once("://").map_or(text, |(_, bare)| bare);
    match bare.split_once('/') {
        Some((HOST, rest)) => Ok((true, rest.trim_end_matches('/'))),
        Some((host, _)) if host.contains('.') && host.ends_with(".io") || host.contains(':') => {
            let host = docr::for_terminal(host, 100);
            Err(format!("the host is {host}, not {HOST}"))
        }
        _ if bare == HOST => Err(format!("no registry given; write {HOST}/REGISTRY")),
        _ => Ok((false, bare)),
    }
}

/// Decodes what is percent-encoded in URLs.
fn plain(text: &str) -> String {
    let text = text.trim();
    match text.contains('%') {
        false => text.to_owned(),
        true => [("%2f", "/"), ("%3a", ":"), ("%40", "@")].into_iter().fold(
            text.to_owned(),
            |text, (escaped, plain)| {
                let upper = escaped.to_uppercase();
                text.replace(escaped, plain).replace(&upper, plain)
            },
        ),
    }
}

/// Parses a name; if only its case is wrong, the error suggests the right one.
fn checked<T: FromStr<Err = InvalidInput>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: InvalidInput| {
        let lower = text.to_lowercase();
        match lower != text && lower.parse::<T>().is_ok() {
            true => format!("{error}; did you mean {lower:?}?"),
            false => error.to_string(),
        }
    })
}

/// Names from outside, as a list for a message.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.map(|name| docr::for_terminal(name, 100)).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    #[test]
    fn a_registry_is_given_alone_or_in_a_reference() {
        for text in [
            "acme",
            " acme ",
            "registry.digitalocean.com/acme",
            "https://registry.digitalocean.com/acme/",
            "registry.digitalocean.com/acme/shop/api:v1",
            "registry.digitalocean.com%2Facme%2Fapp%3Av1",
        ] {
            assert_eq!(registry_name(text).unwrap(), "acme", "{text}");
        }
        let wrong = registry_name("Acme").unwrap_err();
        assert!(wrong.ends_with("did you mean \"acme\"?"), "{wrong}");
        for (text, why) in [
            ("", "registry name \"\""),
            ("registry.digitalocean.com", "no registry given"),
            ("ghcr.io/acme", "the host is ghcr.io, not"),
            ("acme/api", "'/' at position 5"),
        ] {
            let wrong = registry_name(text).unwrap_err();
            assert!(wrong.contains(why), "{text}: {wrong}");
        }
    }

    #[test]
    fn an_image_is_parsed_in_every_form() {
        let digest = format!("sha256:{HEX}");
        for (text, registry, repository, which) in [
            ("shop/api:v1", None, "shop/api", "v1"),
            ("shop%2Fapi:v1", None, "shop/api", "v1"),
            (
                "registry.digitalocean.com/acme/shop/api:v1",
                Some("acme"),
                "shop/api",
                "v1",
            ),
            (&format!("api@{digest}"), None, "api", &digest),
            (&format!("api@{HEX}"), None, "api", &digest),
            (
                &format!("api:v1@{}", HEX.to_uppercase()),
                None,
                "api",
                &digest,
            ),
            ("api@2d7116", None, "api", "sha256:2d7116"),
            ("api@sha256:2d711642", None, "api", "sha256:2d711642"),
        ] {
            let image: ImageArgument = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(
                image.registry.as_ref().map(RegistryName::as_str),
                registry,
                "{text}"
            );
            assert_eq!(image.repository, repository, "{text}");
            assert_eq!(image.which.to_string(), which, "{text}");
        }
    }

    #[test]
    fn a_malformed_image_is_refused_with_the_reason() {
        for (text, why) in [
            ("api", "add :TAG or @DIGEST, such as api:latest"),
            ("api:", "tag \"\""),
            ("Shop/api:v1", "did you mean \"shop/api\"?"),
            ("api@2d711", "at least 6 digits"),
            ("api@sha256:xyz", "digest"),
            ("quay.io/acme/api:v1", "the host is quay.io"),
            ("registry.digitalocean.com/acme", "no repository given"),
        ] {
            let wrong = text.parse::<ImageArgument>().unwrap_err();
            assert!(wrong.contains(why), "{text}: {wrong}");
        }
        let wrong = "api@2d711642".parse::<TagArgument>().unwrap_err();
        assert!(wrong.contains("docr image delete"), "{wrong}");
        let wrong = "shop/api:v1".parse::<RepositoryArgument>().unwrap_err();
        assert!(wrong.contains("write shop/api"), "{wrong}");
    }
}
