//! A sandbox in this process.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result, anyhow};
use docr::ClientBuilder;
use docr_sandbox::{Clock, Sandbox, Seed};

use super::{clock::SandboxTime, sample};
use crate::{account::builder, output::WrongInput};

/// A sandbox with the samples and a clock of its own, so that waits take no time and runs are reproducible.
pub(crate) struct OwnSandbox {
    sandbox: Sandbox,
    time: Arc<SandboxTime>,
}

impl OwnSandbox {
    pub(crate) async fn start() -> Result<Self> {
        let clock = Clock::manual("2026-01-01T12:00:00Z".parse()?);
        let own = Self {
            sandbox: Sandbox::builder().clock(clock.clone()).start().await?,
            time: Arc::new(SandboxTime(clock.clone())),
        };
        // By a client without an observer: these requests are not shown.
        sample::fill(&own.sandbox, &clock, &own.client().build()?).await?;
        Ok(own)
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        let builder = builder(Some(self.sandbox.url())).token(self.sandbox.token());
        builder.clock(self.clock())
    }

    /// The host of image references.
    pub(crate) fn host(&self) -> String {
        self.sandbox.addr().to_string()
    }

    pub(crate) fn clock(&self) -> Arc<dyn docr::Clock> {
        Arc::clone(&self.time) as Arc<dyn docr::Clock>
    }
}

/// A sandbox whose clock runs from now on, with the samples or the content of a file.
pub(crate) async fn start(seed: Option<&Path>) -> Result<Sandbox> {
    let builder = Sandbox::builder()
        // Kept credentials of another sandbox must not be valid here.
        .seed(fastrand::u64(..))
        .credentials_for_own_host(true);
    if let Some(file) = seed {
        let started = builder.content(read_seed(file)?).start().await;
        return started.with_context(|| format!("seed file {}", file.display()));
    }
    let clock = Clock::manual(Clock::system().now() - sample::SPAN);
    let sandbox = builder.clock(clock.clone()).start().await?;
    let docr = self::builder(Some(sandbox.url())).token(sandbox.token());
    sample::fill(&sandbox, &clock, &docr.build()?).await?;
    clock.resume();
    Ok(sandbox)
}

fn read_seed(file: &Path) -> Result<Seed> {
    let place = || format!("seed file {}", file.display());
    let text = std::fs::read_to_string(file).with_context(place)?;
    let seed = Seed::from_json(&text);
    seed.map_err(|error| anyhow!(WrongInput(format!("{}: {error}", place()))))
}
