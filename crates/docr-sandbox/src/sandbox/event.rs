//! Events of a sandbox for its watchers.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::request_log::Entry;

/// How many events are queued for a slow watcher. Beyond that the oldest are lost.
const WAITING: usize = 1024;

#[derive(Clone)]
pub(crate) enum Event {
    /// A request and its response.
    Request(Arc<Entry>),
    /// The content of the sandbox has changed, or may have.
    Change,
}

/// Sends events to all watchers.
pub(crate) struct Events {
    /// `None` once the sandbox has stopped.
    sender: Option<broadcast::Sender<Event>>,
}

impl Events {
    pub(crate) fn tell(&self, event: Event) {
        if let Some(sender) = &self.sender {
            // It fails if nobody watches.
            let _unheard = sender.send(event);
        }
    }

    /// All events from now on. The channel is closed when the sandbox stops.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Event> {
        match &self.sender {
            Some(sender) => sender.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Closes the channels of all watchers.
    pub(super) fn end(&mut self) {
        self.sender = None;
    }
}

impl Default for Events {
    fn default() -> Self {
        Self {
            sender: Some(broadcast::Sender::new(WAITING)),
        }
    }
}
