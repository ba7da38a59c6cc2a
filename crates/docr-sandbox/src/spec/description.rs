//! The embedded spec, read once per process.

use std::collections::BTreeSet;
use std::io;
use std::sync::LazyLock;

use serde_json::Value;

use super::document::Document;
use super::operation::{self, Operation};

static SPEC: LazyLock<Result<Spec, String>> =
    LazyLock::new(|| Spec::read([include_str!("../spec.json"), include_str!("doors.json")]));

/// What the sandbox needs of the spec.
#[derive(Default)]
pub(crate) struct Spec {
    pub(crate) operations: Vec<Operation>,
    pub(crate) regions: Vec<Value>,
    /// The API's version.
    #[cfg(feature = "record")]
    pub(crate) version: String,
    /// The names of the properties that hold secrets.
    pub(crate) secret_fields: BTreeSet<String>,
}

impl Spec {
    pub(crate) fn embedded() -> io::Result<&'static Self> {
        SPEC.as_ref()
            .map_err(|fault| io::Error::other(format!("the embedded spec is unusable: {fault}")))
    }

    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// The id that is most similar to a text, whatever the order of its words.
    pub(crate) fn nearest(&self, id: &str) -> &str {
        let likeness = |operation: &&Operation| strsim::sorensen_dice(&operation.id, id);
        let ids = self.operations.iter();
        let nearest = ids.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        nearest.map_or("", |operation| &operation.id)
    }

    /// Reads the spec, and the operations that are served beside it.
    fn read([text, beside]: [&str; 2]) -> Result<Self, String> {
        let mut document = Document::parse(text, beside)?;
        let operations = operation::read_all(&mut document)?;
        let regions = document.array("/components/schemas/region/enum").to_vec();
        #[cfg(feature = "record")]
        let version = document.get("/info/version").and_then(Value::as_str);
        Ok(Self {
            operations,
            regions,
            #[cfg(feature = "record")]
            version: version.unwrap_or_default().to_owned(),
            secret_fields: document.properties_of_format("password")?,
        })
    }
}
