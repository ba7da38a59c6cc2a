//! Images to push, and the OCI documents that they consist of.

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

/// An image, or an index of images for several platforms, for [`Sandbox::push`](crate::Sandbox::push).
///
/// Its configuration and manifest are real OCI documents with true digests: equal images have equal digests, and clients
/// can pull them.
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
    /// The images of an index; `None` for a single image.
    children: Option<Vec<Image>>,
    /// The digest of the image that it refers to.
    subject: Option<String>,
    /// The caller's own manifest, in place of a generated one.
    raw: Option<String>,
}

impl Image {
    /// Creates an image for linux/amd64 without layers and tags.
    ///
    /// ```
    /// let image = docr_sandbox::Image::new("shop/api").tag("v1").layer("files");
    /// ```
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

    /// Creates an index, to which [`child`](Self::child) adds images.
    ///
    /// ```
    /// let image = docr_sandbox::Image::index("shop/api").tag("latest");
    /// ```
    pub fn index(repository: impl Into<String>) -> Self {
        Self {
            children: Some(Vec::new()),
            ..Self::new(repository)
        }
    }

    /// Creates an image with this manifest, byte for byte: for instance one of an unknown media type, or a malformed one.
    /// The blobs and manifests that it refers to count as pushed.
    ///
    /// ```
    /// let image = docr_sandbox::Image::raw("shop/api", r#"{"mediaType":"text/plain"}"#);
    /// ```
    pub fn raw(repository: impl Into<String>, manifest: impl Into<String>) -> Self {
        Self {
            raw: Some(manifest.into()),
            ..Self::new(repository)
        }
    }

    /// Makes it a referrer of the image with this digest: a signature, an attestation or another artifact.
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

    /// Adds a tag. Without one the manifest is untagged.
    ///
    /// ```
    /// let image = docr_sandbox::Image::new("shop/api").tag("v1").tag("latest");
    /// ```
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets the platform, in OCI's terms: `linux`, `arm64`. An index has none of its own.
    ///
    /// ```
    /// let image = docr_sandbox::Image::new("shop/api").platform("linux", "arm64");
    /// ```
    pub fn platform(mut self, os: impl Into<String>, architecture: impl Into<String>) -> Self {
        self.os = os.into();
        self.architecture = architecture.into();
        self
    }

    /// Adds a layer with this content, uncompressed. An index ignores it.
    ///
    /// ```
    /// let image = docr_sandbox::Image::new("shop/api").layer("files");
    /// ```
    pub fn layer(mut self, content: impl AsRef<[u8]>) -> Self {
        self.layers.push(Blob::of(content.as_ref()));
        self
    }

    /// Adds a layer of any size that takes no memory: its bytes are generated when they are read. The same seed and size
    /// make the same layer. An index ignores it.
    ///
    /// It counts as twice as large unpacked. Hashing it takes about a second for each few GiB, once per process.
    ///
    /// ```
    /// let image = docr_sandbox::Image::new("shop/api").sized_layer(1, 30 << 20);
    /// ```
    pub fn sized_layer(mut self, seed: u64, bytes: u64) -> Self {
        let filler = Filler::new(seed, bytes);
        self.layers.push(Blob {
            digest: filler.digest().into(),
            bytes,
            content: Some(Content::Made(filler)),
        });
        self
    }

    /// Adds an image to an index and moves it to the index's repository. The image is untagged unless it has tags of its
    /// own. Anything but an index ignores it.
    ///
    /// ```
    /// use docr_sandbox::Image;
    ///
    /// let arm = Image::new("shop/api").platform("linux", "arm64").layer("files");
    /// let index = Image::index("shop/api").tag("latest").child(arm);
    /// ```
    pub fn child(mut self, image: Image) -> Self {
        if let Some(children) = &mut self.children {
            children.push(image);
        }
        self
    }

