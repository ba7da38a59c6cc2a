//! Streams content to and from clients, with little of it in memory.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use tower_http::timeout::TimeoutError;

use crate::storage::{Reader, Sink};

/// The number of bytes that are read or written at once.
const CHUNK: usize = 512 * 1024;
/// The most pieces that these may consist of, each of which has an overhead.
const PIECES: usize = 1024;

/// The length up to which bodies are read into memory at any time.
const SMALL: usize = 64 * 1024;
/// The number of larger bodies that are read into memory at a time.
static TURNS: Semaphore = Semaphore::const_new(32);

/// Content as the body of a response, read one chunk ahead of the client.
pub(crate) struct Streamed {
    /// The number of bytes still to be sent.
    left: u64,
    state: State,
}

enum State {
    Idle(Reader),
    Reading(JoinHandle<(Reader, io::Result<Bytes>)>),
    Done,
}

impl Streamed {
    pub(crate) fn new(reader: Reader) -> Self {
        let left = reader.left();
        Self {
            left,
            state: State::Idle(reader).ahead(),
        }
    }
}

impl State {
    /// Starts reading the next chunk, if that has to wait for the disk.
    fn ahead(self) -> Self {
        match self {
            Self::Idle(reader) if reader.left() == 0 => Self::Done,
            Self::Idle(mut reader) if reader.blocks() => Self::Reading(spawn_blocking(move || {
                let read = reader.read(CHUNK);
                (reader, read)
            })),
            other => other,
        }
    }
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let (reader, read) = match &mut this.state {
            State::Done => return Poll::Ready(None),
            State::Reading(reading) => match ready!(Pin::new(reading).poll(cx)) {
                Ok(read) => read,
                Err(failed) => {
                    this.state = State::Done;
                    return Poll::Ready(Some(Err(io::Error::other(failed))));
                }
            },
            State::Idle(_) => match std::mem::replace(&mut this.state, State::Done) {
                State::Idle(mut reader) => {
                    let read = reader.read(CHUNK);
                    (reader, read)
                }
                _ => return Poll::Ready(None),
            },
        };
        match read {
            Ok(bytes) => {
                this.left = reader.left();
                this.state = State::Idle(reader).ahead();
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Err(error) => {
                this.state = State::Done;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Why a body is incomplete.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client disconnected. The sink has what was received.
    Cut,
    /// The client sent nothing for too long. The sink has what was received.
    Idle,
    /// It is longer than declared. The sink has the declared length.
    TooLong,
    /// It can't be stored.
    Storage(io::Error),
}

/// Writes a body to a sink, up to `most` bytes. The next chunk is received while one is written. Returns the sink unless
/// a write failed.
pub(crate) async fn receive(
    mut sink: Sink,
    body: &mut Body,
    most: Option<u64>,
) -> (Option<Sink>, Result<(), Broken>) {
    let mut room = most;
    let mut batch = next_batch(body, &mut room).await;
    loop {
        let (chunks, end) = batch;
        let bytes = chunks.iter().map(Bytes::len).sum();
        if !sink.blocks_on(bytes) {
            if let Err(error) = sink.write(&chunks) {
                return (None, Err(Broken::Storage(error)));
            }
            if let Some(end) = end {
                return (Some(sink), end);
            }
            batch = next_batch(body, &mut room).await;
            continue;
        }
        let writing = spawn_blocking(move || {
            let written = sink.write(&chunks);
            (sink, written)
        });
        let (next, written) = match end {
            Some(end) => ((Vec::new(), Some(end)), writing.await),
            None => tokio::join!(next_batch(body, &mut room), writing),
        };
        match written {
            Ok((written, Ok(()))) => sink = written,
            Ok((_, Err(error))) => return (None, Err(Broken::Storage(error))),
            Err(failed) => return (None, Err(Broken::Storage(io::Error::other(failed)))),
        }
        match next {
            (chunks, Some(end)) if chunks.is_empty() => return (Some(sink), end),
            next => batch = next,
        }
    }
}

/// A part of a body, and how the body ended if it did.
type Batch = (Vec<Bytes>, Option<Result<(), Broken>>);

async fn next_batch(body: &mut Body, room: &mut Option<u64>) -> Batch {
    let (mut chunks, mut bytes) = (Vec::new(), 0);
    while bytes < CHUNK && chunks.len() < PIECES {
        match next(body).await {
            Some(Ok(mut chunk)) => {
                if let Some(room) = room {
                    let fits = usize::try_from(*room).unwrap_or(usize::MAX);
                    if chunk.len() > fits {
                        chunks.push(chunk.split_to(fits));
                        *room = 0;
                        return (chunks, Some(Err(Broken::TooLong)));
                    }
                    *room -= chunk.len() as u64;
                }
                bytes += chunk.len();
                chunks.push(chunk);
            }
            Some(Err(error)) => return (chunks, Some(Err(cause(&error)))),
            None => return (chunks, Some(Ok(()))),
        }
    }
    (chunks, None)
}

/// The next bytes of a body.
pub(super) async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            // Trailers.
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Why a body ended with an error.
fn cause(error: &axum::Error) -> Broken {
    let source = std::error::Error::source(error);
    match source.is_some_and(|source| source.is::<TimeoutError>()) {
        true => Broken::Idle,
        false => Broken::Cut,
    }
}

/// Reads a body of at most so many bytes into memory. One that is not small waits for its turn.
pub(crate) async fn read_whole(body: &mut Body, most: usize) -> Result<Bytes, Broken> {
    let (mut whole, mut turn) = (Vec::new(), None);
    while let Some(read) = next(body).await {
        let chunk = read.map_err(|error| cause(&error))?;
        let length = whole.len() + chunk.len();
        if length > most {
            return Err(Broken::TooLong);
        }
        if length > SMALL && turn.is_none() {
            turn = TURNS.acquire().await.ok();
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// A body that is cut off before its declared end.
pub(crate) struct CutOff {
    body: Body,
    left: u64,
    is_cut: bool,
    has_rested: bool,
}

impl CutOff {
    pub(crate) fn new(body: Body, after: u64) -> Self {
        Self {
            body,
            left: after,
            is_cut: false,
            has_rested: false,
        }
    }
}

impl HttpBody for CutOff {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if !this.is_cut {
            let frame = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            let mut data = match frame.into_data() {
                Ok(data) => data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            };
            let most = usize::try_from(this.left).unwrap_or(usize::MAX);
            this.is_cut = data.len() > most;
            data.truncate(most);
            this.left -= data.len() as u64;
            if !this.is_cut || !data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
        if !std::mem::replace(&mut this.has_rested, true) {
            // Lets what was written be sent first: an error would discard it.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let broken = io::Error::from(io::ErrorKind::ConnectionAborted);
        Poll::Ready(Some(Err(axum::Error::new(broken))))
    }

    fn is_end_stream(&self) -> bool {
        !self.is_cut && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that arrives in chunks of these lengths.
    fn of_chunks(lengths: [usize; 3]) -> Body {
        let chunks = lengths.map(|length| Ok::<_, io::Error>(vec![0; length]));
        Body::from_stream(futures_util::stream::iter(chunks))
    }

    async fn frames(mut body: CutOff) -> (Vec<usize>, bool) {
        let mut lengths = Vec::new();
        loop {
            match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(frame)) => lengths.push(frame.into_data().unwrap().len()),
                end => return (lengths, end.is_none()),
            }
        }
    }

    #[tokio::test]
    async fn a_body_is_cut_off_only_if_it_would_be_longer() {
        let cut = |after| frames(CutOff::new(Body::from(vec![0; 10]), after));
        assert_eq!(cut(4).await, (vec![4], false));
        assert_eq!(cut(0).await, (vec![], false));
        assert_eq!(cut(10).await, (vec![10], true));
        assert_eq!(cut(11).await, (vec![10], true));
        let cut = |after| frames(CutOff::new(of_chunks([4, 4, 4]), after));
        assert_eq!(cut(6).await, (vec![4, 2], false));
        assert_eq!(cut(8).await, (vec![4, 4], false));
        assert_eq!(cut(12).await, (vec![4, 4, 4], true));
        assert!(CutOff::new(Body::empty(), 4).is_end_stream());
        let size = CutOff::new(Body::from(vec![0; 10]), 4).size_hint();
        assert_eq!(size.exact(), Some(10));
    }

    #[tokio::test]
    async fn bytes_before_the_cut_can_be_sent_first() {
        let mut body = CutOff::new(Body::from(vec![0; 10]), 4);
        let mut polls = Vec::new();
        poll_fn(|cx| {
            for _ in 0..3 {
                polls.push(
                    Pin::new(&mut body)
                        .poll_frame(cx)
                        .map(|frame| frame.unwrap().is_ok()),
                );
            }
            Poll::Ready(())
        })
        .await;
        assert_eq!(
            polls,
            [Poll::Ready(true), Poll::Pending, Poll::Ready(false)]
        );
    }

    #[tokio::test]
    async fn no_more_is_received_at_once_than_is_written() {
        let mut body = of_chunks([CHUNK - 1, 1, 1]);
        let mut lengths = Vec::new();
        loop {
            let (chunks, end) = next_batch(&mut body, &mut None).await;
            lengths.push(chunks.iter().map(Bytes::len).sum::<usize>());
            if end.is_some() {
                assert_eq!(lengths, [CHUNK, 1]);
                return;
            }
        }
    }

    #[tokio::test]
    async fn an_upload_beyond_the_space_left_is_too_large() {
        let mut body = of_chunks([4, 4, 4]);
        let (chunks, end) = next_batch(&mut body, &mut Some(6)).await;
        assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [4, 2]);
        assert!(matches!(end, Some(Err(Broken::TooLong))));
    }

    #[tokio::test]
    async fn small_bodies_never_wait_for_large_ones() {
        let all = u32::try_from(TURNS.available_permits()).unwrap();
        let taken = TURNS.acquire_many(all).await.unwrap();
        let mut small = Body::from(vec![0; SMALL]);
        assert_eq!(read_whole(&mut small, 1 << 20).await.unwrap().len(), SMALL);
        let mut large = Body::from(vec![0; SMALL + 1]);
        let mut reading = Box::pin(read_whole(&mut large, 1 << 20));
        tokio::select! {
            biased;
            _ = &mut reading => panic!("it has not waited for its turn"),
            () = std::future::ready(()) => {}
        }
        drop(taken);
        assert_eq!(reading.await.unwrap().len(), SMALL + 1);
        let mut over = Body::from(vec![0; 3]);
        let refused = read_whole(&mut over, 2).await;
        assert!(matches!(refused, Err(Broken::TooLong)));
    }
}
