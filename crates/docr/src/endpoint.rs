//! The endpoint of a call: an operation of the API's description, or a path that the caller chose.

use std::sync::Arc;

use docr_api::{Effect, Operation};
use reqwest::Method;

/// The endpoint of a call. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    Operation(&'static Operation),
    Raw(Arc<RawEndpoint>),
}

#[derive(Debug)]
pub(crate) struct RawEndpoint {
    method: Method,
    effect: Effect,
    /// Method and path, as errors name the call.
    name: String,
}

impl Endpoint {
    pub(crate) fn raw(method: Method, path: &str, effect: Effect) -> Self {
        let name = format!("{method} {path}");
        Self::Raw(Arc::new(RawEndpoint {
            method,
            effect,
            name,
        }))
    }

    /// The `operationId`, or else method and path.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Operation(operation) => operation.id,
            Self::Raw(raw) => &raw.name,
        }
    }

    pub(crate) fn method(&self) -> &str {
        match self {
            Self::Operation(operation) => operation.method,
            Self::Raw(raw) => raw.method.as_str(),
        }
    }

    pub(crate) fn effect(&self) -> Effect {
        match self {
            Self::Operation(operation) => operation.effect,
            Self::Raw(raw) => raw.effect,
        }
    }

    /// The operation of the description, if it is one.
    pub(crate) fn operation(&self) -> Option<&'static Operation> {
        match self {
            Self::Operation(operation) => Some(operation),
            Self::Raw(_) => None,
        }
    }

    /// Whether it revokes a token: that is sent to another server, authorized by the revoked token itself.
    pub(crate) fn authorizes_itself(&self) -> bool {
        self.operation() == Some(&docr_api::OAUTH_REVOKE)
    }

    /// The path with parameters in braces; `None` for a path that the caller chose, which may contain names.
    pub(crate) fn template(&self) -> Option<&'static str> {
        self.operation().map(|operation| operation.path)
    }
}

impl From<&'static Operation> for Endpoint {
    fn from(operation: &'static Operation) -> Self {
        Self::Operation(operation)
    }
}
