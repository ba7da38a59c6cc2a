//! What a manifest says of others: its parts, and the image that it refers to.

use std::{collections::BTreeSet, error};

use arcstr::literal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shared_string::SharedString;
use crate::{Digest, RepositoryName, Result};

static INDEXES: [SharedString; 2] = [
    SharedString::literal(literal!("application/vnd.oci.image.index.v1+json")),
    SharedString::literal(literal!(
        "application/vnd.docker.distribution.manifest.list.v2+json"
    )),
];

/// Manifests of one platform, which have no parts.
static IMAGES: [SharedString; 5] = [
    SharedString::literal(literal!("application/vnd.oci.image.manifest.v1+json")),
    SharedString::literal(literal!(
        "application/vnd.docker.distribution.manifest.v2+json"
    )),
    SharedString::literal(literal!(
        "application/vnd.docker.distribution.manifest.v1+json"
    )),
    SharedString::literal(literal!(
        "application/vnd.docker.distribution.manifest.v1+prettyjws"
    )),
    SharedString::literal(literal!("application/vnd.oci.artifact.manifest.v1+json")),
];

/// What a manifest's document says of other manifests. DigitalOcean's API doesn't have it: it is read from the registry
/// itself.
///
/// See the [example](Self::from_bytes).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManifestDocument {
    /// The media type, if one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<SharedString>,
    /// The digests of its parts; all digests in a document that is not understood.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub parts: BTreeSet<SharedString>,
    /// The digest of the image that it refers to, if it is a signature, an attestation or another referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SharedString>,
    /// Whether its media type is known, and so are its parts.
    pub is_understood: bool,
}

impl ManifestDocument {
    /// Reads a document. The media type is that of the response, if it had one.
    ///
    /// Never fails: every digest in a document that is not understood counts as a part.
    ///
    /// ```
    /// let index = br#"{"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}"#;
    /// let document = docr::retention::ManifestDocument::from_bytes(None, index);
    /// assert!(document.is_understood);
    /// ```
    pub fn from_bytes(media_type: Option<&str>, bytes: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let named = document["mediaType"].as_str();
        let media_type =
            named.or(media_type.map(|text| text.split(';').next().unwrap_or(text).trim()));
        let subject = document["subject"]["digest"]
            .as_str()
            .map(SharedString::from);
        let is_one_of = |known: &[SharedString]| {
            media_type.is_some_and(|text| known.iter().any(|it| it == text))
        };
        // OCI's indexes and Docker's oldest ones may name their type in the response only.
        let has_no_type = !is_one_of(&INDEXES) && !is_one_of(&IMAGES) && named.is_none();
        let is_index = is_one_of(&INDEXES) || (has_no_type && document["manifests"].is_array());
        let is_image = is_one_of(&IMAGES) || (has_no_type && document["layers"].is_array());
        let parts = match (is_index, is_image && document.is_object()) {
            (true, _) => parts(&document),
            (false, true) => Some(BTreeSet::new()),
            (false, false) => None,
        };
        Self {
            media_type: media_type.map(shared),
            is_understood: parts.is_some(),
            parts: parts.unwrap_or_else(|| digests(bytes)),
            subject,
        }
    }
}

/// A media type; a well-known one takes no allocation.
fn shared(media_type: &str) -> SharedString {
    let mut known = INDEXES.iter().chain(&IMAGES);
    let known = known.find(|known| *known == media_type);
    known.map_or_else(|| media_type.into(), SharedString::clone)
}

/// The parts of an index, if each has a digest.
fn parts(index: &Value) -> Option<BTreeSet<SharedString>> {
    match &index["manifests"] {
        Value::Null => Some(BTreeSet::new()),
        Value::Array(parts) => {
            let parts = parts.iter();
            parts
                .map(|part| Some(part["digest"].as_str()?.into()))
                .collect()
        }
        _ => None,
    }
}

/// Everything in a text that looks like a digest.
fn digests(bytes: &[u8]) -> BTreeSet<SharedString> {
    let text = String::from_utf8_lossy(bytes);
    let mut all = BTreeSet::new();
    for algorithm in ["sha256:", "sha512:"] {
        for (start, _) in text.match_indices(algorithm) {
            let hex = &text[start + algorithm.len()..];
            let end = hex
                .find(|c: char| !c.is_ascii_hexdigit())
                .unwrap_or(hex.len());
            all.insert(format!("{algorithm}{}", &hex[..end]).into());
        }
    }
    all
}

/// The digest of the image that a tag refers to, by the conventions for signatures (`sha256-<hex>.sig`, `.att`, `.sbom`)
/// and for lists of referrers (`sha256-<hex>`).
pub(super) fn subject_of_tag(tag: &str) -> Option<SharedString> {
    let (name, _) = tag.split_once('.').unwrap_or((tag, ""));
    let (algorithm, hex) = name.split_once('-')?;
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return None,
    };
    let is_hex = hex
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (hex.len() == length && is_hex).then(|| format!("{algorithm}:{hex}").into())
}

