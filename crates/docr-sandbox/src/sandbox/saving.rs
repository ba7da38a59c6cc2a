//! When the world is written down, where it is to last.

use std::sync::{Arc, PoisonError};
use std::{fs, io};

use tokio::task::spawn_blocking;

use super::service::{Held, Service};
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::account::World;
use crate::refusal::Reason;

impl Service {
    /// Changes the world, and writes that down where it is to last. What can't be written now is when a request comes,
    /// which reports why if it fails again.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.change_all(|state| act(&mut state.world))
    }

    /// Changes what is held, the world with it.
    pub(crate) fn change_all<T>(&self, act: impl FnOnce(&mut Held) -> T) -> T {
        let mut state = self.state();
        let done = act(&mut state);
        state.changed();
        drop(state);
        let _unwritten = self.save();
        done
    }

    /// Lets a response wait until what it reports is written down.
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

    /// Writes down what has changed, where that is to last. Those who come while one is writing share the next turn.
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
            return Err(io::Error::other("the sandbox has ended"));
        }
        // Before the world is read: these it doesn't need any more.
        let unneeded = data.directory.take_unneeded();
        let (text, version) = {
            let state = self.state();
            (serde_json::to_vec(&state.world)?, state.version)
        };
        data.replace(&text)?;
        saved.version = version;
        for file in unneeded {
            // The next sandbox does away with what can't be deleted.
            drop(fs::remove_file(file));
        }
        Ok(())
    }

    /// Leaves what is kept to the next sandbox, and tells those who watch that this one ends. Clients may hold connections
    /// still.
    pub(crate) fn close(&self) {
        self.state().events.end();
        if let Some(data) = &self.data {
            let mut saved = data.saved.lock().unwrap_or_else(PoisonError::into_inner);
            saved.lock = None;
        }
    }
}
