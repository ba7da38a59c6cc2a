//! One repository: its tags, and its manifests as trees.

use std::collections::HashMap;
use std::sync::Arc;

use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Live, View};
use super::parts::{Pages, Tone, badge, bytes, command, count, digest, share, table, time};
use super::registry::{crumbs, how_to_push};
use super::visit::Visit;
use crate::model::account::World;
use crate::model::document::referrer;
use crate::model::repository::Tagged;
use crate::model::tree::{Node, Place, Shown};

/// How many tags a page shows.
const TAGS: usize = 200;
/// How many trees of manifests a page shows.
const TREES: usize = 50;
/// How many layers of a manifest are shown.
const LAYERS: usize = 200;

struct RepositorySeen {
    tags: Vec<(Arc<str>, Tagged)>,
    tag_count: usize,
    trees: Vec<Node>,
    tree_count: usize,
    manifest_count: usize,
}

pub(super) fn view(visit: &Visit<'_>, registry: &str, name: &str) -> Option<View> {
    let tags = Pages::asked(visit, "tags", TAGS);
    let trees = Pages::asked(visit, "manifests", TREES);
    let seen = visit.look(|world| RepositorySeen::find(world, registry, name, tags, trees))?;
    let largest = seen
        .tags
        .iter()
        .map(|(_, tag)| tag.size.bytes)
        .max()
        .unwrap_or(0);
    Some(View {
        title: format!("Repository {registry}/{name}"),
        live: Live::WORLD,
        form: None,
        content: html! {
            (crumbs(Some(registry)))
            @if seen.manifest_count == 0 { (how_to_push(visit, registry, name)) }
            section {
                h2 { (count(seen.tag_count, "tag")) }
                @if !seen.tags.is_empty() {
                    (table(
                        "The newest first",
                        ["Tag", "Points to", "Size", "Relative size", "Pushed"],
                        seen.tags.iter().map(|(tag, to)| [
                            html! { (tag) },
                            digest(&to.digest),
                            bytes(to.size.bytes),
                            share(to.size.bytes, largest),
                            time(to.pushed_at),
                        ]),
                    ))
                }
                (tags.links(visit, seen.tag_count))
            }
            section {
                h2 { (count(seen.manifest_count, "manifest")) }
                p { "The newest first. Below an index are its images, below an image its referrers." }
                ul.tree { @for tree in &seen.trees { (node(tree, &tree.digest, "")) } }
                (trees.links(visit, seen.tree_count))
            }
        },
    })
}

impl RepositorySeen {
    fn find(world: &World, registry: &str, name: &str, tags: Pages, trees: Pages) -> Option<Self> {
        let accounts = world.accounts().iter();
        let mut registries = accounts.flat_map(|account| &account.registries);
        let registry = registries.find(|one| one.name == registry)?;
        let repository = registry.store.repository(name)?;
        let shown = repository.tags(tags.offset, tags.size);
        let shown = shown.map(|(name, tag)| (Arc::clone(name), tag));
        let (trees, tree_count) = repository.trees(trees.offset, trees.size);
        Some(Self {
            tags: shown.collect(),
            tag_count: repository.tag_count(),
            trees,
            tree_count,
            manifest_count: repository.manifest_count(),
        })
    }
}

/// A manifest with everything below it. `path` is unique on the page; `platform` comes from its index.
fn node(node: &Node, path: &str, platform: &str) -> Markup {
    let Some(manifest) = &node.manifest else {
        return html! {
            li {
                (digest(&node.digest)) " " (platform) " "
                (badge(Tone::Bad, "not in the repository"))
            }
        };
    };
    let document: Value = serde_json::from_slice(&manifest.text).unwrap_or_default();
    let platforms = platforms(&document);
    let kind = kind(node, manifest, platform);
    html! {
        li {
            details id={ "m-" (path) } {
                summary {
                    (badge(Tone::Plain, &kind)) " "
                    @if !platform.is_empty() { strong { (platform) } " " }
                    (digest(&node.digest)) " " (bytes(manifest.bytes)) " "
                    @for tag in &manifest.tags { span.tag { (tag) } " " }
                    @if manifest.tag_count > manifest.tags.len() {
                        "and " (count(manifest.tag_count - manifest.tags.len(), "more tag")) " "
                    }
                    @if manifest.is_untagged { (badge(Tone::Bad, "untagged")) }
                }
                (about(node, manifest))
                (layers(&document, manifest.bytes))
                details id={ "d-" (path) } {
                    summary { "Manifest" }
                    (command(&pretty(&document, &manifest.text)))
                }
            }
            @if !node.below.is_empty() {
                ul {
                    @for below in &node.below {
                        @let platform = platforms.get(&*below.digest).map_or("", String::as_str);
                        (self::node(below, &format!("{path}-{}", below.digest), platform))
                    }
                }
            }
            @if node.left_out > 0 { p { (count(node.left_out, "more manifest")) " not shown." } }
        }
    }
}

