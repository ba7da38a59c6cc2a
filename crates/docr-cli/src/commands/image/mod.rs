//! `docr image`

mod delete;
mod find;
mod list;
mod show;

use docr::RepositoryManifest;

use crate::output::{Cell, Columns};

noun! {
    /// List, show and delete images, tagged or not.
    Image: List(list::List), Show(show::Show), Delete(delete::Delete)
}

fn columns() -> Columns<RepositoryManifest> {
    Columns::new(
        |manifest: &RepositoryManifest| manifest.digest.clone(),
        "The repository has no images.",
    )
    .column("digest", 1, |manifest| {
        Cell::Digest(manifest.digest.clone())
    })
    .column("tags", 2, |manifest| match manifest.tags.is_empty() {
        true => Cell::Missing,
        false => Cell::List(manifest.tags.clone()),
    })
    .column("size", 3, |manifest| {
        Cell::some(manifest.compressed_size_bytes, Cell::Bytes)
    })
    .column("pushed", 4, |manifest| {
        Cell::some(manifest.updated_at, Cell::Time)
    })
}
