//! The garbage collections of a registry: starting, listing, cancelling.

use std::{sync::Arc, time::Duration};

use docr_api::types::{self, GarbageCollection};

use super::patience::{INTERVAL, LIMIT, expired, passes};
use crate::{
    GarbageCollectionId, GarbageCollectionType, Identifies,
    call::{Clock, Form, Found, Target, call_either, optional, request, with_options},
    error::{About, Error, ErrorKind, InvalidInput, Result},
    list::{List, list_either},
    text::clean,
};

/// How many runs to search for one that was just started.
const NEWEST: u64 = 10;

/// The garbage collections of a registry. Made by
/// [`RegistryHandle::garbage_collections`](crate::RegistryHandle::garbage_collections); does no I/O by itself.
///
/// While a run is active the registry is read-only: first until all write tokens have expired, which takes up to 15
/// minutes, then while blobs are deleted.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let runs = docr.registry("acme-images".parse()?).garbage_collections();
/// for run in runs.list().page(1).await?.items {
///     println!("{:?}: {:?}, {} bytes", run.created_at, run.status, run.freed_bytes.unwrap_or(0));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GarbageCollections {
    registry: Target,
}

with_options!(GarbageCollections, registry.core);

impl GarbageCollections {
    pub(crate) fn new(registry: Target) -> Self {
        Self { registry }
    }

    /// Reads the active run; `None` if no run is active.
    /// `GET /v2/registries/{registry_name}/garbage-collection`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// if runs.active().await?.is_some() {
    ///     println!("read-only at present");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call. The service's response for a registry that doesn't exist is the same as for one without a run.
    pub async fn active(&self) -> Result<Option<GarbageCollection>> {
        let response = call_either!(
            &self.registry,
            registries_get_garbage_collection | registry_get_garbage_collection
        );
        optional(response.map(|response| response.garbage_collection))
    }

    /// Lists all runs, the newest first. `GET /v2/registries/{registry_name}/garbage-collections`
    pub fn list(&self) -> List<GarbageCollection> {
        list_either!(
            self => this,
            this.registry,
            garbage_collections,
            registries_list_garbage_collections | registry_list_garbage_collections
        )
    }

    /// Starts a run. Its type is required, since the service's own default keeps untagged manifests.
    /// `POST /v2/registries/{registry_name}/garbage-collection`
    ///
    /// | type | deletes | frees |
    /// |---|---|---|
    /// | `UnreferencedBlobsOnly`, the service's default | blobs that no manifest references | the blobs of deleted manifests |
    /// | `UntaggedManifestsOnly` | manifests without a tag | nothing yet: their blobs are kept |
    /// | `UntaggedManifestsAndUnreferencedBlobs` | both | everything that no tag leads to |
    ///
    /// ```no_run
    /// use docr::GarbageCollectionType;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// let run = runs.start(GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs).await?;
    /// let done = runs.watch(&run).wait().await?;
    /// println!("{} bytes freed", done.freed_bytes.unwrap_or(0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: a type that isn't listed.
    /// [`is_garbage_collection_active`](Error::is_garbage_collection_active), if a run is active already:
    /// [`Error::garbage_collection`] returns it.
    pub async fn start(&self, what: GarbageCollectionType) -> Result<GarbageCollection> {
        match self.try_start(what).await {
            // The status for an active run is not documented.
            Err(error) if matches!(error.status(), Some(409 | 412 | 422)) => {
                match self.active().await {
                    Ok(Some(run)) => {
                        let kind = ErrorKind::GarbageCollectionActive;
                        let id = clean(&run.uuid);
                        let summary = format!("garbage collection {id} is active already");
                        Err(Error::caused_by(Some(error), kind, summary).about(About::Run(run)))
                    }
                    _ => Err(error),
                }
            }
            started => started,
        }
    }

    async fn try_start(&self, what: GarbageCollectionType) -> Result<GarbageCollection> {
        if let Err(error) = what.as_str().parse::<GarbageCollectionType>() {
            let rule = format!(
                "is not a valid type; use one of {}",
                error.listed().join(", ")
            );
            return Err(InvalidInput::new("garbage collection type", what.as_str(), rule).into());
        }
        let body = &types::GarbageCollectionStart { type_: Some(what) };
        let Target { core, name, form } = &self.registry;
        let name = name.as_str();
        let made = |response: types::GarbageCollectionResponse| response.garbage_collection;
        let look_up = async |core| {
            let registry = Target {
                core,
                ..self.registry.clone()
            };
            let newest = Self::new(registry).list().per_page(NEWEST).page(1).await?;
            // One of another type was started by someone else; an older one existed before.
            let mut runs = newest.items.into_iter();
            let run = runs.find(|run| run.type_ == body.type_);
            Ok(run.map(|made| Found {
                at: made.created_at,
                made,
            }))
        };
        match form {
            Form::ByName => {
                let start = request!(
                    registries_run_garbage_collection
                        .registry_name(name)
                        .body(body)
                );
                core.create(start, made, look_up).await
            }
            Form::OfAccount => {
                let start = request!(
                    registry_run_garbage_collection
                        .registry_name(name)
                        .body(body)
                );
                core.create(start, made, look_up).await
            }
        }
    }

