//! Reads manifests: the blobs and manifests that they need, and their subjects.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::storage::Algorithm;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest as far as a registry understands it. In an unknown media type, whatever looks like a descriptor counts as
/// one.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) media_type: Option<String>,
    pub(crate) blobs: Vec<Descriptor>,
    pub(crate) children: Vec<Arc<str>>,
    /// The digest of the manifest that it refers to.
    pub(crate) subject: Option<Arc<str>>,
}

/// A blob that a manifest names.
#[derive(Debug)]
pub(crate) struct Descriptor {
    pub(crate) digest: Arc<str>,
    pub(crate) bytes: u64,
    /// Whether it may be stored elsewhere, and is not pushed.
    pub(crate) is_foreign: bool,
}

impl Document {
    /// Reads a manifest that is pushed with a content type, or reports what is wrong with it.
    pub(crate) fn read(text: &[u8], content_type: Option<&str>) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(text).map_err(|error| format!("it is not JSON: {error}"))?;
        if !value.is_object() {
            return Err("it is not a JSON object".to_owned());
        }
        let own = value["mediaType"].as_str();
        if let (Some(own), Some(given)) = (own, content_type)
            && own != given
        {
            return Err(format!(
                "its mediaType is {own:?}, but the content type is {given:?}"
            ));
        }
        let kind = content_type.or(own);
        let is_image = matches!(kind, Some(OCI_MANIFEST | DOCKER_MANIFEST));
        let is_index = matches!(kind, Some(OCI_INDEX | DOCKER_LIST));
        if (is_image || is_index) && value["schemaVersion"] != 2 {
            return Err("its schemaVersion is not 2".to_owned());
        }
        if is_image && !(value["config"].is_object() && value["layers"].is_array()) {
            return Err("an image needs a config and a list of layers".to_owned());
        }
        if is_index && !value["manifests"].is_array() {
            return Err("an index needs a list of manifests".to_owned());
        }
        for (place, descriptor) in descriptors(&value, &["config", "layers", "blobs", "manifests"])
        {
            check(descriptor).map_err(|wrong| format!("{place}: {wrong}"))?;
        }
        if !value["subject"].is_null() {
            check(&value["subject"]).map_err(|wrong| format!("subject: {wrong}"))?;
        }
        Ok(Self::of(&value))
    }

    /// Reads a manifest as far as it can be read.
    pub(crate) fn lenient(text: &str) -> Self {
        Self::of(&serde_json::from_str(text).unwrap_or_default())
    }

    fn of(value: &Value) -> Self {
        let blobs = descriptors(value, &["config", "layers", "blobs"]).filter_map(|(_, blob)| {
            Some(Descriptor {
                digest: blob["digest"].as_str()?.into(),
                bytes: blob["size"].as_u64()?,
                is_foreign: is_foreign(blob),
            })
        });
        let children = descriptors(value, &["manifests"]);
        let children = children.filter_map(|(_, child)| Some(child["digest"].as_str()?.into()));
        Self {
            media_type: value["mediaType"].as_str().map(str::to_owned),
            blobs: blobs.collect(),
            children: children.collect(),
            subject: value["subject"]["digest"].as_str().map(Into::into),
        }
    }
}

/// The descriptors in some fields, each of which holds one or a list.
fn descriptors<'a>(
    value: &'a Value,
    fields: &'static [&'static str],
) -> impl Iterator<Item = (&'static str, &'a Value)> {
    fields.iter().flat_map(|field| {
        let held = &value[*field];
        let list = held.as_array().map_or(&[][..], Vec::as_slice);
        let one = held.is_object().then_some(held);
        one.into_iter()
            .chain(list)
            .map(|descriptor| (*field, descriptor))
    })
}

fn check(descriptor: &Value) -> Result<(), &'static str> {
    let digest = descriptor["digest"].as_str();
    if digest.and_then(Algorithm::of).is_none() {
        return Err("a descriptor needs a digest, sha256 or sha512");
    }
    if descriptor["size"].as_u64().is_none() {
        return Err("a descriptor needs a size");
    }
    Ok(())
}

/// Whether a layer must not be distributed, or is stored elsewhere.
fn is_foreign(descriptor: &Value) -> bool {
    let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
    let has_urls = descriptor["urls"]
        .as_array()
        .is_some_and(|urls| !urls.is_empty());
    has_urls || media_type.contains(".nondistributable.") || media_type.contains(".rootfs.foreign.")
}

