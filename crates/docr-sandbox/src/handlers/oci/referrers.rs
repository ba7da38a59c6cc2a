//! Referrers: signatures, attestations and other manifests with a subject.

use axum::http::StatusCode;
use serde_json::json;

use super::error::{Fault, Reason};
use super::{Ask, Premises};
use crate::http::response::Response;
use crate::model::document::{OCI_INDEX, referrer};
use crate::storage::Algorithm;

/// An index of the referrers of a manifest, which need not exist.
pub(super) fn list<P: Premises>(ask: &Ask<'_, P>, digest: &str) -> Result<Response, Fault> {
    if Algorithm::of(digest).is_none() {
        return Err(Reason::DigestInvalid.into());
    }
    let found = ask.registry(|account, place, _| {
        let store = &account.registries[place].store;
        let repository = store.repository(ask.name.repository);
        repository.map(|repository| repository.referrers(digest))
    })?;
    let filter = ask.query("artifactType").filter(|kind| !kind.is_empty());
    let all = found.into_iter().flatten();
    let all = all.map(|one| referrer(&one.digest, &one.media_type, &one.text));
    let manifests: Vec<_> = all
        .filter(|(_, kind)| filter.is_none_or(|wanted| kind.as_deref() == Some(wanted)))
        .map(|(descriptor, _)| descriptor)
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    let response = Response::empty(StatusCode::OK).with_body(OCI_INDEX, index.to_string());
    Ok(match filter {
        Some(_) => response.with_header("oci-filters-applied", "artifactType"),
        None => response,
    })
}
