//! Credentials that were minted and not yet handed over: if anything fails before that, they are revoked.

use std::{
    io::{self, Write as _},
    thread,
};

use anyhow::{Error, Result, anyhow};
use docr::{Client, DockerCredentials, Secret};

use crate::interrupt::Interrupt;

pub(crate) struct Minted {
    docr: Client,
    /// `None` once they are handed over or revoked.
    credentials: Option<DockerCredentials>,
}

impl Minted {
    /// Mints credentials, with calls that the interrupt stops; `None` if interrupted.
    pub(crate) async fn mint(
        docr: &Client,
        minting: impl Future<Output = docr::Result<DockerCredentials>>,
        interrupt: &Interrupt,
    ) -> Result<Option<Self>> {
        // An interrupt waits for the request in progress, since what it mints must be revoked.
        let minted = match minting.await {
            Err(error) if error.is_stopped() && !error.is_ambiguous() => return Ok(None),
            minted => Self::of(docr, minted?),
        };
        if interrupt.is_asked() {
            minted.revoke().await?;
            return Ok(None);
        }
        Ok(Some(minted))
    }

    fn of(docr: &Client, credentials: DockerCredentials) -> Self {
        Self {
            docr: docr.clone(),
            credentials: Some(credentials),
        }
    }

    pub(crate) fn credentials(&self) -> Result<&DockerCredentials> {
        let credentials = self.credentials.as_ref();
        credentials.ok_or_else(|| anyhow!("the credentials were already handed over or revoked"))
    }

    /// Hands them over. If that fails, they are revoked.
    pub(crate) async fn hand_over<T>(
        mut self,
        handing: impl FnOnce(&DockerCredentials) -> Result<T>,
    ) -> Result<T> {
        let error = match self.credentials().and_then(handing) {
            Ok(handed) => {
                self.credentials = None;
                return Ok(handed);
            }
            Err(error) => error,
        };
        Err(match self.revoke().await {
            Ok(()) => error,
            Err(left) => error.context(still_valid(&left.into())),
        })
    }

    /// Prints a document that holds them. If that fails, they are revoked.
    pub(crate) async fn print(
        self,
        text: impl FnOnce(&DockerCredentials) -> Result<Secret>,
    ) -> Result<()> {
        self.hand_over(|credentials| {
            let mut out = io::stdout();
            writeln!(out, "{}", text(credentials)?.expose().trim_end())?;
            Ok(out.flush()?)
        })
        .await
    }

    /// Revokes them.
    pub(crate) async fn revoke(mut self) -> docr::Result<()> {
        match self.credentials.take() {
            Some(credentials) => self.docr.revoke(&credentials).await,
            None => Ok(()),
        }
    }
}

fn still_valid(error: &Error) -> String {
    format!(
        "the credentials could be neither handed over nor revoked, and remain valid ({error:#})"
    )
}

impl Drop for Minted {
    /// Revokes them after an error or a panic.
    fn drop(&mut self) {
        let Some(credentials) = self.credentials.take() else {
            return;
        };
        let docr = self.docr.clone();
        // A runtime may be running on this thread, which must not be blocked.
        let revoking = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let revoked = runtime.map(|runtime| runtime.block_on(docr.revoke(&credentials)));
            revoked
                .map_err(Error::from)
                .and_then(|revoked| Ok(revoked?))
        });
        if let Ok(Err(error)) = revoking.join() {
            eprintln!("{}", crate::output::visible(&still_valid(&error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use docr::CredentialsRequest;
    use docr_sandbox::Sandbox;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    #[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
    async fn credentials_are_revoked_after_a_panic_or_a_failure() {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.add_sample().unwrap();
        let docr = Client::builder()
            .base_url(sandbox.url())
            .token(sandbox.token());
        let docr = docr.build().unwrap();
        let registry = docr.registry("sample".parse().unwrap());
        let mint = async || {
            let wanted = CredentialsRequest::read_only();
            Minted::of(&docr, registry.docker_credentials(wanted).await.unwrap())
        };
        let (minted, other) = (mint().await, mint().await);
        let panicking = tokio::spawn(async move {
            let handing = |_: &DockerCredentials| -> Result<()> { panic!("in the middle") };
            minted.hand_over(handing).await
        });
        assert!(panicking.await.unwrap_err().is_panic());
        assert!(sandbox.credentials()[0].revoked);
        other.hand_over(|_| Ok(())).await.unwrap();
        assert!(!sandbox.credentials()[1].revoked);
        let failed = mint()
            .await
            .hand_over(|_| -> Result<()> { Err(anyhow!("no room")) });
        assert_eq!(failed.await.unwrap_err().to_string(), "no room");
        assert!(sandbox.credentials()[2].revoked);
    }
}