fn about(node: &Node, manifest: &Shown) -> Markup {
    let kind = referrer(&node.digest, &manifest.media_type, &manifest.text).1;
    html! {
        dl.facts {
            dt { "Digest" } dd { code { (node.digest) } }
            dt { "Media type" } dd { (manifest.media_type) }
            @if let Some(kind) = kind { dt { "Artifact type" } dd { (kind) } }
            @match &node.place {
                Place::Referrer => { dt { "Refers to" } dd { "the manifest above, its subject" } },
                Place::Attached(tag) => { dt { "Refers to" } dd { "the manifest above, by its tag " span.tag { (tag) } } },
                Place::Top | Place::Child => {}
            }
            dt { "Pushed" } dd { (time(manifest.pushed_at)) }
        }
    }
}

/// The configuration and the layers.
fn layers(document: &Value, whole: u64) -> Markup {
    let config = Some(&document["config"]).filter(|config| config.is_object());
    let list = |field: &str| document[field].as_array().into_iter().flatten();
    let blobs = config
        .into_iter()
        .chain(list("layers"))
        .chain(list("blobs"));
    let total = blobs.clone().count();
    if total == 0 {
        return html! {};
    }
    let row = |blob: &Value| {
        let size = blob["size"].as_u64().unwrap_or(0);
        [
            digest(blob["digest"].as_str().unwrap_or("")),
            html! { (blob["mediaType"].as_str().unwrap_or("")) },
            bytes(size),
            share(size, whole),
        ]
    };
    html! {
        (table(
            "Configuration and layers",
            ["Blob", "Media type", "Size", "Share of total"],
            blobs.take(LAYERS).map(row),
        ))
        @if total > LAYERS { p { (count(total - LAYERS, "more layer")) " not shown." } }
    }
}

/// The platforms of an index's images, by their digests.
fn platforms(index: &Value) -> HashMap<&str, String> {
    let named = index["manifests"].as_array().into_iter().flatten();
    let named = named.filter_map(|child| {
        let part = |name: &str| child["platform"][name].as_str();
        let parts = [part("os"), part("architecture"), part("variant")];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        Some((child["digest"].as_str()?, parts.join("/")))
    });
    named.collect()
}

/// The kind of a manifest, in a word.
fn kind(node: &Node, manifest: &Shown, platform: &str) -> String {
    let artifact = referrer(&node.digest, &manifest.media_type, &manifest.text).1;
    let word = match &node.place {
        Place::Attached(tag) => word_for_tag(tag),
        // BuildKit's attestations have no platform.
        Place::Child if platform == "unknown/unknown" => "attestation",
        Place::Referrer => word_for_type(artifact.as_deref().unwrap_or("")),
        Place::Top | Place::Child => match artifact.as_deref() {
            None => "",
            Some(config) if config.contains("image") => "",
            Some(artifact) => word_for_type(artifact),
        },
    };
    match word {
        "" if manifest.media_type.contains("index") || manifest.media_type.contains("list") => {
            "index"
        }
        "" => "image",
        word => word,
    }
    .to_owned()
}

fn word_for_tag(tag: &str) -> &'static str {
    match tag.rsplit_once('.') {
        Some((_, "sig")) => "signature",
        Some((_, "att")) => "attestation",
        Some((_, "sbom")) => "SBOM",
        _ => "referrers",
    }
}

/// The kind of a referrer, by its artifact type.
fn word_for_type(artifact: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| artifact.contains(word));
    if has(&["spdx", "cyclonedx", "sbom", "syft"]) {
        "SBOM"
    } else if has(&["in-toto", "attestation", "provenance"]) {
        "attestation"
    } else if has(&["signature", "artifact.sig", "simplesigning", "sigstore"]) {
        "signature"
    } else {
        "artifact"
    }
}

fn pretty(document: &Value, text: &[u8]) -> String {
    match document {
        Value::Null => String::from_utf8_lossy(text).into_owned(),
        document => serde_json::to_string_pretty(document).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referrer_is_labelled_by_its_tag_or_type() {
        for (tag, word) in [
            ("sha256-a.sig", "signature"),
            ("sha256-a.att", "attestation"),
            ("sha256-a.sbom", "SBOM"),
            ("sha256-a", "referrers"),
        ] {
            assert_eq!(word_for_tag(tag), word);
        }
        for (artifact, word) in [
            (
                "application/vnd.dev.cosign.artifact.sig.v1+json",
                "signature",
            ),
            ("application/vnd.cncf.notary.signature", "signature"),
            ("application/vnd.dev.sigstore.bundle.v0.3+json", "signature"),
            ("application/vnd.in-toto+json", "attestation"),
            ("application/spdx+json", "SBOM"),
            ("application/vnd.cyclonedx+json", "SBOM"),
            ("application/vnd.oci.image.config.v1+json", "artifact"),
            ("", "artifact"),
        ] {
            assert_eq!(word_for_type(artifact), word, "{artifact}");
        }
    }

    #[test]
    fn an_index_says_which_platforms_its_images_are_for() {
        let index = serde_json::json!({ "manifests": [
            { "digest": "a", "platform": { "os": "linux", "architecture": "arm", "variant": "v7" } },
            { "digest": "b" },
        ] });
        let platforms = platforms(&index);
        assert_eq!(platforms["a"], "linux/arm/v7");
        assert_eq!(platforms["b"], "");
    }
}
