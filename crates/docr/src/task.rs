//! Tasks that run to completion when their caller is gone.

use std::{future, panic};

use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument as _;

/// Starts a future that runs to completion, even if the caller stops waiting.
pub(crate) fn to_its_end<F>(future: F) -> impl Future<Output = F::Output> + use<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    finished(tokio::spawn(future.in_current_span()))
}

/// The output of a task. While its runtime shuts down, this never returns: the caller is shut down, too.
pub(crate) async fn finished<T>(task: JoinHandle<T>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(end) => end,
        Err(Ok(panic)) => panic::resume_unwind(panic),
        Err(Err(_)) => future::pending().await,
    }
}
