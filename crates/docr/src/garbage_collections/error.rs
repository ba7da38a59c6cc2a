//! Errors about a garbage collection.

use docr_api::types::GarbageCollection;

use crate::error::{About, Error};

impl Error {
    /// The garbage collection that is active, failed, or took too long.
    ///
    /// ```no_run
    /// use docr::GarbageCollectionType;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// if let Err(error) = runs.start(GarbageCollectionType::UnreferencedBlobsOnly).await
    ///     && let Some(active) = error.garbage_collection()
    /// {
    ///     println!("{} is {:?}", active.uuid, active.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn garbage_collection(&self) -> Option<&GarbageCollection> {
        match self.subject()? {
            About::Run(run) => Some(run),
            _ => None,
        }
    }
}
