//! An error in the user's terms: what happened, the cause, what to do.

use std::fmt;

use docr::{Error, ErrorKind, for_terminal};

use super::failure::api;

/// What a command was about when it failed.
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
    /// Clusters, by their names or ids.
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

/// Something that was looked for and isn't there.
#[derive(Debug)]
pub(crate) struct NotThere(pub(crate) Subject);

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.missing("").0)
    }
}

impl std::error::Error for NotThere {}

impl Subject {
    /// Says that it is not there, and how to find what is. The service's message tells which part of it is missing.
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
            Self::Registry(_) => "`docr registry list` shows yours.".to_owned(),
            Self::Repository { registry, .. } => {
                format!("`docr repository list --registry {registry}` shows those that are there.")
            }
            Self::Image { registry, name, .. } => {
                format!(
                    "`docr image list {name} --registry {registry}` shows those that are there."
                )
            }
            Self::Certificate(_) => "`docr certificate list` shows yours.".to_owned(),
            Self::GarbageCollection(_) => "`docr gc list` shows the last ones.".to_owned(),
            Self::Clusters(_) | Self::ClusterList => {
                "`doctl kubernetes cluster list` shows yours.".to_owned()
            }
        };
        let place = match subject {
            Self::Repository { .. } | Self::Image { .. } => "does not exist",
            _ => "does not exist in this account",
        };
        (format!("{subject} {place}"), hint)
    }
}

/// Names what a call was about.
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
                // What such an error is caused by, it says itself.
                Some(_) if is_explained => {}
                Some(api) => {
                    let (what, to_do) = explain(api, subject);
                    parts.add(&what);
                    hint = hint.or(to_do);
                    is_explained = true;
                }
                None if cause.is::<NotThere>() => {
                    parts.add(&cause.to_string());
                    let missing = cause.downcast_ref::<NotThere>();
                    hint = hint.or(missing.map(|missing| missing.0.missing("").1));
                }
                None if subject_text.as_deref() == Some(&cause.to_string()) => {}
                None => parts.add(&cause.to_string()),
            }
        }
        Self {
            message: parts.0,
            hint,
            request_id: api(error).and_then(|api| api.request_id().map(str::to_owned)),
        }
    }
}

/// What is said one after the other, and nothing twice.
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

/// What happened with its cause, and what to do.
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
            because("the service does not accept the token"),
            Some(
                "check that the token is of the right account, and neither expired nor revoked; the control panel makes new ones."
                    .to_owned(),
            ),
        ),
        (ErrorKind::Forbidden, Some(Subject::ClusterList)) => (
            because("the token may not read the list of clusters"),
            Some("the token needs the scope kubernetes:read; or name the clusters by their ids, which need no list.".to_owned()),
        ),
        (ErrorKind::Forbidden, _) => (
            because("the token may not do this"),
            scopes(error).map(|scopes| format!("the token needs {scopes}.")),
        ),
        (ErrorKind::InUse, Some(subject)) => (
            because(&format!("{subject} is in use")),
            Some("take it off the load balancers that use it first; `docr certificate delete --when-unused` waits for that.".to_owned()),
        ),
        (ErrorKind::SeveralRegistries, _) => (
            "the account has several registries, and --legacy calls name none".to_owned(),
            Some("leave out --legacy.".to_owned()),
        ),
        (ErrorKind::TierNotEligible, _) => (
            because("the account does not fit the tier"),
            Some("`docr registry options` shows which tiers it fits, and why not.".to_owned()),
        ),
        (ErrorKind::Rejected | ErrorKind::PreconditionFailed, _) => {
            (because("the service refused this"), None)
        }
        (ErrorKind::RateLimited, _) => (
            because("the token has used up its requests"),
            Some("try again later; an hour has 5,000 requests, a minute 250.".to_owned()),
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
            let to_do = format!("`docr registry show {name}` shows it.");
            (bare(error), Some(to_do))
        }
        (ErrorKind::Conflict, _) if error.is_name_of_another_account() => (
            bare(error),
            Some("choose another name; `docr registry check-name` tells whether one is free.".to_owned()),
        ),
        (ErrorKind::GarbageCollectionActive, _) => (
            bare(error),
            Some("`docr gc wait` waits until it has ended.".to_owned()),
        ),
        (ErrorKind::Conflict, Some(Subject::Repository { .. } | Subject::Image { .. } | Subject::Registry(_)))
            if message.contains("garbage collection") =>
        {
            (
                because("the registry is read-only now"),
                Some("`docr gc wait` waits until the garbage collection has ended.".to_owned()),
            )
        }
        _ => (bare(error), None),
    };
    match error.is_ambiguous() {
        true => (
            format!(
                "{}; it may have been done all the same",
                what.trim_end_matches("; the call may have taken effect")
            ),
            Some("look whether it was done before you try again.".to_owned()),
        ),
        false => (what, to_do),
    }
}

/// The error's own words, without what programmers call the call, and without the request id, which comes last.
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

/// The scopes that the call needs.
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
    async fn a_service_that_cannot_be_reached_is_said_with_the_cause_and_where_to_look() {
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
