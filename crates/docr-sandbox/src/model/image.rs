//! Images to push, and the OCI documents they are made of.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::document::{Document, OCI_INDEX as INDEX, OCI_MANIFEST as MANIFEST, guessed_media_type};
use super::size::Size;
use crate::storage::{Algorithm, Content, Filler};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image, or an index of images for several platforms, to put into a registry with
/// [`Sandbox::push`](crate::Sandbox::push).
///
/// Its configuration and manifest are real OCI documents, and every digest is the SHA-256 of what it names, so that
/// equal images have equal digests, and clients can pull them.
///
/// ```
/// use docr_sandbox::Image;
///
/// let plain = Image::new("shop/api").tag("v1").layer("files").sized_layer(1, 30 << 20);
/// let arm = Image::new("shop/api").platform("linux", "arm64").layer("other files");
/// let both = Image::index("shop/api").tag("latest").child(plain.clone()).child(arm);
/// assert_ne!(plain.digest(), both.digest());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Image {
    pub(crate) repository: String,
    tags: Vec<String>,
    os: String,
    architecture: String,
    layers: Vec<Blob>,
    /// `None` for an image that is not an index.
    children: Option<Vec<Image>>,
    /// The digest of the image that it is about.
    subject: Option<String>,
    /// A document of the caller's own, in place of the one made of all this.
    raw: Option<String>,
}

impl Image {
    /// Begins an image without layers and tags, for linux/amd64.
    pub fn new(repository: impl Into<String>) -> Self {
        Self {
            repository: repository.into(),
            tags: Vec::new(),
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            layers: Vec::new(),
            children: None,
            subject: None,
            raw: None,
        }
    }

    /// Begins an index, to which [`child`](Self::child) adds images.
    pub fn index(repository: impl Into<String>) -> Self {
        Self {
            children: Some(Vec::new()),
            ..Self::new(repository)
        }
    }

    /// Begins with a manifest of any kind, byte for byte: one of an unknown media type, say, or a broken one. The blobs
    /// and the children that it names are taken for pushed.
    pub fn raw(repository: impl Into<String>, manifest: impl Into<String>) -> Self {
        Self {
            raw: Some(manifest.into()),
            ..Self::new(repository)
        }
    }

    /// Makes it a referrer: a signature, an attestation or another artifact that is about the image of this digest.
    ///
    /// ```
    /// use docr_sandbox::Image;
    ///
    /// let image = Image::new("shop/api").tag("v1").layer("files");
    /// let signature = Image::new("shop/api").layer("signature").subject(image.digest());
    /// ```
    pub fn subject(mut self, digest: impl Into<String>) -> Self {
        self.subject = Some(digest.into());
        self
    }

    /// Adds a tag. Without any the manifest is untagged.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Says what it runs on, in OCI's words: `linux`, `arm64`. An index has no platform of its own.
    pub fn platform(mut self, os: impl Into<String>, architecture: impl Into<String>) -> Self {
        self.os = os.into();
        self.architecture = architecture.into();
        self
    }

    /// Adds a layer with this content, which is taken as it is: not compressed. An index ignores it.
    pub fn layer(mut self, content: impl AsRef<[u8]>) -> Self {
        self.layers.push(Blob::of(content.as_ref()));
        self
    }

    /// Adds a layer of so many bytes that takes no memory: its bytes are made when they are read. The same seed and
    /// size make the same layer. An index ignores it.
    ///
    /// Unpacked it counts as twice as large.
    /// Its digest is that of its bytes, which takes a second for some GiB; what was hashed for one layer need not be
    /// hashed again for a longer one.
    pub fn sized_layer(mut self, seed: u64, bytes: u64) -> Self {
        let filler = Filler::new(seed, bytes);
        self.layers.push(Blob {
            digest: filler.digest().into(),
            bytes,
            content: Some(Content::Made(filler)),
        });
        self
    }

