//! Notifies open pages of changes, which they then fetch.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::sandbox::event::Event;
use crate::sandbox::service::Service;

/// The shortest time between two notifications of a page.
const PAUSE: Duration = Duration::from_millis(250);

/// What has changed, roughly.
#[derive(Clone, Copy, Default)]
struct News {
    world: bool,
    requests: bool,
}

impl News {
    const ALL: Self = Self {
        world: true,
        requests: true,
    };

    fn add(&mut self, event: &Event) {
        match event {
            Event::Request(_) => self.requests = true,
            Event::Change => self.world = true,
        }
    }

    /// One event with everything that has changed.
    fn event(self) -> sse::Event {
        let data = match (self.world, self.requests) {
            (true, true) => "world requests",
            (true, false) => "world",
            _ => "requests",
        };
        sse::Event::default().data(data)
    }
}

/// The event stream of one page. It ends with the sandbox.
pub(super) fn stream(service: &Service) -> Response {
    let watch = service.state().events.watch();
    let news = unfold((watch, false), |(mut watch, told)| async move {
        if told {
            pause().await;
        }
        let news = next(&mut watch).await?;
        Some((Ok::<_, Infallible>(news.event()), (watch, true)))
    });
    Sse::new(news)
        .keep_alive(KeepAlive::default())
        .into_response()
}

#[allow(
    clippy::disallowed_methods,
    reason = "whoever looks at a page does so in real time, whatever the sandbox's clock says"
)]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// Waits for an event and takes all that are queued. `None` when there will be no more.
async fn next(watch: &mut Receiver<Event>) -> Option<News> {
    let mut news = News::default();
    match watch.recv().await {
        Ok(event) => news.add(&event),
        // Unknown events were missed.
        Err(RecvError::Lagged(_)) => news = News::ALL,
        Err(RecvError::Closed) => return None,
    }
    loop {
        match watch.try_recv() {
            Ok(event) => news.add(&event),
            Err(TryRecvError::Lagged(_)) => news = News::ALL,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(news),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::event::Events;

    #[tokio::test]
    async fn a_burst_of_changes_is_announced_once_and_the_stream_ends() {
        let mut events = Events::default();
        let mut watch = events.watch();
        for _ in 0..10 {
            events.tell(Event::Change);
        }
        let news = next(&mut watch).await.unwrap();
        assert!(news.world && !news.requests);
        // More than the queue holds.
        for _ in 0..100_000 {
            events.tell(Event::Change);
        }
        let news = next(&mut watch).await.unwrap();
        assert!(news.world && news.requests);
        events.end();
        assert!(next(&mut watch).await.is_none());
        assert!(next(&mut events.watch()).await.is_none());
    }
}
