//! The registry's own protocol: OCI distribution 1.1, as DOCR speaks it.

mod auth;
mod blobs;
mod error;
mod manifests;
mod path;
mod range;
mod referrers;
mod tags;
mod tokens;
mod uploads;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, request};
use chrono::{DateTime, Utc};
use serde_json::json;

use self::auth::Caller;
use self::error::Fault;
pub(crate) use self::error::Reason;
pub(crate) use self::path::is_protocol;
use self::path::{Name, Place, Route};
use crate::http::response::Response;
use crate::model::account::{Account, World};
use crate::model::token::Actions;
use crate::spec::query_list;
use crate::storage::Directory;

/// What the protocol needs of the sandbox. The world is locked only for bookkeeping.
pub(crate) trait Premises: Sync {
    /// Reads or changes the world, brought up to date.
    fn world<T>(&self, act: impl FnOnce(&mut World, DateTime<Utc>) -> T) -> T;

    /// The directory of blobs.
    fn directory(&self) -> &Arc<Directory>;
}

/// An authorised request for something in a repository.
struct Ask<'a, P> {
    premises: &'a P,
    /// The base URL of the sandbox, without a trailing slash.
    base: &'a str,
    name: Name<'a>,
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    caller: Caller,
}

/// Responds to a request of the protocol. `base` is the base URL of the sandbox.
pub(crate) async fn respond<P: Premises>(
    premises: &P,
    request: &request::Parts,
    base: &str,
    body: &mut Body,
) -> Response {
    let response = match handle(premises, request, base, body).await {
        Ok(response) => response,
        Err(fault) => fault.into_response(),
    };
    response.with_header("docker-distribution-api-version", "registry/2.0")
}

async fn handle<P: Premises>(
    premises: &P,
    request: &request::Parts,
    base: &str,
    body: &mut Body,
) -> Result<Response, Fault> {
    let query: Vec<_> = query_list(request.uri.query().unwrap_or_default()).collect();
    let headers = &request.headers;
    let route = path::route(request.uri.path()).unwrap_or(Err(Reason::NameInvalid.into()))?;
    let (name, place) = match route {
        Route::In(name, place) => (name, place),
        Route::Version | Route::Token if request.method != Method::GET => {
            return Err(Reason::Unsupported.with_header("allow", "GET"));
        }
        Route::Token => {
            return premises.world(|world, now| tokens::issue(world, headers, &query, now));
        }
        Route::Version => {
            let caller = premises.world(|world, now| Caller::of(world, headers, now));
            caller.ok_or_else(|| auth::stranger(base, None))?;
            return Ok(Response::json(StatusCode::OK, json!({})));
        }
    };
    let wanted = wanted(&request.method, place)?;
    let caller = admit(premises, headers, base, name, wanted, mounted(&query))?;
    let ask = Ask {
        premises,
        base,
        name,
        query,
        headers,
        caller,
    };
    let head = request.method == Method::HEAD;
    match (place, &request.method) {
        (Place::Tags, _) => tags::list(&ask),
        (Place::Referrers(digest), _) => referrers::list(&ask, digest),
        (Place::Uploads, _) => uploads::start(&ask, body).await,
        (Place::Upload(id), &Method::PATCH) => uploads::append(&ask, id, body).await,
        (Place::Upload(id), &Method::PUT) => uploads::finish(&ask, id, body).await,
        (Place::Upload(id), &Method::DELETE) => uploads::cancel(&ask, id),
        (Place::Upload(id), _) => uploads::status(&ask, id),
        (Place::Blob(digest), &Method::DELETE) => blobs::delete(&ask, digest),
        (Place::Blob(digest), _) => blobs::get(&ask, digest, head),
        (Place::Manifest(reference), &Method::PUT) => manifests::put(&ask, reference, body).await,
        (Place::Manifest(reference), &Method::DELETE) => manifests::delete(&ask, reference),
        (Place::Manifest(reference), _) => manifests::get(&ask, reference),
    }
}

