//! What happens in a sandbox, told to those who watch.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::request_log::Entry;

/// How many events may wait for someone who is slow to take them. Beyond that the oldest are lost to them.
const WAITING: usize = 1024;

#[derive(Clone)]
pub(crate) enum Event {
    /// A request was answered.
    Request(Arc<Entry>),
    /// What is in the sandbox has changed, or may have.
    Change,
}

/// Tells events to all who watch, until it is closed.
pub(crate) struct Events(Option<broadcast::Sender<Event>>);

impl Events {
    pub(crate) fn tell(&self, event: Event) {
        // Without anyone who watches there is nobody to tell.
        let _unheard = self.0.as_ref().map(|sender| sender.send(event));
    }

    /// All events from now on. The receiver is told when there won't be more.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Event> {
        match &self.0 {
            Some(sender) => sender.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Tells those who watch that there won't be more.
    pub(super) fn close(&mut self) {
        self.0 = None;
    }
}

impl Default for Events {
    fn default() -> Self {
        Self(Some(broadcast::Sender::new(WAITING)))
    }
}
