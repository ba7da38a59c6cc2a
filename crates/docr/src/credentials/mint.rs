//! Minting that leaves no credential behind when the caller stops waiting.

use std::future;

use futures_util::FutureExt as _;
use tokio::{runtime::Handle, sync::oneshot};
use tracing::{Instrument as _, debug};

use docr_api::Secret;

use super::DockerCredentials;
use crate::{
    call::{CallOptions, Core, Request},
    error::{Error, Result},
    task::finished,
};

impl DockerCredentials {
    /// Revokes the credentials.
    pub(crate) async fn revoke(&self, core: &Core) -> Result<()> {
        revoke(core, self.token()?, Some(self.auth())).await
    }
}

/// Revokes a token. Errors hide it and its alias.
pub(crate) async fn revoke(core: &Core, token: Secret, alias: Option<&Secret>) -> Result<()> {
    let core = core.with(CallOptions::unstoppable);
    let url = core.oauth_url().to_owned();
    let revoke = Request {
        endpoint: (&docr_api::OAUTH_REVOKE).into(),
        secrets: [token.clone()].into_iter().chain(alias.cloned()).collect(),
        send: move |api: docr_api::Client| {
            let (url, token) = (url.clone(), token.clone());
            async move { api.oauth_revoke(&url, &token).await }
        },
    };
    match core.call(revoke).await {
        // An earlier attempt with an unknown outcome has revoked it: it doesn't even authorize this request.
        Err(error) if error.is_unauthorized() && error.reached_before() => Ok(()),
        end => end,
    }
}

/// Mints in a task of its own. Once the caller has given up, no further attempt begins, and credentials that arrive
/// nevertheless are revoked.
pub(crate) async fn or_revoke<F>(
    core: &Core,
    mint: impl FnOnce(Core) -> F,
) -> Result<DockerCredentials>
where
    F: Future<Output = Result<DockerCredentials>> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let (here, gone) = oneshot::channel::<()>();
    let runtime = Handle::try_current().map_err(|_| Error::no_runtime())?;
    let mut caller = Caller {
        core: core.clone(),
        runtime: runtime.clone(),
        receiver,
        _here: here,
    };
    let minting = mint(core.with(|calls| calls.until(gone.map(drop))));
    let core = core.clone();
    let task = async move {
        if let Err(Ok(unwanted)) = sender.send(minting.await) {
            revoke_unwanted(core, unwanted).await;
        }
    };
    let task = runtime.spawn(task.in_current_span());
    match (&mut caller.receiver).await {
        Ok(minted) => minted,
        // The task panicked, which is passed on, or the runtime shuts down, and the caller with it.
        Err(_) => {
            finished(task).await;
            future::pending().await
        }
    }
}

/// The caller, who waits for credentials.
struct Caller {
    core: Core,
    runtime: Handle,
    receiver: oneshot::Receiver<Result<DockerCredentials>>,
    /// The other end sees when this is dropped.
    _here: oneshot::Sender<()>,
}

impl Drop for Caller {
    /// They may have been sent but not yet received.
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Ok(unwanted)) = self.receiver.try_recv() {
            self.runtime
                .spawn(revoke_unwanted(self.core.clone(), unwanted));
        }
    }
}

async fn revoke_unwanted(core: Core, credentials: DockerCredentials) {
    if let Err(error) = credentials.revoke(&core).await {
        debug!(%error, "credentials of a cancelled call could not be revoked");
    }
}
