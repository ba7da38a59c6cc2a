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

/// Tells events to all who watch.
pub(crate) struct Events {
    /// `None` when the sandbox has ended.
    sender: Option<broadcast::Sender<Event>>,
}

impl Events {
    pub(crate) fn tell(&self, event: Event) {
        if let Some(sender) = &self.sender {
            // Without anyone who watches there is nobody to tell.
            let _unheard = sender.send(event);
        }
    }

    /// All events from now on. The receiver is told when there won't be more.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Event> {
        match &self.sender {
            Some(sender) => sender.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Ends what is told to those who watch.
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
