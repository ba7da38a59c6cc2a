//! What the sandbox has saved.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

/// The account as the sandbox has saved it.
pub(super) struct State(Value);

impl State {
    pub(super) fn of(folder: &Path) -> Self {
        let text = fs::read(folder.join("state.json")).unwrap();
        let mut world: Value = serde_json::from_slice(&text).unwrap();
        Self(world["accounts"][0].take())
    }

    fn array<'a>(value: &'a Value) -> impl Iterator<Item = &'a Value> + use<'a> {
        value.as_array().into_iter().flatten()
    }

    pub(super) fn registries(&self) -> BTreeSet<&str> {
        let names = Self::array(&self.0["registries"]).map(|registry| registry["name"].as_str());
        names.map(Option::unwrap).collect()
    }

    pub(super) fn certificates(&self) -> BTreeSet<&str> {
        let all = Self::array(&self.0["certificates"]);
        all.map(|certificate| certificate["seed"]["name"].as_str().unwrap())
            .collect()
    }

    fn repositories(&self) -> impl Iterator<Item = &Value> {
        let registries = Self::array(&self.0["registries"]);
        registries.flat_map(|registry| Self::array(&registry["store"]["repositories"]))
    }

    /// Each tag of a repository, and where it leads.
    pub(super) fn tags(&self, name: &str) -> BTreeMap<&str, &str> {
        let mut all = self.repositories();
        let repository = all.find(|repository| repository["name"] == name);
        let tags = repository.and_then(|repository| repository["tags"].as_object());
        { tags.into_iter().flatten() }
            .map(|(name, tag)| (name.as_str(), tag["digest"].as_str().unwrap()))
            .collect()
    }

    /// Each tag leads to an image that is there with all its parts, but for some that are known to be broken.
    pub(super) fn has_whole_images(&self, repository: &str, broken: &BTreeSet<String>) {
        let mut all = self.repositories();
        let Some(found) = all.find(|found| found["name"] == repository) else {
            return;
        };
        let manifests = &found["manifests"];
        for (tag, digest) in self.tags(repository) {
            let parts = Self::array(&manifests[digest]["children"]);
            let parts = parts.map(|part| part.as_str().unwrap());
            for needed in parts.chain([digest]) {
                let is_there = manifests[needed].is_object();
                assert!(
                    is_there || broken.contains(tag),
                    "{repository}:{tag} lacks {needed}"
                );
            }
        }
    }
}
