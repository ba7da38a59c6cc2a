//! What a method about one resource takes: its checked name or id, or the resource as the service described it.

use std::str::FromStr;

use docr_api::types::{
    Certificate, GarbageCollection, Registry, Repository, RepositoryManifest, RepositoryTag,
    RepositoryV2,
};

use super::{CertificateId, Digest, GarbageCollectionId, RegistryName, RepositoryName, Tag};
use crate::error::InvalidInput;

/// Identifies a resource: by its id or name, the same as text, or the resource itself as a list or another call returned
/// it. A text is checked before a request is sent.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let runs = docr.registry("acme-images".parse()?).garbage_collections();
/// if let Some(run) = runs.active().await? {
///     runs.cancel(&run).await?;
/// }
/// docr.registry("acme-images".parse()?).repository("shop/api".parse()?).delete_tag("pr-17").await?;
/// # Ok(())
/// # }
/// ```
///
/// Functions of your own can take the same:
///
/// ```
/// use docr::{Identifies, InvalidInput, Tag};
///
/// fn is_release(tag: &(impl Identifies<Tag> + ?Sized)) -> Result<bool, InvalidInput> {
///     Ok(tag.identify()?.as_str().starts_with('v'))
/// }
/// assert!(is_release("v1.4.2")?);
/// assert!(is_release("-").is_err());
/// # Ok::<(), InvalidInput>(())
/// ```
pub trait Identifies<I>: sealed::Sealed {
    /// The id or name.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`], if the text, or the id or name in the resource, is not a valid one.
    fn identify(&self) -> Result<I, InvalidInput>;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for str {}
impl sealed::Sealed for String {}

impl<I: FromStr<Err = InvalidInput>> Identifies<I> for str {
    fn identify(&self) -> Result<I, InvalidInput> {
        self.parse()
    }
}

impl<I: FromStr<Err = InvalidInput>> Identifies<I> for String {
    fn identify(&self) -> Result<I, InvalidInput> {
        self.parse()
    }
}

macro_rules! identifies {
    ($($id:ident: $($description:ident.$field:ident),+;)*) => {
        $(
            impl sealed::Sealed for $id {}

            impl Identifies<$id> for $id {
                fn identify(&self) -> Result<$id, InvalidInput> {
                    Ok(self.clone())
                }
            }

            $(
                impl sealed::Sealed for $description {}

                impl Identifies<$id> for $description {
                    fn identify(&self) -> Result<$id, InvalidInput> {
                        self.$field.parse()
                    }
                }
            )+
        )*
    };
}

identifies! {
    CertificateId: Certificate.id;
    Digest: RepositoryManifest.digest;
    GarbageCollectionId: GarbageCollection.uuid;
    RegistryName: Registry.name;
    RepositoryName: Repository.name, RepositoryV2.name;
    Tag: RepositoryTag.tag;
}
