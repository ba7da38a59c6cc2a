//! The manifests of a repository as trees: an index above its images, an image above its referrers.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use axum::body::Bytes;
use chrono::{DateTime, Utc};

use super::repository::{Repository, Tag};
use crate::storage::Algorithm;

/// How deep a tree is shown.
const DEPTH: usize = 16;
/// How many manifests below others are shown in all trees.
const NODES: usize = 500;
/// How many tags of a manifest are shown.
const TAGS: usize = 20;

/// A manifest in a tree.
pub(crate) struct Node {
    pub(crate) digest: Arc<str>,
    pub(crate) place: Place,
    /// `None` if the repository doesn't have it.
    pub(crate) manifest: Option<Shown>,
    pub(crate) below: Vec<Node>,
    /// The number of manifests below it that are not shown.
    pub(crate) left_out: usize,
}

/// Why a manifest is below another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Top,
    /// An index names it.
    Child,
    /// Its subject is the one above.
    Referrer,
    /// By its tag, as with cosign and in registries without referrers.
    Attached(Arc<str>),
}

pub(crate) struct Shown {
    pub(crate) media_type: Arc<str>,
    pub(crate) text: Bytes,
    /// The bytes of its blobs, or of its children's.
    pub(crate) bytes: u64,
    pub(crate) pushed_at: DateTime<Utc>,
    /// Its first tags.
    pub(crate) tags: Vec<Arc<str>>,
    pub(crate) tag_count: usize,
    /// Whether a garbage collection deletes it: it is untagged and belongs to no tagged index.
    pub(crate) is_untagged: bool,
}

impl Repository {
    /// Some of its trees, the newest first, and their number. Only for the manifests below others all of the repository is
    /// searched.
    pub(crate) fn trees(&self, offset: usize, size: usize) -> (Vec<Node>, usize) {
        let indexes = self.indexes();
        let below = self.below(&indexes);
        let newest = self.manifest_order.page(0, usize::MAX);
        let tops = newest.filter(|digest| !below.contains(&***digest));
        let mut walk = Walk {
            repository: self,
            indexes: &indexes,
            path: Vec::new(),
            left: NODES,
        };
        let shown = tops.skip(offset).take(size);
        let shown = shown.map(|digest| walk.node(Arc::clone(digest), Place::Top));
        (shown.collect(), self.manifest_count() - below.len())
    }

    /// The indexes that name each manifest.
    fn indexes(&self) -> Indexes<'_> {
        let mut indexes = Indexes::new();
        for (digest, manifest) in &self.manifests {
            for child in &manifest.children {
                indexes.entry(&**child).or_default().push(&**digest);
            }
        }
        indexes
    }

    /// The manifests that are below others.
    fn below<'a>(&'a self, indexes: &Indexes<'a>) -> HashSet<&'a str> {
        let mut above = HashMap::new();
        let algorithms = ["sha256-", "sha512-"].into_iter();
        for (tag, pointed) in algorithms.flat_map(|prefix| self.tags_with(prefix)) {
            let Some(subject) = subject_of(tag) else {
                continue;
            };
            if let Some((subject, _)) = self.manifests.get_key_value(&*subject) {
                above.insert(&*pointed.digest, &**subject);
            }
        }
        for (subject, about) in &self.referrers {
            if self.manifests.contains_key(subject) {
                above.extend(about.iter().map(|digest| (&**digest, &**subject)));
            }
        }
        let named = indexes.iter();
        let named = named.filter_map(|(child, indexes)| Some((*child, *indexes.first()?)));
        above.extend(named.filter(|(child, _)| self.manifests.contains_key(*child)));
        let below = above.keys().filter(|digest| !is_top(digest, &above));
        below.copied().collect()
    }

    fn tags_with(&self, prefix: &str) -> impl Iterator<Item = (&Arc<str>, &Tag)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let tags = self.tags.range::<str, _>(from);
        tags.take_while(move |(tag, _)| tag.starts_with(prefix))
    }
}

type Indexes<'a> = HashMap<&'a str, Vec<&'a str>>;

/// Whether a manifest is the top of a tree. In a cycle, which tags can form, none is.
fn is_top(digest: &str, above: &HashMap<&str, &str>) -> bool {
    let mut at = digest;
    for _ in 0..DEPTH {
        match above.get(at) {
            Some(next) => at = next,
            None => return at == digest,
        }
    }
    true
}