    /// The digest of its manifest.
    ///
    /// ```
    /// use docr_sandbox::Image;
    ///
    /// let image = || Image::new("shop/api").layer("files");
    /// assert_eq!(image().digest(), image().tag("v1").digest());
    /// ```
    pub fn digest(&self) -> String {
        self.build(&mut Vec::new()).digest.to_string()
    }

    /// All its manifests, children before their index.
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

    /// A document, with its subject if it has one.
    fn about(&self, mut document: Value) -> Value {
        if let Some(digest) = &self.subject {
            document["subject"] = json!({ "mediaType": MANIFEST, "digest": digest, "size": 0 });
        }
        document
    }

    /// The caller's own manifest, with the blobs and children that it refers to.
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

/// The parts of a manifest.
struct Parts {
    media_type: String,
    text: String,
    blobs: Vec<Blob>,
    size: Size,
    children: Vec<Arc<str>>,
    subject: Option<Arc<str>>,
}

/// A manifest that can be stored.
pub(crate) struct Built {
    pub(crate) digest: Arc<str>,
    pub(crate) media_type: Arc<str>,
    /// The document itself, byte for byte.
    pub(crate) text: Bytes,
    pub(crate) blobs: Arc<[Blob]>,
    /// The size of its blobs, or of its children's.
    pub(crate) size: Size,
    pub(crate) children: Vec<Arc<str>>,
    /// The digest of the manifest that it refers to.
    pub(crate) subject: Option<Arc<str>>,
    pub(crate) tags: Vec<String>,
}

/// A layer or a configuration.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Blob {
    pub(crate) digest: Arc<str>,
    pub(crate) bytes: u64,
    /// `None` for a blob of which only the size is known.
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
///
/// ```
/// use docr_sandbox::Image;
///
/// # fn example(sandbox: &docr_sandbox::Sandbox) -> Result<(), docr_sandbox::PushError> {
/// let image = Image::new("shop/api").tag("v1").layer("files");
/// assert_eq!(sandbox.push("acme", image.clone())?.digest, image.digest());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The digest of the manifest, or of the index.
    pub digest: String,
    /// The manifest or the index, as JSON.
    pub manifest: String,
    /// The digests of the children of an index, in order.
    pub children: Vec<String>,
}

/// Why a push was refused. Nothing was stored.
///
/// ```
/// use docr_sandbox::{Image, PushError};
///
/// # fn example(sandbox: &docr_sandbox::Sandbox) {
/// let refused = sandbox.push("missing", Image::new("shop/api")).unwrap_err();
/// assert_eq!(refused, PushError::UnknownRegistry("missing".to_owned()));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// No account has a registry with this name.
    UnknownRegistry(String),
    /// This repository name or tag violates OCI's rules.
    InvalidName(String),
    /// A garbage collection is active in the registry.
    ReadOnly,
    /// The tier includes no more repositories.
    OverRepositoryLimit,
    /// The tier includes no more storage and allows no overage.
    OverStorageLimit,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRegistry(name) => write!(f, "registry {name:?} not found"),
            Self::InvalidName(name) => write!(f, "{name:?} is not a valid repository or tag"),
            Self::ReadOnly => {
                f.write_str("the registry is read-only while a garbage collection is active")
            }
            Self::OverRepositoryLimit => f.write_str("the tier includes no more repositories"),
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
                // Separators are `.`, `_`, `__` or any number of `-`.
                && part.split(word).all(|between| {
                    matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_oci() {
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

    #[test]
    fn a_refused_push_states_the_reason() {
        for (error, part) in [
            (
                PushError::UnknownRegistry("acme".to_owned()),
                "\"acme\" not found",
            ),
            (
                PushError::InvalidName("A".to_owned()),
                "\"A\" is not a valid",
            ),
            (PushError::ReadOnly, "garbage collection is active"),
            (PushError::OverRepositoryLimit, "no more repositories"),
            (PushError::OverStorageLimit, "no more storage"),
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
