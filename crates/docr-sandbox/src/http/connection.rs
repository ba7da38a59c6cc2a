//! One connection: its requests, in order, and how it ends.

use std::error::Error as _;
use std::future::poll_fn;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::{Request, Version, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tower_http::timeout::TimeoutBody;

use super::body::UNREAD;
use super::limits::{ConnectionLimits, HEAD_LIMIT};
use super::problem::Problem;
use crate::refusal::Reason;

/// How long a client may take to read the last response and to close its side.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all connections of a server have in common.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) limits: ConnectionLimits,
    /// Its sender is dropped when the server stops.
    pub(super) stopped: watch::Receiver<()>,
}

impl Connections {
    /// Serves one connection until either side closes it, a limit is exceeded or the server stops.
    pub(super) async fn serve(mut self, stream: impl AsyncRead + AsyncWrite) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.limits.idle));
        let (limits, router) = (self.limits, TowerToHyperService::new(self.router));
        let service = service_fn(|request: Request<Incoming>| {
            let router = router.clone();
            Box::pin(async move {
                let response = respond(router, request, limits).await;
                match response.extensions().get() {
                    Some(abort) => Err(Abort::clone(abort)),
                    None => Ok(response),
                }
            })
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_header_size(HEAD_LIMIT)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let mut stops = false;
        let ended = loop {
            tokio::select! {
                ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
                _ = self.stopped.changed(), if !stops => {
                    stops = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
        };
        let is_aborted = matches!(&ended, Err(error) if error.source().is_some_and(|source| source.is::<Abort>()));
        if is_aborted {
            return;
        }
        let parts = connection.into_parts();
        let began = !parts.read_buf.is_empty();
        let stream = parts.io.into_inner();
        // The last response is lost on a client that doesn't read it in time.
        let _ = match ended {
            Err(error) if error.is_timeout() && began => {
                timeout(FAREWELL, report_late_head(stream, limits.head)).await
            }
            Err(error) if !error.is_parse() => return,
            _ => timeout(FAREWELL, close(stream)).await,
        };
    }
}

/// An extension of a response that ends the connection in its place.
#[derive(Clone, Debug, Error)]
#[error("the connection ends without a response")]
pub(crate) struct Abort;

impl Abort {
    pub(crate) fn in_place_of(mut response: Response) -> Response {
        response.extensions_mut().insert(Self);
        response
    }
}

/// Responds to one request.
async fn respond(
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
    limits: ConnectionLimits,
) -> Response {
    if let Some(problem) = host_problem(&request) {
        return problem.into_response("none").into_response();
    }
    let mut request = request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(TimeoutBody::new(limits.idle, body)),
    });
    request.extensions_mut().insert(limits);
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// What is wrong with the host that a request names.
fn host_problem<B>(request: &Request<B>) -> Option<Problem> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    match hosts {
        0 if request.version() == Version::HTTP_11 => Some(Reason::NoHost),
        0 | 1 => None,
        _ => Some(Reason::SeveralHosts),
    }
    .map(Problem::from)
}

/// Responds to a client that did not finish the head of a request.
async fn report_late_head(
    mut stream: impl AsyncWrite + Unpin,
    limit: Duration,
) -> std::io::Result<()> {
    let refusal = Reason::HeadLate.about(format_args!("{limit:?}"));
    let problem = Problem::from(refusal).into_response("none");
    let head = format!(
        "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        problem.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&problem.body).await?;
    stream.shutdown().await
}

/// Closes a connection so that the client receives the last response: it could be lost if what the client still sends
/// were not read.
async fn close(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut buffer = vec![0; 16 * 1024];
    let mut unread = UNREAD;
    while unread > 0 {
        match stream.read(&mut buffer).await? {
            0 => break,
            bytes => unread = unread.saturating_sub(bytes),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_rest_of_a_request_is_read_before_the_connection_is_closed() {
        let (mut client, server) = tokio::io::duplex(1024);
        let sending = async {
            client.write_all(&[0; 100_000]).await?;
            client.shutdown().await
        };
        let (sent, closed) = tokio::join!(sending, close(server));
        sent.unwrap();
        closed.unwrap();
    }
}
