//! Tasks that go on when nobody waits for them any more.

use std::{future, panic};

use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument as _;

/// Begins a future, which goes on to its end also when nobody waits for it any more.
pub(crate) fn to_its_end<F>(future: F) -> impl Future<Output = F::Output> + use<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    finished(tokio::spawn(future.in_current_span()))
}

/// What a task ends in. When its runtime is being shut down, whoever waits here is, too.
pub(crate) async fn finished<T>(task: JoinHandle<T>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(end) => end,
        Err(Ok(panic)) => panic::resume_unwind(panic),
        Err(Err(_)) => future::pending().await,
    }
}
