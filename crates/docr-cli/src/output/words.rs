//! An error in the user's terms: what happened, the cause, what to do.

use std::fmt;

use docr::{Error, ErrorKind, for_terminal};

use super::failure::{NoToken, api};

/// What a failed command was about.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Registry(String),
    Repository {
        registry: String,
        name: String,
    },
    /// A tag or a manifest, such as `tag "v1"` or `image sha256:0123456789ab`.
    Image {
        registry: String,
        name: String,
        which: String,
    },
    Certificate(String),
    GarbageCollection(String),
    /// Clusters, by name or id.
    Clusters(Vec<String>),
    /// The list of all clusters.
    ClusterList,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => write!(f, "registry {name:?}"),
            Self::Repository { registry, name } => {
                write!(f, "repository {name:?} in registry {registry:?}")
            }
            Self::Image {
                registry,
                name,
                which,
            } => write!(f, "{which} in repository {name:?} of registry {registry:?}"),
            Self::Certificate(name) => write!(f, "certificate {name:?}"),
            Self::GarbageCollection(id) => write!(f, "garbage collection {id:?}"),
            Self::Clusters(ids) => match ids.as_slice() {
                [id] => write!(f, "cluster {id:?}"),
                ids => write!(f, "one of the clusters {}", ids.join(", ")),
            },
            Self::ClusterList => f.write_str("the list of clusters"),
        }
    }
}

/// Something that does not exist.
#[derive(Debug)]
pub(crate) struct NotThere(pub(crate) Subject);

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.missing("").0)
    }
}

impl std::error::Error for NotThere {}

impl Subject {
    /// The message that it does not exist, and a hint. The service's message shows which part of it is missing.
    fn missing(&self, message: &str) -> (String, String) {
        let registry = |name: &str| Self::Registry(name.to_owned());
        let subject = match self {
            Self::Repository { registry: name, .. } | Self::Image { registry: name, .. }
                if message.contains("registry") =>
            {
                registry(name)
            }
            Self::Image { registry, name, .. } if message.contains("repository") => {
                Self::Repository {
                    registry: registry.clone(),
                    name: name.clone(),
                }
            }
            subject => subject.clone(),
        };
        let hint = match &subject {
            Self::Registry(_) => "run `docr registry list` to list your registries.".to_owned(),
            Self::Repository { registry, .. } => {
                format!(
                    "run `docr repository list --registry {registry}` to list the repositories."
                )
            }
            Self::Image {
                registry,
                name,
                which,
            } => {
                let noun = if which.starts_with("tag ") {
                    "tag"
                } else {
                    "image"
                };
                format!("run `docr {noun} list {name} --registry {registry}` to list the {noun}s.")
            }
            Self::Certificate(_) => {
                "run `docr certificate list` to list your certificates.".to_owned()
            }
            Self::GarbageCollection(_) => "run `docr gc list` to list the latest ones.".to_owned(),
            Self::Clusters(_) | Self::ClusterList => {
                "run `doctl kubernetes cluster list` to list your clusters.".to_owned()
            }
        };
        let place = match subject {
            Self::Repository { .. } | Self::Image { .. } => "does not exist",
            _ => "does not exist in this account",
        };
        (format!("{subject} {place}"), hint)
    }
}

/// Adds what a call was about to its error.
pub(crate) trait About<T> {
    fn about(self, subject: impl FnOnce() -> Subject) -> anyhow::Result<T>;
}

impl<T> About<T> for docr::Result<T> {
    fn about(self, subject: impl FnOnce() -> Subject) -> anyhow::Result<T> {
        self.map_err(|error| anyhow::Error::new(error).context(subject()))
    }
}

/// An error, ready to be shown.
pub(super) struct Explained {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Explained {
    pub(super) fn of(error: &anyhow::Error) -> Self {
        let subject = error.downcast_ref::<Subject>();
        let subject_text = subject.map(ToString::to_string);
        let mut parts = Parts::default();
        let (mut hint, mut is_explained) = (None, false);
        for cause in error.chain() {
            match cause.downcast_ref::<Error>() {
                // The message of such an error includes its causes.
                Some(_) if is_explained => {}
                Some(api) => {
                    let (what, to_do) = explain(api, subject);
                    parts.add(&what);
                    hint = hint.or(to_do);
                    is_explained = true;
                }
                None if subject_text.as_deref() == Some(&cause.to_string()) => {}
                None => {
                    parts.add(&cause.to_string());
                    hint = hint.or_else(|| own_hint(cause));
                }
            }
        }
        Self {
            message: parts.0,
            hint,
            request_id: api(error).and_then(|api| api.request_id().map(str::to_owned)),
        }
    }
}

/// The hint of an error of the command's own.
fn own_hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    let missing = cause.downcast_ref::<NotThere>();
    let no_token = || cause.downcast_ref::<NoToken>()?.hint;
    missing
        .map(|missing| missing.0.missing("").1)
        .or_else(|| no_token().map(str::to_owned))
}

/// The parts of a message, without duplicates.
#[derive(Default)]
struct Parts(String);

impl Parts {
    fn add(&mut self, part: &str) {
        let part = part.trim();
        if self.0.contains(part) {
            return;
        }
        if !self.0.is_empty() {
            self.0 += ": ";
        }
        self.0 += part;
    }
}

