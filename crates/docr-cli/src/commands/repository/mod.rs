//! `docr repository`

mod delete;
mod list;

use docr::RepositoryV2;

use crate::output::{Cell, Columns};

noun! {
    /// List and delete repositories.
    Repository: List(list::List), Delete(delete::Delete)
}

pub(super) fn columns() -> Columns<RepositoryV2> {
    Columns::new(
        |repository: &RepositoryV2| repository.name.clone(),
        "The registry has no repositories; push an image to create one.",
    )
    .column("name", 1, |repository| Cell::text(&repository.name))
    .column("tags", 3, |repository| {
        Cell::some(repository.tag_count, Cell::Number)
    })
    .column("manifests", 4, |repository| {
        Cell::some(repository.manifest_count, Cell::Number)
    })
    .column("latest", 5, |repository| {
        let latest = repository.latest_manifest.as_ref();
        Cell::some(latest, |latest| Cell::Digest(latest.digest.clone()))
    })
    .column("size", 4, |repository| {
        let latest = repository.latest_manifest.as_ref();
        Cell::some(
            latest.and_then(|latest| latest.compressed_size_bytes),
            Cell::Bytes,
        )
    })
    .column("pushed", 2, |repository| {
        let latest = repository.latest_manifest.as_ref();
        Cell::some(latest.and_then(|latest| latest.updated_at), Cell::Time)
    })
}
