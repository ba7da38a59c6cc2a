//! Saves the world, with a data directory.

use std::sync::{Arc, PoisonError};
use std::{fs, io};

use tokio::task::spawn_blocking;

use super::service::{Held, Service};
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::account::World;
use crate::refusal::Reason;

impl Service {
    /// Changes the world and saves it. If that fails, the next request tries again and reports the error.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.change_all(|state| act(&mut state.world))
    }

    /// Changes the whole state, including the world.
    pub(crate) fn change_all<T>(&self, act: impl FnOnce(&mut Held) -> T) -> T {
        let mut state = self.state();
        let done = act(&mut state);
        state.changed();
        drop(state);
        let _unwritten = self.save();
        done
    }

    /// Delays a response until what it reports is saved.
    pub(super) async fn after(self: &Arc<Self>, response: Response) -> Response {
        if self.data.is_none() {
            return response;
        }
        let service = Arc::clone(self);
        let saved = spawn_blocking(move || service.save()).await;
        match saved.map_err(io::Error::other).flatten() {
            Ok(()) => response,
            Err(error) => Problem::from(Reason::NotSaved.about(error)).into_response("none"),
        }
    }

    /// Saves the world if it has changed. Concurrent calls share one write.
    pub(crate) fn save(&self) -> io::Result<()> {
        let Some(data) = &self.data else {
            return Ok(());
        };
        let wanted = self.state().version;
        let mut saved = data.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if saved.version >= wanted {
            return Ok(());
        }
        if saved.lock.is_none() {
            return Err(io::Error::other("the sandbox has stopped"));
        }
        // Taken before the world is read, which no longer needs these files.
        let unneeded = data.directory.take_unneeded();
        let (text, version) = {
            let state = self.state();
            (serde_json::to_vec(&state.world)?, state.version)
        };
        data.replace(&text)?;
        saved.version = version;
        for file in unneeded {
            // The next sandbox deletes what can't be deleted now.
            drop(fs::remove_file(file));
        }
        Ok(())
    }

    /// Releases the data directory for the next sandbox and closes the streams of events. Clients may still hold
    /// connections.
    pub(crate) fn close(&self) {
        self.state().events.end();
        if let Some(data) = &self.data {
            let mut saved = data.saved.lock().unwrap_or_else(PoisonError::into_inner);
            saved.lock = None;
        }
    }
}