/// The actions that a caller needs for a method.
fn wanted(method: &Method, place: Place<'_>) -> Result<Actions, Fault> {
    let push = Actions {
        push: true,
        ..Actions::default()
    };
    let delete = Actions {
        delete: true,
        ..Actions::default()
    };
    let (allowed, writes) = match place {
        Place::Uploads => ("POST", push),
        Place::Upload(_) => ("DELETE, GET, PATCH, PUT", push),
        Place::Blob(_) => ("DELETE, GET, HEAD", delete),
        Place::Manifest(_) if method == Method::PUT => ("PUT", push),
        Place::Manifest(_) => ("DELETE, GET, HEAD, PUT", delete),
        Place::Tags | Place::Referrers(_) => ("GET, HEAD", Actions::default()),
    };
    if !allowed.split(", ").any(|one| one == method.as_str()) {
        return Err(Reason::Unsupported.with_header("allow", allowed));
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    Ok(match place {
        // Uploads need the right to push.
        Place::Upload(_) => push,
        _ if reads => Actions::PULL,
        _ => writes,
    })
}

/// The repository from which a request mounts a blob.
fn mounted(query: &[(String, String)]) -> Option<&str> {
    query.iter().find(|(key, _)| key == "mount")?;
    let (_, from) = query.iter().find(|(key, _)| key == "from")?;
    Some(from)
}

/// The caller, if authorised.
fn admit<P: Premises>(
    premises: &P,
    headers: &HeaderMap,
    base: &str,
    name: Name<'_>,
    wanted: Actions,
    mounted: Option<&str>,
) -> Result<Caller, Fault> {
    let mut scope = auth::scope(name.full, wanted);
    if let Some(from) = mounted.and_then(|from| Name::parse(from).ok()) {
        scope.push(' ');
        scope.push_str(&auth::scope(from.full, Actions::PULL));
    }
    premises.world(|world, now| {
        let caller =
            Caller::of(world, headers, now).ok_or_else(|| auth::stranger(base, Some(&scope)))?;
        if let Caller::Bearer(_) = caller {
            return match caller.may(name.full, wanted) {
                true => Ok(caller),
                false => Err(auth::insufficient(base, &scope)),
            };
        }
        let account = world.account(caller.account());
        let place = account.registry_place(name.registry);
        let place = place.ok_or(Reason::NameUnknown)?;
        if !caller.may(name.full, wanted) {
            return Err(Reason::NotAllowed.into());
        }
        // The limits that tokens are checked against when they are issued.
        if wanted.writes() && account.registries[place].active_run().is_some() {
            return Err(Reason::ReadOnly.into());
        }
        match account.repository_limit_for(place, name.repository) {
            Some(reached) if wanted.push => Err(Fault::repository_limit(reached)),
            _ => Ok(caller),
        }
    })
}

impl<P: Premises> Ask<'_, P> {
    /// A query parameter.
    fn query(&self, key: &str) -> Option<&str> {
        let mut all = self.query.iter();
        let (_, value) = all.find(|(given, _)| given == key)?;
        Some(value)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The URL of something in the repository.
    fn location(&self, rest: &str) -> String {
        format!("{}/v2/{}/{rest}", self.base, self.name.full)
    }

    /// Reads or changes the account and its registry, by the registry's index.
    fn registry<T>(
        &self,
        act: impl FnOnce(&mut Account, usize, DateTime<Utc>) -> T,
    ) -> Result<T, Fault> {
        self.premises.world(|world, now| {
            let account = world.account(self.caller.account());
            let place = account.registry_place(self.name.registry);
            let place = place.ok_or(Reason::NameUnknown)?;
            Ok(act(account, place, now))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_mounted_only_by_a_request_that_names_it_and_where_it_is() {
        let query = |keys: &[&str]| -> Vec<_> {
            let pairs = keys
                .iter()
                .map(|key| ((*key).to_owned(), format!("the {key}")));
            pairs.collect()
        };
        assert_eq!(mounted(&query(&["mount", "from"])), Some("the from"));
        for keys in [&["mount"][..], &["from"], &["from", "digest"], &[]] {
            assert_eq!(mounted(&query(keys)), None, "{keys:?}");
        }
    }
}