/// The digest that a tag such as `sha256-<hex>.sig` refers to.
fn subject_of(tag: &str) -> Option<String> {
    let (subject, kind) = match tag.split_once('.') {
        Some((subject, kind)) => (subject, Some(kind)),
        None => (tag, None),
    };
    let digest = subject.replacen('-', ":", 1);
    let is_known = matches!(kind, None | Some("sig" | "att" | "sbom"));
    (is_known && Algorithm::of(&digest).is_some()).then_some(digest)
}

/// Builds the trees.
struct Walk<'a> {
    repository: &'a Repository,
    indexes: &'a Indexes<'a>,
    /// The path from the top.
    path: Vec<Arc<str>>,
    /// How many more may be shown.
    left: usize,
}

impl Walk<'_> {
    fn node(&mut self, digest: Arc<str>, place: Place) -> Node {
        let manifest = self.repository.manifests.get(&digest);
        let shown = manifest.map(|manifest| Shown {
            media_type: Arc::clone(&manifest.media_type),
            text: manifest.text.clone(),
            bytes: manifest.size.bytes,
            pushed_at: manifest.pushed_at,
            tags: manifest.tags.iter().take(TAGS).cloned().collect(),
            tag_count: manifest.tags.len(),
            is_untagged: self.is_untagged(&digest),
        });
        self.path.push(Arc::clone(&digest));
        let (mut below, mut left_out) = (Vec::new(), 0);
        for (digest, place) in self.below(&digest) {
            if self.left == 0 || self.path.len() >= DEPTH {
                left_out += 1;
            } else if !self.path.contains(&digest) {
                self.left -= 1;
                below.push(self.node(digest, place));
            }
        }
        self.path.pop();
        Node {
            digest,
            place,
            manifest: shown,
            below,
            left_out,
        }
    }

    /// Whether it has no tag and belongs, directly or not, to no tagged index.
    fn is_untagged(&self, digest: &str) -> bool {
        let (mut seen, mut todo) = (HashSet::from([digest]), vec![digest]);
        while let Some(digest) = todo.pop() {
            let manifest = self.repository.manifests.get(digest);
            if manifest.is_some_and(|manifest| !manifest.tags.is_empty()) {
                return false;
            }
            let above = self.indexes.get(digest).into_iter().flatten();
            todo.extend(above.filter(|index| seen.insert(index)));
        }
        true
    }

    /// The manifests directly below another one, each once.
    fn below(&self, digest: &str) -> Vec<(Arc<str>, Place)> {
        let repository = self.repository;
        let children = repository.manifests.get(digest);
        let children = children.into_iter().flat_map(|manifest| &manifest.children);
        let children = children.map(|child| (Arc::clone(child), Place::Child));
        let about = repository.referrers.get(digest).into_iter().flatten();
        let about = about.map(|digest| (Arc::clone(digest), Place::Referrer));
        let prefix = digest.replacen(':', "-", 1);
        let attached = repository
            .tags_with(&prefix)
            .filter(|(tag, _)| subject_of(tag).as_deref() == Some(digest))
            .map(|(tag, pointed)| {
                let place = Place::Attached(Arc::clone(tag));
                (Arc::clone(&pointed.digest), place)
            });
        let mut seen = HashSet::new();
        let all = children.chain(about).chain(attached);
        all.filter(|(digest, _)| seen.insert(Arc::clone(digest)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::Image;
    use crate::model::store::Store;

    const NAME: &str = "a";

    /// Stores images, a minute apart.
    fn store(images: impl IntoIterator<Item = Image>) -> Store {
        let (mut store, mut now) = (Store::default(), DateTime::UNIX_EPOCH);
        for image in images {
            let (children, root) = image.manifests();
            for built in children.iter().chain([&root]) {
                store.put(NAME, built, now);
            }
            now += chrono::TimeDelta::minutes(1);
        }
        store
    }

    fn trees(store: &Store) -> Vec<Node> {
        let (trees, total) = store.repository(NAME).unwrap().trees(0, 100);
        assert_eq!(trees.len(), total);
        trees
    }

    fn image(layer: &str) -> Image {
        Image::new(NAME).layer(layer)
    }

    fn attached(digest: &str, kind: &str) -> String {
        format!("{}{kind}", digest.replace(':', "-"))
    }

    #[test]
    fn an_index_is_shown_above_its_images_and_an_image_above_its_referrers() {
        let (amd, arm) = (image("amd"), image("arm"));
        let index = Image::index(NAME).child(amd.clone()).child(arm.clone());
        let by_subject = image("by subject").subject(amd.digest());
        let by_tag = image("by tag").tag(attached(&index.digest(), ".sig"));
        let store = store([
            index.clone().tag("v1"),
            by_subject.clone(),
            by_tag.clone(),
            image("other"),
        ]);

        let trees = trees(&store);
        let digests: Vec<_> = trees.iter().map(|tree| &*tree.digest).collect();
        assert_eq!(digests, [image("other").digest(), index.digest()]);
        let below: Vec<_> = trees[1].below.iter().collect();
        let digests: Vec<_> = below.iter().map(|node| &*node.digest).collect();
        assert_eq!(digests, [amd.digest(), arm.digest(), by_tag.digest()]);
        assert_eq!(below[1].place, Place::Child);
        let tag = attached(&index.digest(), ".sig");
        assert_eq!(below[2].place, Place::Attached(tag.as_str().into()));
        assert_eq!(&*below[0].below[0].digest, by_subject.digest());
        assert_eq!(below[0].below[0].place, Place::Referrer);
    }

    #[test]
    fn a_collection_deletes_untagged_manifests_but_not_children_of_a_tagged_index() {
        let index = Image::index(NAME).child(image("child"));
        let tagged = Image::index(NAME).child(index.clone()).tag("v1");
        let loose = index.child(image("loose"));
        let signature = image("signature").subject(tagged.digest());
        let store = store([tagged, signature, loose]);
        let is_untagged = |node: &Node| node.manifest.as_ref().unwrap().is_untagged;
        let trees = trees(&store);
        let [loose, tagged] = trees.as_slice() else {
            panic!("there are {} trees", trees.len());
        };
        // The first image belongs to the tagged index as well.
        let below: Vec<_> = loose.below.iter().map(is_untagged).collect();
        assert_eq!((is_untagged(loose), below), (true, vec![false, true]));
        let below: Vec<_> = tagged.below.iter().map(is_untagged).collect();
        assert_eq!((is_untagged(tagged), below), (false, vec![false, true]));
        // A collection agrees.
        let deleted = store.repository(NAME).unwrap().untagged();
        assert_eq!(deleted.len(), 3);
    }

    #[test]
    fn a_referrer_to_a_missing_image_is_shown() {
        let gone = image("gone").digest();
        let of_none = image("by subject").subject(&gone);
        let trees = trees(&store([of_none, image("x").tag(attached(&gone, ".att"))]));
        assert_eq!(trees.len(), 2);
        assert!(trees.iter().all(|tree| tree.below.is_empty()));
    }

    #[test]
    fn a_missing_child_is_named() {
        let missing = format!("sha256:{}", "0".repeat(64));
        let text =
            format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{missing}","size":1}}]}}"#);
        let trees = trees(&store([Image::raw(NAME, text)]));
        assert_eq!(&*trees[0].below[0].digest, missing);
        assert!(trees[0].below[0].manifest.is_none());
    }

    #[test]
    fn manifests_that_refer_to_each_other_are_shown_once() {
        let (one, two) = (image("one"), image("two"));
        let itself = image("three").digest();
        let images = [
            one.clone().tag(attached(&two.digest(), ".sig")),
            two.tag(attached(&one.digest(), ".sig")),
            image("three").tag(attached(&itself, ".sig")),
        ];
        let trees = trees(&store(images));
        assert_eq!(trees.len(), 3);
        assert_eq!(trees[1].below.len(), 1);
        assert!(trees[1].below[0].below.is_empty());
    }

    #[test]
    fn of_huge_trees_a_part_is_shown_and_the_rest_is_counted() {
        let index = |name: &str, children: usize| {
            let images = (0..children).map(|seed| image(&format!("{name}{seed}")));
            images.fold(Image::index(NAME), Image::child)
        };
        let trees = trees(&store([index("old", 3), index("new", NODES - 1)]));
        let shown = trees.iter().map(|tree| (tree.below.len(), tree.left_out));
        assert_eq!(shown.collect::<Vec<_>>(), [(NODES - 1, 0), (1, 2)]);
    }

    #[test]
    fn only_a_digest_with_a_known_suffix_makes_a_tag_a_referrer() {
        let hex = "a".repeat(64);
        for good in ["", ".sig", ".att", ".sbom"] {
            let digest = subject_of(&format!("sha256-{hex}{good}"));
            assert_eq!(digest, Some(format!("sha256:{hex}")), "{good}");
        }
        for bad in [".other", ".sig.sig", "b"] {
            assert_eq!(subject_of(&format!("sha256-{hex}{bad}")), None, "{bad}");
        }
        assert_eq!(subject_of("v1.sig"), None);
    }
}
