//! `docr tag`

mod delete;
mod list;

use docr::RepositoryTag;

use crate::output::{Cell, Columns};

noun! {
    /// List and delete tags, the names of images.
    Tag: List(list::List), Delete(delete::Delete)
}

pub(super) fn columns() -> Columns<RepositoryTag> {
    Columns::new(
        |tag: &RepositoryTag| tag.tag.clone(),
        "The repository has no tags.",
    )
    .column("tag", 1, |tag| Cell::text(&tag.tag))
    .column("digest", 3, |tag| {
        Cell::some(tag.manifest_digest.clone(), Cell::Digest)
    })
    .column("size", 4, |tag| {
        Cell::some(tag.compressed_size_bytes, Cell::Bytes)
    })
    .column("pushed", 2, |tag| Cell::some(tag.updated_at, Cell::Time))
}
