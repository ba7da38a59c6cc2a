//! Garbage collections: the runs that free storage.

use docr_api::{
    operations,
    types::{self, GarbageCollection},
};

use crate::{
    GarbageCollectionId, GarbageCollectionType, InvalidInput, List, Result,
    call::{call_either, list_either, send},
    optional,
    registry::{Form, Target},
};

/// The garbage collections of a registry. Made by
/// [`RegistryHandle::garbage_collections`](crate::RegistryHandle::garbage_collections); does no I/O by itself.
///
/// While a run is active the registry is read-only: first until the tokens that may write have expired, which
/// takes up to 15 minutes, then while blobs are deleted.
#[derive(Clone, Debug)]
pub struct GarbageCollections {
    registry: Target,
}

impl GarbageCollections {
    pub(crate) fn new(registry: Target) -> Self {
        Self { registry }
    }

    /// Reads the active run; `None` if there is none.
    /// `GET /v2/registries/{registry_name}/garbage-collection`
    ///
    /// # Errors
    ///
    /// Those of any call. A registry that isn't there looks like one without a run.
    pub async fn active(&self) -> Result<Option<GarbageCollection>> {
        let answer = call_either!(
            &self.registry,
            REGISTRIES_GET_GARBAGE_COLLECTION registries_get_garbage_collection
            | REGISTRY_GET_GARBAGE_COLLECTION registry_get_garbage_collection
        );
        optional(answer.map(|answer| answer.garbage_collection))
    }

    /// Lists all runs, the newest first. `GET /v2/registries/{registry_name}/garbage-collections`
    pub fn list(&self) -> List<GarbageCollection> {
        list_either!(
            self => this,
            this.registry,
            garbage_collections,
            REGISTRIES_LIST_GARBAGE_COLLECTIONS registries_list_garbage_collections
            | REGISTRY_LIST_GARBAGE_COLLECTIONS registry_list_garbage_collections
        )
    }

    /// Starts a run. What it removes is always said: the service's own default leaves untagged manifests,
    /// which count towards the storage, in place. `POST /v2/registries/{registry_name}/garbage-collection`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a type that isn't listed.
    /// [`is_conflict`](crate::Error::is_conflict), if a run is active already.
    pub async fn start(&self, what: GarbageCollectionType) -> Result<GarbageCollection> {
        if let Err(error) = what.as_str().parse::<GarbageCollectionType>() {
            let rule = format!("is not a type; the types are {}", error.listed().join(", "));
            return Err(InvalidInput::new("garbage collection type", what.as_str(), rule).into());
        }
        let body = &types::GarbageCollectionStart { type_: Some(what) };
        let Target { client, name, form } = &self.registry;
        let name = name.as_str();
        let made = |answer: types::GarbageCollectionResponse| answer.garbage_collection;
        let look_up = async |begin| {
            let newest = self.list().per_page(1).items().next().await.transpose()?;
            Ok(newest.filter(|run| run.created_at >= Some(begin)))
        };
        match form {
            Form::ByName => {
                let operation = &operations::REGISTRIES_RUN_GARBAGE_COLLECTION;
                let send = send!(
                    registries_run_garbage_collection
                        .registry_name(name)
                        .body(body.clone())
                );
                client.create(operation, send, made, look_up).await
            }
            Form::OfAccount => {
                let operation = &operations::REGISTRY_RUN_GARBAGE_COLLECTION;
                let send = send!(
                    registry_run_garbage_collection
                        .registry_name(name)
                        .body(body.clone())
                );
                client.create(operation, send, made, look_up).await
            }
        }
    }

    /// Cancels the active run. What it has deleted stays deleted.
    /// `PUT /v2/registries/{registry_name}/garbage-collection/{garbage_collection_uuid}`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if no active run has this id.
    pub async fn cancel(&self, id: &GarbageCollectionId) -> Result<GarbageCollection> {
        let body = &types::GarbageCollectionUpdate { cancel: Some(true) };
        let id = id.as_str();
        let answer = call_either!(
            &self.registry,
            REGISTRIES_UPDATE_GARBAGE_COLLECTION registries_update_garbage_collection
            | REGISTRY_UPDATE_GARBAGE_COLLECTION registry_update_garbage_collection
            .garbage_collection_uuid(id)
            .body(body.clone())
        );
        Ok(answer?.garbage_collection)
    }
}