/// The media type of a manifest that doesn't state it.
pub(crate) fn guessed_media_type(document: &Document) -> &'static str {
    if !document.children.is_empty() {
        OCI_INDEX
    } else if !document.blobs.is_empty() {
        OCI_MANIFEST
    } else {
        "application/json"
    }
}

/// The descriptor of a manifest in a list of referrers, and its artifact type.
pub(crate) fn referrer(digest: &str, media_type: &str, text: &[u8]) -> (Value, Option<String>) {
    let value: Value = serde_json::from_slice(text).unwrap_or_default();
    let given = value["artifactType"]
        .as_str()
        .filter(|kind| !kind.is_empty());
    let kind = given.or(value["config"]["mediaType"].as_str());
    let mut json = json!({ "mediaType": media_type, "digest": digest, "size": text.len() });
    if let Some(kind) = kind {
        json["artifactType"] = kind.into();
    }
    if value["annotations"].is_object() {
        json["annotations"] = value["annotations"].clone();
    }
    (json, kind.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(content: &str) -> String {
        Algorithm::Sha256.digest(content.as_bytes())
    }

    #[test]
    fn the_content_of_a_manifest_is_found_in_any_of_its_lists() {
        let text = json!({
            "schemaVersion": 2,
            "config": { "digest": digest("c"), "size": 1 },
            "layers": [
                { "digest": digest("l"), "size": 2 },
                { "digest": digest("f"), "size": 3, "urls": ["https://example.com"] },
            ],
            "subject": { "digest": digest("s"), "size": 4 },
        });
        let read = Document::read(text.to_string().as_bytes(), Some(OCI_MANIFEST)).unwrap();
        let bytes: Vec<_> = read.blobs.iter().map(|blob| blob.bytes).collect();
        assert_eq!(bytes, [1, 2, 3]);
        assert!(read.blobs[2].is_foreign && !read.blobs[1].is_foreign);
        assert_eq!(read.subject.as_deref(), Some(digest("s").as_str()));
    }

    #[test]
    fn a_manifest_that_breaks_a_rule_is_refused_with_the_reason() {
        let read = |text: Value, kind| Document::read(text.to_string().as_bytes(), Some(kind));
        for (text, kind, reason) in [
            (json!([]), "text/plain", "object"),
            (json!({}), OCI_MANIFEST, "schemaVersion"),
            (json!({ "schemaVersion": 2 }), OCI_MANIFEST, "config"),
            (
                json!({ "schemaVersion": 2, "config": {} }),
                OCI_MANIFEST,
                "layers",
            ),
            (json!({ "schemaVersion": 2 }), DOCKER_LIST, "manifests"),
            (json!({ "mediaType": OCI_INDEX }), OCI_MANIFEST, "mediaType"),
            (json!({ "blobs": [{ "size": 1 }] }), "x/y", "digest"),
            (
                json!({ "config": { "digest": digest("c") } }),
                "x/y",
                "size",
            ),
            (json!({ "subject": {} }), "x/y", "subject"),
        ] {
            let wrong = read(text, kind).unwrap_err();
            assert!(wrong.contains(reason), "{wrong}");
        }
        assert!(Document::read(b"{", None).unwrap_err().contains("JSON"));
        assert!(read(json!({}), "application/vnd.example+json").is_ok());
    }

    #[test]
    fn a_manifest_without_a_media_type_is_recognized_by_its_fields() {
        let guessed = |text: Value| guessed_media_type(&Document::lenient(&text.to_string()));
        let descriptor = json!({ "digest": digest("c"), "size": 1 });
        assert_eq!(guessed(json!({ "manifests": [descriptor] })), OCI_INDEX);
        assert_eq!(guessed(json!({ "layers": [descriptor] })), OCI_MANIFEST);
        assert_eq!(guessed(json!({})), "application/json");
    }

    #[test]
    fn a_referrer_has_the_type_of_its_artifact_or_of_its_configuration() {
        let kind = |text: Value| referrer("d", "m", text.to_string().as_bytes()).1;
        assert_eq!(
            kind(json!({ "artifactType": "a", "config": { "mediaType": "c" } })).as_deref(),
            Some("a")
        );
        assert_eq!(
            kind(json!({ "artifactType": "", "config": { "mediaType": "c" } })).as_deref(),
            Some("c")
        );
        assert_eq!(kind(json!({ "manifests": [] })), None);
    }
}
