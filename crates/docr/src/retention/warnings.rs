//! What a person should know before agreeing to a plan.

use super::{
    decision::Decision,
    images::Images,
    inventory::{ManifestContent, RepositoryInventory},
    plan::{PlanWarning, Subject},
    reason::KeepReason,
};

/// The warnings about a repository that rules are for.
pub(super) fn of<'a>(
    repository: &RepositoryInventory,
    images: &Images<'a>,
    decision: &Decision<'a>,
) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    let name = &repository.name;
    if decision
        .tags_stay
        .values()
        .chain(decision.manifests_stay.values())
        .any(|reason| *reason == KeepReason::InDoubt)
        || repository.is_in_doubt
    {
        warnings.push(PlanWarning::InDoubt(name.clone()));
    }
    if decision
        .manifests_stay
        .values()
        .any(|reason| *reason == KeepReason::Unread)
    {
        warnings.push(PlanWarning::Unread(name.clone()));
    }
    for (digest, manifest) in &images.manifests {
        let subject = || Subject::Manifest((*digest).to_owned());
        let why = match &manifest.record.content {
            ManifestContent::Unreadable(why) => why.clone(),
            ManifestContent::Read(document) if !document.is_understood => {
                match &document.media_type {
                    Some(media_type) => format!("it is of the unknown media type {media_type}"),
                    None => "it is not a manifest of a known kind".to_owned(),
                }
            }
            _ if decision.manifests_stay.get(digest) == Some(&KeepReason::UnknownAge) => {
                "the service reports no time of its last push".to_owned()
            }
            _ => continue,
        };
        warnings.push(PlanWarning::NotUnderstood {
            repository: name.clone(),
            subject: subject(),
            why,
        });
    }
    warnings
}
