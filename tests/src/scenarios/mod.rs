//! The scenarios that are recorded and replayed: every operation with every documented status, unusual responses, and
//! flows.

mod flows;
mod odd;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use docr::Client;
use docr_api::{Operation, operations};
use docr_sandbox::{
    Sandbox,
    recording::{Recorder, Recording, Request},
};

pub use flows::{Flow, LiveFlow};
use odd::Odd;

use crate::{
    calls::{Subjects, call},
    sandbox::{client_at, furnish, prepare, registry_name, start},
};

/// A status that no operation documents, for the spec's `default` response.
const UNDOCUMENTED: u16 = 503;

/// One or more calls, and the state of the service in which they are made.
#[derive(Clone, Copy, Debug)]
pub enum Scenario {
    /// One call with a status.
    Operation(&'static Operation, u16),
    /// One call with a response that differs from the published description.
    Odd(&'static Odd),
    /// Several calls.
    Flow(&'static Flow),
}

/// All scenarios.
pub fn all() -> Vec<Scenario> {
    let operations = operations::ALL.iter().flat_map(|operation| {
        let statuses = operation.statuses.iter().copied().chain([UNDOCUMENTED]);
        statuses.map(move |status| Scenario::Operation(operation, status))
    });
    let odd = odd::all().iter().map(Scenario::Odd);
    let flows = flows::ALL.iter().map(Scenario::Flow);
    operations.chain(odd).chain(flows).collect()
}

impl Scenario {
    /// Its name, which is also that of its recording and its snapshot.
    pub fn name(&self) -> String {
        match self {
            Self::Operation(operation, status) => format!("{}-{status}", operation.id),
            Self::Odd(odd) => format!("odd-{}", odd.name),
            Self::Flow(flow) => format!("flow-{}", flow.name),
        }
    }

    /// A description in one line.
    pub fn about(&self) -> String {
        match self {
            Self::Operation(operation, status) => {
                format!("{} {}: {status}", operation.method, operation.path)
            }
            Self::Odd(odd) => odd.about.into(),
            Self::Flow(flow) => flow.about.into(),
        }
    }

    /// The file of its recording.
    pub fn recording_path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.json", self.name()))
    }

    /// Records it against a sandbox.
    pub async fn record(&self) -> Result<Recording, Box<dyn std::error::Error>> {
        let (sandbox, _) = start().await;
        let subjects = self.set_up(&sandbox).await;
        let recorder = Recorder::sandbox(&sandbox).start().await?;
        let docr = client_at(recorder.url(), sandbox.token());
        let read = self.act(&docr, &subjects).await?;
        if let Self::Operation(operation, status) = self {
            // A taken name and no active run are results, not errors.
            let is_result = *status < 400
                || (operation.id.ends_with("validate_name") && *status == 409)
                || (operation.id.ends_with("get_garbageCollection") && *status == 404);
            assert_eq!(read.starts_with("read: "), is_result, "{}", self.name());
        }
        let mut recording = recorder.finish(self.name()).await?;
        recording.about = self.about();
        Ok(recording)
    }

    /// Brings a sandbox into the scenario's initial state.
    async fn set_up(&self, sandbox: &Sandbox) -> Subjects {
        match self {
            Self::Operation(operation, status) => prepare(sandbox, operation, *status).await,
            Self::Odd(odd) => {
                furnish(sandbox).await;
                let scripted = sandbox.respond_next(odd.operation, odd.response.clone());
                scripted.expect("an operation of the spec");
                Subjects::default()
            }
            Self::Flow(flow) => {
                if flow.furnished {
                    furnish(sandbox).await;
                }
                (flow.set_up)(sandbox)
            }
        }
    }

    /// Makes the calls, and returns what they read. With recorded responses the ids in `subjects` don't matter.
    pub async fn act(&self, docr: &Client, subjects: &Subjects) -> docr::Result<String> {
        let id = match self {
            Self::Flow(flow) => {
                return (flow.act)(docr.clone(), registry_name(), subjects.clone()).await;
            }
            Self::Odd(odd) => odd.operation,
            Self::Operation(operation, _) => operation.id,
        };
        let outcome = call(&docr.with(|calls| calls.max_attempts(1)), id, subjects).await;
        let outcome = outcome.unwrap_or_else(|| panic!("no client method for {id}"));
        Ok(match outcome {
            Ok(value) => format!("read: {value}"),
            Err(error) => shown_error(&error),
        })
    }

    /// The snapshot: the requests, and what was read.
    pub fn snapshot(&self, requests: &[Request], read: &str) -> String {
        let mut text = String::new();
        for request in requests {
            match self {
                // The recording has the rest.
                Self::Flow(_) => {
                    let request = request.to_string();
                    text += request.lines().next().unwrap_or_default();
                }
                _ => text += &request.to_string(),
            }
            text += "\n";
        }
        text + "\n" + read
    }
}

/// The directory of the recordings.
pub fn recordings_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recordings")
}

/// An error with everything it reports.
fn shown_error(error: &docr::Error) -> String {
    let mut text = format!("failed: {error}\n\nkind: {:?}\n", error.kind());
    // Writing to a string doesn't fail.
    let _ = write!(
        text,
        "status: {:?}\nid: {:?}\nmessage: {:?}\nrequest id: {:?}\nrate limit: {:?}\n\
         eligibility reasons: {:?}\nretry at: {:?}\nambiguous: {}",
        error.status(),
        error.api_id(),
        error.api_message(),
        error.request_id(),
        error.rate_limit(),
        error.eligibility_reasons(),
        error.retry_at(),
        error.is_ambiguous(),
    );
    text
}