/// The message for an error of the SDK, and a hint.
fn explain(error: &Error, subject: Option<&Subject>) -> (String, Option<String>) {
    let message = error.api_message().unwrap_or_default();
    let because = |what: &str| match message {
        "" => format!("{what}: {}", bare(error)),
        message => format!("{what}: {}", message.trim_end_matches('.')),
    };
    let (what, to_do) = match (error.kind(), subject) {
        (ErrorKind::NotFound, Some(subject)) if error.status() == Some(404) || error.status().is_none() => {
            let (what, to_do) = subject.missing(message);
            (what, Some(to_do))
        }
        (ErrorKind::Unauthorized, _) => (
            because("the service rejected the token"),
            Some(
                "check that it is a token of the right account that has neither expired nor been revoked; to create one, use the control panel."
                    .to_owned(),
            ),
        ),
        (ErrorKind::Forbidden, Some(Subject::ClusterList)) => (
            because("the token may not list clusters"),
            Some("the token needs the scope kubernetes:read; without it, give the ids of the clusters.".to_owned()),
        ),
        (ErrorKind::Forbidden, _) => (
            because("the token may not do this"),
            scopes(error).map(|scopes| format!("the token needs {scopes}.")),
        ),
        (ErrorKind::InUse, Some(subject)) => (
            because(&format!("{subject} is in use")),
            Some("remove it from the load balancers that use it; to wait for that, run `docr certificate delete --when-unused`.".to_owned()),
        ),
        (ErrorKind::SeveralRegistries, _) => (
            "the account has several registries, which --legacy does not support".to_owned(),
            Some("leave out --legacy.".to_owned()),
        ),
        (ErrorKind::TierNotEligible, _) => (
            because("the account is not eligible for the tier"),
            Some("run `docr registry options` to see which tiers it is eligible for, and why not for others.".to_owned()),
        ),
        (ErrorKind::Rejected | ErrorKind::PreconditionFailed, _) => {
            (because("the service rejected the request"), None)
        }
        (ErrorKind::RateLimited, _) => (
            because("the token has reached its rate limit"),
            Some("try again later; the limits are 250 requests a minute and 5,000 an hour.".to_owned()),
        ),
        (ErrorKind::Server, _) => (
            because("the service failed"),
            Some("try again later.".to_owned()),
        ),
        (ErrorKind::Connect, _) => (
            "cannot connect to the service".to_owned(),
            Some("check the network, the proxy and --api-url; nothing was sent.".to_owned()),
        ),
        (ErrorKind::Conflict | ErrorKind::Mismatch, _) if error.existing_registry().is_some() => {
            let name = error.existing_registry().map(|registry| &*registry.name);
            let name = for_terminal(name.unwrap_or_default(), 100);
            let to_do = format!("run `docr registry show {name}` to see it.");
            (bare(error), Some(to_do))
        }
        (ErrorKind::Conflict, _) if error.is_name_of_another_account() => (
            bare(error),
            Some("choose another name; to check whether one is available, run `docr registry check-name`.".to_owned()),
        ),
        (ErrorKind::GarbageCollectionActive, _) => (
            bare(error),
            Some("run `docr gc wait` to wait until it has finished.".to_owned()),
        ),
        (ErrorKind::Conflict, Some(Subject::Repository { .. } | Subject::Image { .. } | Subject::Registry(_)))
            if message.contains("garbage collection") =>
        {
            (
                because("the registry is read-only"),
                Some("run `docr gc wait` to wait until the garbage collection has finished.".to_owned()),
            )
        }
        _ => (bare(error), None),
    };
    match error.is_ambiguous() {
        true => (
            match what.contains("may have taken effect") {
                true => what,
                false => format!("{what}; the request may have taken effect"),
            },
            Some("check whether it took effect before you try again.".to_owned()),
        ),
        false => (what, to_do),
    }
}

/// The error's own message, without the operation's name and the request id, which is shown last.
fn bare(error: &Error) -> String {
    let mut text = error.to_string();
    if let Some(operation) = error.operation()
        && let Some(rest) = text.strip_prefix(&format!("{operation}: "))
    {
        text = rest.to_owned();
    }
    if let Some(id) = error.request_id() {
        text = text.replace(&format!(" (request id {id})"), "");
    }
    text
}

/// The scopes that the operation requires.
fn scopes(error: &Error) -> Option<String> {
    let operation = error.operation()?;
    let all = docr_api::operations::ALL;
    let known = all.iter().find(|known| known.id == operation)?;
    match known.scopes {
        [] => None,
        [scope] => Some(format!("the scope {scope}")),
        scopes => Some(format!("the scopes {}", scopes.join(" and "))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use docr::{Client, ManualClock};

    use super::*;

    #[tokio::test]
    async fn a_failure_to_connect_has_its_cause_and_a_hint() {
        let docr = Client::builder()
            .base_url("http://127.0.0.1:9")
            .token("dop_v1_x")
            .clock(Arc::new(ManualClock::at(chrono::DateTime::UNIX_EPOCH)));
        let docr = docr.build().unwrap();
        let registry = docr.registry("sample".parse().unwrap());
        let error = registry.get().await.unwrap_err();
        let explained = Explained::of(&error.into());
        assert!(
            explained
                .message
                .starts_with("cannot connect to the service: "),
            "{}",
            explained.message
        );
        assert_eq!(
            explained.hint.as_deref(),
            Some("check the network, the proxy and --api-url; nothing was sent.")
        );
    }
}
