//! The embedded spec, read once per process.

mod document;
mod operation;
mod route;

use std::io;
use std::sync::LazyLock;

use serde_json::Value;

use document::Document;
pub(crate) use operation::{Operation, ResponseRule, messages};
pub(crate) use route::{Routed, query_pairs};

static SPEC: LazyLock<Result<Spec, String>> =
    LazyLock::new(|| Spec::read(include_str!("../spec.json")));

/// What the sandbox needs to know of the API.
pub(crate) struct Spec {
    pub(crate) operations: Vec<Operation>,
    pub(crate) regions: Vec<Value>,
}

impl Spec {
    pub(crate) fn embedded() -> io::Result<&'static Self> {
        SPEC.as_ref()
            .map_err(|fault| io::Error::other(format!("the embedded spec is unusable: {fault}")))
    }

    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut document = Document::parse(text)?;
        let operations = operation::read_all(&mut document)?;
        let regions = document.array("/components/schemas/region/enum").to_vec();
        Ok(Self {
            operations,
            regions,
        })
    }
}
