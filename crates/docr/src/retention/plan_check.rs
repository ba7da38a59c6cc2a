//! Whether a plan can be executed: one from a file may be outdated, for another registry, or edited.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::plan::{Deletion, RetentionPlan, Subject};
use crate::text::for_terminal;
use crate::{Digest, InvalidInput, RegistryHandle, RepositoryName, Tag};

/// Why a text is not a valid plan.
///
/// ```
/// use docr::retention::RetentionPlan;
///
/// let error = RetentionPlan::from_json(r#"{"version": 1}"#).unwrap_err();
/// assert!(error.to_string().starts_with("the plan can't be read: version 1"));
/// ```
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
    /// Reads a plan that was saved as JSON.
    ///
    /// # Errors
    ///
    /// If it is not a plan, has another version, or contradicts itself.
    ///
    /// ```no_run
    /// # fn example(plan: docr::retention::RetentionPlan) -> Result<(), Box<dyn std::error::Error>> {
    /// std::fs::write("plan.json", serde_json::to_string_pretty(&plan)?)?;
    /// let text = std::fs::read_to_string("plan.json")?;
    /// assert_eq!(docr::retention::RetentionPlan::from_json(&text)?, plan);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        let head: Head =
            serde_json::from_str(text).map_err(|error| PlanError(error.to_string()))?;
        let rule = match head.version {
            version if version > Self::VERSION => {
                "is of a newer version than this program supports"
            }
            version if version < Self::VERSION => {
                "was made by an older version; create the plan again"
            }
            _ => {
                let plan: Self =
                    serde_json::from_str(text).map_err(|error| PlanError(error.to_string()))?;
                plan.check().map_err(|error| PlanError(error.to_string()))?;
                return Ok(plan);
            }
        };
        Err(PlanError(format!("version {} {rule}", head.version)))
    }

    /// Checks that all names are valid, that nothing appears twice or is both deleted and kept, that no kept tag loses its
    /// manifest, and that the order of the deletions is possible.
    ///
    /// # Errors
    ///
    /// If the plan contradicts itself. One that was [computed](Self::compute) never does.
    ///
    /// ```
    /// # let json = r#"{"version":2,"registry":"acme-images","read_at":"2026-06-01T00:00:00Z","deletions":[],"kept":[],"warnings":[],"freed_bytes":0,"images":0,"last_pushes":{}}"#;
    /// # let plan = docr::retention::RetentionPlan::from_json(json)?;
    /// let mut plan = plan;
    /// plan.version = 1;
    /// assert!(plan.check().is_err());
    /// # Ok::<(), docr::retention::PlanError>(())
    /// ```
    pub fn check(&self) -> Result<(), InvalidInput> {
        if self.version != Self::VERSION {
            let rule = format!(
                "is not supported; this program executes version {}",
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
                return contradiction(deletion, "is deleted twice");
            }
        }
        let mut kept_digests = HashSet::new();
        for kept in &self.kept {
            if self.whole_repositories.contains(&kept.repository) {
                let rule = format!(
                    "contradicts itself: the whole repository is deleted, and {} is kept; create the plan again",
                    kept.subject
                );
                return Err(InvalidInput::new("plan", kept.repository.as_str(), rule));
            }
            if let Some(place) = places.get(&(&kept.repository, &kept.subject)) {
                return contradiction(&self.deletions[*place], "is both deleted and kept");
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
                            &format!("is deleted after {before}, which is kept"),
                        );
                    }
                    Some(before) if *before >= place => {
                        return contradiction(deletion, "comes before what must be deleted first");
                    }
                    Some(_) => {}
                }
            }
            if let Subject::Manifest(digest) = &deletion.subject {
                let key = (&deletion.repository, digest);
                if kept_digests.contains(&key) {
                    return contradiction(deletion, "is deleted, and a kept tag points to it");
                }
                let after: HashSet<_> = deletion.after.iter().collect();
                let mut tags = tags.get(&key).into_iter().flatten();
                if tags.any(|tag| !after.contains(tag)) {
                    return contradiction(deletion, "is deleted before its tags");
                }
            }
        }
        Ok(())
    }

    /// Checks that the plan can be executed in a registry.
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
            let rule = format!("the plan was made with the API at {api}");
            return Err(InvalidInput::new("API", registry.api_address(), rule));
        }
        if let (Some((going, limit)), Some(max)) = (self.excess(), self.max_delete) {
            let rule = format!(
                "allows {limit} of {} images, and {going} would be deleted; check the rules before raising it",
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
        return contradiction(deletion, "has no digest to check it by");
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
    let rule = format!("contradicts itself: it {what}; create the plan again");
    Err(InvalidInput::new("plan", deletion.to_string(), rule))
}
