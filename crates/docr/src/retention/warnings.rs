//! Warnings to read before executing a plan.

use super::{
    decision::Decision,
    images::Images,
    inventory::{ManifestContent, RepositoryInventory},
    plan::{PlanWarning, Subject},
    reason::KeepReason,
};

/// The warnings about a repository that rules apply to.
pub(super) fn of(
    repository: &RepositoryInventory,
    images: &Images<'_>,
    decision: &Decision,
) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    let name = || repository.name.to_string();
    let mut reasons = decision
        .reasons_of_tags()
        .chain(decision.reasons_of_manifests());
    if repository.is_in_doubt || reasons.any(|reason| *reason == KeepReason::InDoubt) {
        warnings.push(PlanWarning::InDoubt(name()));
    }
    let mut reasons = decision.reasons_of_manifests();
    if reasons.any(|reason| *reason == KeepReason::Unread) {
        warnings.push(PlanWarning::Unread(name()));
    }
    for manifest in images.manifests() {
        let record = images.record(manifest);
        let why = match &record.content {
            ManifestContent::Unreadable(why) => why.clone(),
            ManifestContent::Read(document) if !document.is_understood => {
                match &document.media_type {
                    Some(media_type) => format!("it is of the unknown media type {media_type}"),
                    None => "it is not a manifest of a known kind".to_owned(),
                }
            }
            _ if decision.reason_of(manifest) == Some(&KeepReason::UnknownAge) => {
                "the service reports no time of its last push".to_owned()
            }
            _ => continue,
        };
        warnings.push(PlanWarning::NotUnderstood {
            repository: name(),
            subject: Subject::Manifest(record.digest.clone()),
            why,
        });
    }
    warnings
}
