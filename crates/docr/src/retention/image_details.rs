//! What an image consists of, read from the registry itself.

use std::error;

use futures_util::StreamExt as _;
use oci_client::{Reference, manifest::OciDescriptor};
use serde::Serialize;
use serde_json::Value;

use super::oci_manifests::OciManifests;
use crate::{Digest, RepositoryName};

/// The most bytes read of a configuration, which has a few KiB.
const MOST_OF_CONFIGURATION: usize = 4 << 20;

/// What an image consists of, and its referrers. Created by [`OciManifests::image`].
///
/// See the [example](OciManifests::image).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImageDetails {
    /// The media type of its manifest, if one is named.
    pub media_type: Option<String>,
    /// Its platforms: several of an index, one of an image.
    pub platforms: Vec<ImagePlatform>,
    /// Its layers, the base first; none of an index, whose images have them.
    pub layers: Vec<ImageLayer>,
    /// Its signatures, attestations and other referrers; `None` if the registry doesn't list them.
    pub referrers: Option<Vec<ImageReferrer>>,
}

/// A platform of an image. See the [example](OciManifests::image).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImagePlatform {
    /// Operating system, architecture and variant: `linux/arm64/v8`.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: String,
}

/// A layer of an image. See the [example](OciManifests::image).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImageLayer {
    /// Its digest.
    pub digest: String,
    /// Its bytes as stored, compressed.
    pub size_bytes: Option<u64>,
    /// Its media type.
    pub media_type: Option<String>,
}

/// A signature, an attestation or another referrer of an image. See the [example](OciManifests::image).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImageReferrer {
    /// What it is, such as `application/vnd.dev.cosign.artifact.sig.v1+json`.
    pub artifact_type: Option<String>,
    /// The digest of its manifest.
    pub digest: String,
}

impl OciManifests {
    /// Reads what an image consists of: its manifest, its configuration, which names the platform, and its referrers.
    ///
    /// # Errors
    ///
    /// If its manifest can't be read.
    ///
    /// ```no_run
    /// # async fn example(reader: docr::retention::OciManifests, digest: docr::Digest) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// let image = reader.image(&"shop/api".parse()?, &digest).await?;
    /// for platform in &image.platforms {
    ///     println!("{}: {}", platform.platform, platform.digest);
    /// }
    /// let bytes: u64 = image.layers.iter().filter_map(|layer| layer.size_bytes).sum();
    /// let referrers = image.referrers.unwrap_or_default();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn image(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ImageDetails, Box<dyn error::Error + Send + Sync>> {
        let manifest = self.bytes(repository, digest).await?;
        let manifest: Value = serde_json::from_slice(&manifest)?;
        let image = self.reference(repository, digest);
        let mut platforms = platforms(&manifest);
        if platforms.is_empty()
            && let Some(platform) = self.platform(&image, &manifest["config"]).await
        {
            let digest = digest.to_string();
            platforms.push(ImagePlatform { platform, digest });
        }
        Ok(ImageDetails {
            media_type: text(&manifest["mediaType"]),
            platforms,
            layers: layers(&manifest),
            referrers: self.referrers(&image).await,
        })
    }

    /// The platform by the configuration of an image, if it has one that can be read.
    async fn platform(&self, image: &Reference, descriptor: &Value) -> Option<String> {
        let descriptor: OciDescriptor = serde_json::from_value(descriptor.clone()).ok()?;
        let blob = self.client().pull_blob_stream(image, &descriptor);
        let mut stream = blob.await.ok()?;
        let mut bytes = Vec::new();
        while let Some(part) = stream.next().await {
            bytes.extend_from_slice(&part.ok()?);
            if bytes.len() > MOST_OF_CONFIGURATION {
                return None;
            }
        }
        platform_of(&serde_json::from_slice(&bytes).ok()?)
    }

    async fn referrers(&self, image: &Reference) -> Option<Vec<ImageReferrer>> {
        let index = self.client().pull_referrers(image, None).await.ok()?;
        let referrers = index.manifests.into_iter().map(|entry| ImageReferrer {
            artifact_type: entry.artifact_type,
            digest: entry.digest,
        });
        Some(referrers.collect())
    }
}

/// The platforms that an index names, without parts that have no platform, such as attestations.
fn platforms(manifest: &Value) -> Vec<ImagePlatform> {
    let parts = manifest["manifests"].as_array().into_iter().flatten();
    parts
        .filter_map(|part| {
            let platform = platform_of(&part["platform"]).filter(|it| it != "unknown/unknown")?;
            let digest = text(&part["digest"])?;
            Some(ImagePlatform { platform, digest })
        })
        .collect()
}

/// Operating system, architecture and variant, as Docker writes them.
fn platform_of(document: &Value) -> Option<String> {
    let parts = ["os", "architecture", "variant"].map(|key| document[key].as_str());
    let [Some(os), Some(architecture), variant] = parts else {
        return None;
    };
    let variant = variant.filter(|variant| !variant.is_empty());
    Some(match variant {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    })
}

fn layers(manifest: &Value) -> Vec<ImageLayer> {
    let layers = manifest["layers"].as_array().into_iter().flatten();
    layers
        .filter_map(|layer| {
            Some(ImageLayer {
                digest: text(&layer["digest"])?,
                size_bytes: layer["size"].as_u64(),
                media_type: text(&layer["mediaType"]),
            })
        })
        .collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn platforms_and_layers_are_read_and_other_entries_are_ignored() {
        let index = json!({ "manifests": [
            { "digest": "a", "platform": { "os": "linux", "architecture": "arm64", "variant": "v8" } },
            { "digest": "b", "platform": { "os": "linux", "architecture": "amd64", "variant": "" } },
            { "digest": "c", "platform": { "os": "unknown", "architecture": "unknown" } },
            { "digest": "d" },
            { "platform": { "os": "linux", "architecture": "amd64" } },
        ] });
        let found = platforms(&index);
        let found: Vec<_> = found
            .iter()
            .map(|one| (&*one.platform, &*one.digest))
            .collect();
        assert_eq!(found, [("linux/arm64/v8", "a"), ("linux/amd64", "b")]);
        assert_eq!(layers(&index), []);

        let image = json!({ "layers": [{ "digest": "a", "size": 5 }, { "size": 6 }, "odd"] });
        let found = layers(&image);
        assert_eq!((found.len(), found[0].size_bytes), (1, Some(5)));
        assert_eq!(platforms(&image), []);
        assert_eq!(platforms(&json!("odd")), []);
    }
}
