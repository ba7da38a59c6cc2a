//! Whether a plan can be carried out: one from a file may be outdated, another registry's, or edited.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::plan::{Deletion, RetentionPlan, Subject};
use crate::text::for_terminal;
use crate::{Digest, InvalidInput, RegistryHandle, RepositoryName, Tag};

/// Why a text is not a plan that can be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan can't be read: {}", for_terminal(.0, 1000))]
pub struct PlanError(String);

/// What every version of a plan has.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    version: u32,
}

impl RetentionPlan {
    /// Reads a plan that was kept as JSON.
    ///
    /// # Errors
    ///
    /// When it is not a plan, is one of another version, or contradicts itself.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        let head: Head =
            serde_json::from_str(text).map_err(|error| PlanError(error.to_string()))?;
        let rule = match head.version {
            version if version > Self::VERSION => "is of a newer version than this program reads",
            version if version < Self::VERSION => "was made by an older version; make it again",
            _ => {
                let plan: Self =
                    serde_json::from_str(text).map_err(|error| PlanError(error.to_string()))?;
                plan.check().map_err(|error| PlanError(error.to_string()))?;
                return Ok(plan);
            }
        };
        Err(PlanError(format!("version {} {rule}", head.version)))
    }

    /// Checks that every name can be one, that nothing is named twice or both goes and stays, that no tag which stays
    /// loses its manifest, and that everything goes in an order in which it can.
    ///
    /// # Errors
    ///
    /// When the plan contradicts itself. One that was [computed](Self::compute) here doesn't.
    pub fn check(&self) -> Result<(), InvalidInput> {
        if self.version != Self::VERSION {
            let rule = format!(
                "is not the version of plans that is carried out here, {}",
                Self::VERSION
            );
            return Err(InvalidInput::new(
                "plan version",
                self.version.to_string(),
                rule,
            ));
        }
        let mut places = HashMap::new();
        for (place, deletion) in self.deletions.iter().enumerate() {
            check_names(deletion)?;
            if places
                .insert((&deletion.repository, &deletion.subject), place)
                .is_some()
            {
                return contradiction(deletion, "is to be deleted twice");
            }
        }
        let mut kept_digests = HashSet::new();
        for kept in &self.kept {
            if self.whole_repositories.contains(&kept.repository) {
                let rule = format!(
                    "contradicts itself: it goes as a whole, and {} stays; make the plan again",
                    kept.subject
                );
                return Err(InvalidInput::new("plan", kept.repository.as_str(), rule));
            }
            if let Some(place) = places.get(&(&kept.repository, &kept.subject)) {
                return contradiction(&self.deletions[*place], "both goes and stays");
            }
            if let Some(digest) = &kept.digest {
                kept_digests.insert((&kept.repository, digest));
            }
        }
        let mut tags = HashMap::<_, Vec<_>>::new();
        for deletion in &self.deletions {
            if let (Subject::Tag(_), Some(digest)) = (&deletion.subject, &deletion.digest) {
                tags.entry((&deletion.repository, digest))
                    .or_default()
                    .push(&deletion.subject);
            }
        }
        for (place, deletion) in self.deletions.iter().enumerate() {
            for before in &deletion.after {
                match places.get(&(&deletion.repository, before)) {
                    None => {
                        return contradiction(
                            deletion,
                            &format!("is to be deleted after {before}, which stays"),
                        );
                    }
                    Some(before) if *before >= place => {
                        return contradiction(
                            deletion,
                            "is named before what must be deleted first",
                        );
                    }
                    Some(_) => {}
                }
            }
            if let Subject::Manifest(digest) = &deletion.subject {
                let key = (&deletion.repository, digest);
                if kept_digests.contains(&key) {
                    return contradiction(
                        deletion,
                        "is to be deleted, and a tag that stays leads to it",
                    );
                }
                let after: HashSet<_> = deletion.after.iter().collect();
                let mut tags = tags.get(&key).into_iter().flatten();
                if tags.any(|tag| !after.contains(tag)) {
                    return contradiction(deletion, "is to be deleted before its tags");
                }
            }
        }
        Ok(())
    }

    /// Checks that the plan can be carried out in a registry.
    pub(super) fn check_for(&self, registry: &RegistryHandle) -> Result<(), InvalidInput> {
        if self.registry != registry.name().as_str() {
            let rule = format!("the plan is for the registry {}", self.registry);
            return Err(InvalidInput::new(
                "registry",
                registry.name().as_str(),
                rule,
            ));
        }
        if let Some(api) = self
            .api
            .as_deref()
            .filter(|api| *api != registry.api_address())
        {
            let rule = format!("the plan was made from the API at {api}");
            return Err(InvalidInput::new("API", registry.api_address(), rule));
        }
        if let (Some((going, limit)), Some(max)) = (self.excess(), self.max_delete) {
            let rule = format!(
                "allows {limit} of {} images, and {going} would go; see whether the rules are right before you raise it",
                self.images
            );
            return Err(InvalidInput::new("max_delete", max.to_string(), rule));
        }
        self.check()
    }
}

fn check_names(deletion: &Deletion) -> Result<(), InvalidInput> {
    RepositoryName::new(deletion.repository.as_str())?;
    Digest::new(deletion.image.as_str())?;
    let Some(digest) = &deletion.digest else {
        return contradiction(deletion, "has no digest, by which it is looked at again");
    };
    Digest::new(digest.as_str())?;
    for subject in [&deletion.subject].into_iter().chain(&deletion.after) {
        match subject {
            Subject::Tag(tag) => drop(Tag::new(tag.as_str())?),
            Subject::Manifest(digest) => drop(Digest::new(digest.as_str())?),
        }
    }
    match &deletion.subject {
        Subject::Manifest(named) if named != digest => contradiction(deletion, "has two digests"),
        _ => Ok(()),
    }
}

fn contradiction(deletion: &Deletion, what: &str) -> Result<(), InvalidInput> {
    let rule = format!("contradicts itself: it {what}; make the plan again");
    Err(InvalidInput::new("plan", deletion.to_string(), rule))
}
