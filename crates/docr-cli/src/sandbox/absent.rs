//! The stand-in for the sandbox in a build without one.

use std::sync::Arc;

use anyhow::Result;
use docr::ClientBuilder;

use crate::output::WrongInput;

pub(crate) enum OwnSandbox {}

impl OwnSandbox {
    pub(crate) async fn start() -> Result<Self> {
        let message = "--sandbox: this docr was built without the sandbox feature; install one that has it, or start \
                       docr-sandbox and set the variables that it prints";
        Err(WrongInput(message.to_owned()).into())
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        match *self {}
    }

    pub(crate) fn host(&self) -> String {
        match *self {}
    }

    pub(crate) fn clock(&self) -> Arc<dyn docr::Clock> {
        match *self {}
    }
}