/// Reads manifests from the registry itself. [`OciManifests`](super::OciManifests) does, with the feature `oci`; any other
/// client of the registry's protocol can be used, too.
///
/// ```
/// use std::error::Error;
/// use docr::{Digest, RepositoryName, retention::{ManifestDocument, ManifestReader}};
///
/// /// Reads manifests that were saved as files.
/// struct Files;
///
/// impl ManifestReader for Files {
///     async fn read(&self, _: &RepositoryName, digest: &Digest) -> Result<ManifestDocument, Box<dyn Error + Send + Sync>> {
///         let bytes = std::fs::read(format!("manifests/{digest}"))?;
///         Ok(ManifestDocument::from_bytes(None, &bytes))
///     }
/// }
/// ```
pub trait ManifestReader {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being read. Then the manifest and all others of its repository are kept, since each may be part
    /// of it.
    fn read(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> impl Future<Output = Result<ManifestDocument, Box<dyn error::Error + Send + Sync>>> + Send;
}

/// The reader of a [`RetentionExecution`](super::RetentionExecution) without a reader: there are no values of this type.
///
/// ```
/// use docr::retention::{NoReader, RetentionExecution};
///
/// struct Job<'a> {
///     execution: RetentionExecution<'a, NoReader>,
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums, reason = "it has no values")]
pub enum NoReader {}

impl ManifestReader for NoReader {
    async fn read(
        &self,
        _: &RepositoryName,
        _: &Digest,
    ) -> Result<ManifestDocument, Box<dyn error::Error + Send + Sync>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn read(media_type: Option<&str>, text: &str) -> ManifestDocument {
        ManifestDocument::from_bytes(media_type, text.as_bytes())
    }

    #[test]
    fn the_parts_and_the_subject_are_read() {
        let index =
            format!(r#"{{"manifests": [{{"digest": "{A}"}}], "subject": {{"digest": "{A}"}}}}"#);
        for (media_type, text) in [
            (Some(&*INDEXES[0]), index.clone()),
            (
                Some("application/vnd.oci.image.index.v1+json; charset=utf-8"),
                index.clone(),
            ),
            (None, index.clone()),
            (
                Some("application/json"),
                index.replacen('{', &format!(r#"{{"mediaType": "{}", "#, INDEXES[1]), 1),
            ),
        ] {
            let document = read(media_type, &text);
            assert!(document.is_understood, "{document:?}");
            assert_eq!(document.parts, BTreeSet::from([A.into()]));
            assert_eq!(document.subject.as_deref(), Some(A));
        }
        let image = format!(r#"{{"config": {{"digest": "{A}"}}, "layers": []}}"#);
        for media_type in [Some(&*IMAGES[0]), Some(&*IMAGES[1]), None] {
            let document = read(media_type, &image);
            assert!(
                document.is_understood && document.parts.is_empty(),
                "{document:?}"
            );
        }
        // What the response calls an image is one, whatever else it holds.
        assert!(read(Some(&*IMAGES[0]), &index).parts.is_empty());
    }

    #[test]
    fn an_index_whose_list_is_null_has_no_parts() {
        let document = read(Some(&*INDEXES[0]), r#"{"manifests": null}"#);
        assert!(document.is_understood && document.parts.is_empty());
    }

    #[test]
    fn every_digest_in_an_unknown_document_counts() {
        for (media_type, text) in [
            (
                Some("application/vnd.acme.bundle+json"),
                format!(r#"{{"things": ["{A}"]}}"#),
            ),
            (
                Some(&*INDEXES[0]),
                format!(r#"{{"manifests": [{{"digests": "{A}"}}]}}"#),
            ),
            (
                Some(&*INDEXES[0]),
                format!(r#"{{"manifests": {{"a": "{A}"}}}}"#),
            ),
            (Some(&*IMAGES[0]), format!("<html>{A}")),
            (None, format!("{A}, not even JSON")),
        ] {
            let document = read(media_type, &text);
            assert!(!document.is_understood, "{text}");
            assert!(document.parts.contains(A), "{text}");
        }
    }

    #[test]
    fn the_tag_of_a_signature_names_the_image_that_it_is_for() {
        let hex = &A["sha256:".len()..];
        for suffix in ["", ".sig", ".att", ".sbom", ".sig.2"] {
            assert_eq!(
                subject_of_tag(&format!("sha256-{hex}{suffix}")).as_deref(),
                Some(A),
                "{suffix}"
            );
        }
        assert!(subject_of_tag(&format!("sha512-{hex}{hex}.sig")).is_some());
        for tag in [
            "v1",
            "sha256-abc",
            &format!("sha512-{hex}"),
            &format!("md5-{hex}"),
            &format!("sha256-{}", hex.to_uppercase()),
        ] {
            assert_eq!(subject_of_tag(tag), None, "{tag}");
        }
    }
}