    /// Adds an image to an index; its repository becomes that of the index. Its manifest is untagged unless it has
    /// tags of its own. What is no index ignores it.
    pub fn child(mut self, image: Image) -> Self {
        if let Some(children) = &mut self.children {
            children.push(image);
        }
        self
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> String {
        self.build(&mut Vec::new()).digest.to_string()
    }

    /// All its manifests, those of children before the one that names them.
    pub(crate) fn manifests(&self) -> (Vec<Built>, Built) {
        let mut children = Vec::new();
        let root = self.build(&mut children);
        (children, root)
    }

    fn build(&self, before: &mut Vec<Built>) -> Built {
        let parts = match &self.children {
            _ if self.raw.is_some() => self.as_it_is(),
            None => self.document(),
            Some(images) => self.index_of(images, before),
        };
        Built {
            digest: Algorithm::Sha256.digest(parts.text.as_bytes()).into(),
            media_type: parts.media_type.into(),
            text: parts.text.into(),
            blobs: parts.blobs.into(),
            size: parts.size,
            children: parts.children,
            subject: parts.subject,
            tags: self.tags.clone(),
        }
    }

    fn index_of(&self, images: &[Image], before: &mut Vec<Built>) -> Parts {
        let (mut named, mut children, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for image in images {
            let child = image.build(before);
            named.push(json!({
                "mediaType": if image.children.is_some() { INDEX } else { MANIFEST },
                "digest": &*child.digest,
                "size": child.text.len(),
                "platform": { "os": image.os, "architecture": image.architecture },
            }));
            children.push(Arc::clone(&child.digest));
            sizes.push(child.size);
            before.push(child);
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": named });
        Parts {
            media_type: INDEX.to_owned(),
            text: self.about(index).to_string(),
            blobs: Vec::new(),
            size: sizes.into_iter().sum(),
            children,
            subject: self.subject.as_deref().map(Into::into),
        }
    }

    /// A document that says what it is about.
    fn about(&self, mut document: Value) -> Value {
        if let Some(digest) = &self.subject {
            document["subject"] = json!({ "mediaType": MANIFEST, "digest": digest, "size": 0 });
        }
        document
    }

    /// The caller's own document, with the blobs and children that it names.
    fn as_it_is(&self) -> Parts {
        let text = self.raw.clone().unwrap_or_default();
        let document = Document::lenient(&text);
        let guessed = guessed_media_type(&document);
        let blobs = document.blobs.iter().map(|blob| Blob {
            digest: Arc::clone(&blob.digest),
            bytes: blob.bytes,
            content: None,
        });
        let blobs: Vec<_> = blobs.collect();
        Parts {
            media_type: document.media_type.unwrap_or_else(|| guessed.to_owned()),
            size: blobs.iter().map(Blob::size).sum(),
            text,
            blobs,
            children: document.children,
            subject: document.subject,
        }
    }

    fn document(&self) -> Parts {
        let digests: Vec<&str> = self.layers.iter().map(|layer| &*layer.digest).collect();
        let config = json!({
            "os": self.os,
            "architecture": self.architecture,
            "rootfs": { "type": "layers", "diff_ids": digests },
        });
        let config = Blob::of(config.to_string().as_bytes());
        let descriptor = |kind: &str, blob: &Blob| json!({ "mediaType": kind, "digest": &*blob.digest, "size": blob.bytes });
        let layers: Vec<_> = self
            .layers
            .iter()
            .map(|layer| descriptor(LAYER, layer))
            .collect();
        let text = self.about(json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config),
            "layers": layers,
        }));
        let blobs: Vec<_> = [config]
            .into_iter()
            .chain(self.layers.iter().cloned())
            .collect();
        Parts {
            media_type: MANIFEST.to_owned(),
            text: text.to_string(),
            size: blobs.iter().map(Blob::size).sum(),
            blobs,
            children: Vec::new(),
            subject: self.subject.as_deref().map(Into::into),
        }
    }
}

/// What a manifest is built of.
struct Parts {
    media_type: String,
    text: String,
    blobs: Vec<Blob>,
    size: Size,
    children: Vec<Arc<str>>,
    subject: Option<Arc<str>>,
}

/// A manifest ready to be stored.
pub(crate) struct Built {
    pub(crate) digest: Arc<str>,
    pub(crate) media_type: Arc<str>,
    /// The document itself, byte for byte.
    pub(crate) text: Bytes,
    pub(crate) blobs: Arc<[Blob]>,
    /// The size of the blobs, or of the children's.
    pub(crate) size: Size,
    pub(crate) children: Vec<Arc<str>>,
    /// The digest of the manifest that it is about.
    pub(crate) subject: Option<Arc<str>>,
    pub(crate) tags: Vec<String>,
}

/// A layer or a configuration.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Blob {
    pub(crate) digest: Arc<str>,
    pub(crate) bytes: u64,
    /// `None` for one that was only said to be so large.
    #[serde(skip)]
    pub(crate) content: Option<Content>,
}

impl Blob {
    fn of(content: &[u8]) -> Self {
        Self {
            digest: Algorithm::Sha256.digest(content).into(),
            bytes: content.len() as u64,
            content: Some(Content::Memory(Bytes::copy_from_slice(content))),
        }
    }

    fn size(&self) -> Size {
        Size::of(self.bytes, self.content.as_ref())
    }
}

/// What a push stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The digest of the manifest, or of the index.
    pub digest: String,
    /// The manifest or the index: JSON, of which `digest` is the SHA-256.
    pub manifest: String,
    /// The digests of the children of an index, in order.
    pub children: Vec<String>,
}

/// Why a push was refused. Nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// No account has a registry by this name.
    UnknownRegistry(String),
    /// The repository's name or this tag breaks the rules of OCI.
    InvalidName(String),
    /// A garbage collection is active in the registry.
    ReadOnly,
    /// The tier includes no further repository.
    OverRepositoryLimit,
    /// The tier includes no more storage and sells none on top.
    OverStorageLimit,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRegistry(name) => write!(f, "there is no registry {name:?}"),
            Self::InvalidName(name) => write!(f, "{name:?} is no valid repository or tag"),
            Self::ReadOnly => f.write_str("a garbage collection keeps the registry read-only"),
            Self::OverRepositoryLimit => f.write_str("the tier includes no further repository"),
            Self::OverStorageLimit => f.write_str("the tier includes no more storage"),
        }
    }
}

impl Error for PushError {}

pub(crate) fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

pub(crate) fn is_repository(text: &str) -> bool {
    let word = |byte: char| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 227
        && text.split('/').all(|part| {
            part.starts_with(word)
                && part.ends_with(word)
                // Between words stand `.`, `_`, `__` or any number of `-`.
                && part.split(word).all(|between| {
                    matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_rules_of_oci() {
        for good in ["a", "shop/api", "a.b_c__d--e/f0"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "/", "a/", "A", "a..b", "a___b", "a._b", "-a", "a-", "é"] {
            assert!(!is_repository(bad), "{bad}");
        }
        assert!(is_tag("_v1.2-RC"));
        for bad in ["", ".a", "-a", "a/b", "é", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }
}
