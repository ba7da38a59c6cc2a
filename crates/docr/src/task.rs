//! Tasks that go on when nobody waits for them any more.

use std::{future, panic};

use tokio::task::{JoinError, JoinHandle};

/// What a task ends in. When its runtime is being shut down, whoever waits here is, too.
pub(crate) async fn finished<T>(task: JoinHandle<T>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(end) => end,
        Err(Ok(panic)) => panic::resume_unwind(panic),
        Err(Err(_)) => future::pending().await,
    }
}