    /// Cancels the active run. What it has deleted already can't be restored.
    /// `PUT /v2/registries/{registry_name}/garbage-collection/{garbage_collection_uuid}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// if let Some(run) = runs.active().await? {
    ///     runs.cancel(&run).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if no active run has this id.
    pub async fn cancel(
        &self,
        which: &(impl Identifies<GarbageCollectionId> + ?Sized),
    ) -> Result<GarbageCollection> {
        let body = &types::GarbageCollectionUpdate { cancel: Some(true) };
        let id = which.identify()?;
        let id = id.as_str();
        let response = call_either!(
            &self.registry,
            registries_update_garbage_collection
                | registry_update_garbage_collection
                    .garbage_collection_uuid(id)
                    .body(body)
        );
        Ok(response?.garbage_collection)
    }

    /// Reads a run, active or not. The service has no such call: this reads the active run, and then the list until the run
    /// is found. `GET /v2/registries/{registry_name}/garbage-collection` and `.../garbage-collections`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// let run = runs.get("27b4c6e0-8e6f-4d0c-9d7b-5a6f1c0e9b12").await?;
    /// println!("{:?}", run.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the registry has no such run; see also
    /// [`get_opt`](Self::get_opt).
    pub async fn get(
        &self,
        which: &(impl Identifies<GarbageCollectionId> + ?Sized),
    ) -> Result<GarbageCollection> {
        let (run, _) = self.find(&which.identify()?).await?;
        Ok(run)
    }

    /// Like [`get`](Self::get), with `None` if the registry has no such run.
    ///
    /// ```no_run
    /// # async fn example(runs: docr::GarbageCollections, id: docr::GarbageCollectionId) -> docr::Result<()> {
    /// match runs.get_opt(&id).await? {
    ///     Some(run) => println!("{:?}", run.status),
    ///     None => println!("{id} is a run of another registry"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// All but "not found".
    pub async fn get_opt(
        &self,
        which: &(impl Identifies<GarbageCollectionId> + ?Sized),
    ) -> Result<Option<GarbageCollection>> {
        optional(self.get(which).await)
    }

    /// A run, and whether it is the active one.
    pub(super) async fn find(&self, id: &GarbageCollectionId) -> Result<(GarbageCollection, bool)> {
        let is_it = |run: &GarbageCollection| run.uuid.eq_ignore_ascii_case(id.as_str());
        if let Some(run) = self.active().await?.filter(is_it) {
            return Ok((run, true));
        }
        let mut all = self.list().items();
        while let Some(run) = all.next().await {
            let run = run?;
            if is_it(&run) {
                return Ok((run, false));
            }
        }
        let summary = format!("the registry has no garbage collection with the id {id}");
        let kind = ErrorKind::NotFound;
        Err(Error::caused_by(None, kind, summary))
    }

    /// Waits until no run is active: meanwhile the service rejects pushes and deletes. Polls every 5 seconds, for at most
    /// 2 hours or the [limit](crate::CallOptions::wait_limit) of this handle.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = docr.registry("acme-images".parse()?);
    /// registry.garbage_collections().wait_until_idle().await?;
    /// registry.repository("shop/api".parse()?).delete_tag("pr-17").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_wait_expired`](Error::is_wait_expired), if a run is still active: [`Error::garbage_collection`] returns it.
    pub async fn wait_until_idle(&self) -> Result<()> {
        let (clock, limit) = (self.clock(), self.wait_limit());
        let since = clock.monotonic();
        while let Some(run) = self.active().await? {
            if passes(since, &*clock, INTERVAL, limit) {
                return Err(expired(limit, run));
            }
            self.pause(INTERVAL).await;
        }
        Ok(())
    }

    pub(super) async fn pause(&self, duration: Duration) {
        self.registry.core.pause(duration).await;
    }

    pub(super) fn wait_limit(&self) -> Duration {
        self.registry.core.options.wait_limit.unwrap_or(LIMIT)
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(self.registry.core.clock())
    }
}
