//! References to images.

use std::{fmt, str::FromStr};

use super::{
    HOST, MAX_NAME, digest::Digest, registry::RegistryName, repository::RepositoryName, tag::Tag,
};
use crate::error::InvalidInput;

/// A reference to an image: `registry.digitalocean.com/acme-images/shop/api:v1@sha256:...`. Host, tag and digest are
/// optional.
///
/// ```
/// let image: docr::ImageRef = "registry.digitalocean.com/acme-images/shop/api:v1.4.2".parse()?;
/// assert_eq!(image.registry, "acme-images");
/// assert_eq!(image.repository, "shop/api");
/// assert_eq!(image.tag.unwrap(), "v1.4.2");
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(
    clippy::exhaustive_structs,
    reason = "a reference has these four parts"
)]
pub struct ImageRef {
    /// The registry.
    pub registry: RegistryName,
    /// The repository within it.
    pub repository: RepositoryName,
    /// The tag, if one is named.
    pub tag: Option<Tag>,
    /// The digest, if one is named. With both, the digest decides which manifest is meant.
    pub digest: Option<Digest>,
}

impl FromStr for ImageRef {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let invalid = |rule: &str| Err(InvalidInput::new("image reference", text, rule));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let rest = match rest.split_once('/') {
            Some((HOST, rest)) => rest,
            // As for Docker, a first component with a dot or port is a host.
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => {
                return invalid("names a host other than registry.digitalocean.com");
            }
            _ => rest,
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (rest, None),
        };
        let Some((registry, repository)) = path.split_once('/') else {
            return invalid("has no slash; a reference is REGISTRY/REPOSITORY[:TAG][@DIGEST]");
        };
        if HOST.len() + "/".len() + path.len() > MAX_NAME {
            return invalid(
                "is too long: host, registry and repository together may have 255 characters",
            );
        }
        Ok(Self {
            registry: registry.parse()?,
            repository: repository.parse()?,
            tag,
            digest,
        })
    }
}

/// With the host, as Docker needs it.
impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", HOST, self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<&str> for ImageRef {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    #[test]
    fn a_reference_is_parsed_with_and_without_optional_parts_and_displayed_in_full() {
        let digest = format!("sha256:{HEX}");
        for (text, written) in [
            ("acme/api".to_owned(), "acme/api".to_owned()),
            ("acme/shop/api:v1".into(), "acme/shop/api:v1".into()),
            (
                format!("registry.digitalocean.com/acme/api@{digest}"),
                format!("acme/api@{digest}"),
            ),
            (
                format!("acme/api:v1@{digest}"),
                format!("acme/api:v1@{digest}"),
            ),
        ] {
            let image: ImageRef = text.parse().unwrap();
            let full = format!("registry.digitalocean.com/{written}");
            assert_eq!(image.to_string(), full);
            assert_eq!(full.parse::<ImageRef>().unwrap(), image);
        }
    }

    #[test]
    fn an_error_about_a_reference_names_the_invalid_part() {
        for (text, part) in [
            ("", "no slash"),
            ("acme", "no slash"),
            ("ghcr.io/acme/api", "a host other"),
            ("localhost:5000/acme/api", "a host other"),
            ("acme/api:", "tag \"\""),
            ("acme/api@sha256:1", "digest"),
            ("Acme/api", "registry name"),
            ("acme/Api", "repository name"),
            ("acme/", "repository name \"\""),
            (&format!("acme/{}", "a".repeat(225)), "too long"),
        ] {
            let error = text.parse::<ImageRef>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn host_registry_and_repository_have_255_characters_at_the_most() {
        let room = MAX_NAME - HOST.len() - "/acme/".len();
        let reference = |length| format!("acme/{}:v1", "a".repeat(length)).parse::<ImageRef>();
        assert!(reference(room).is_ok());
        let error = reference(room + 1).unwrap_err().to_string();
        assert!(error.contains("is too long"), "{error}");
    }
}
