//! Issues the tokens of the protocol.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::auth::password;
use super::error::{Fault, Reason};
use super::path::Name;
use crate::http::response::Response;
use crate::model::account::World;
use crate::model::token::{Actions, LIFETIME};

/// Issues a token for the requested scopes, as far as the credentials allow.
pub(super) fn issue(
    world: &mut World,
    headers: &HeaderMap,
    query: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<Response, Fault> {
    let opened = password(headers).and_then(|password| world.opened_by(&password, now));
    let (account, writes) = opened.ok_or(Reason::NotAuthenticated)?;
    let scopes = query.iter().filter(|(key, _)| key == "scope");
    let scopes = scopes.flat_map(|(_, value)| value.split(' '));
    let mut access = BTreeMap::<String, Actions>::new();
    for (name, asked) in scopes.filter_map(read) {
        if let Some(granted) = grant(world, account, writes, &name, asked)? {
            let all = access.entry(name).or_default();
            *all = all.and(granted);
        }
    }
    let token = world.protocol_ids.secret();
    world.tokens.issue(token.clone(), account, access, now);
    let body = json!({
        "token": token,
        "access_token": token,
        "expires_in": LIFETIME.num_seconds(),
        "issued_at": now,
    });
    Ok(Response::json(StatusCode::OK, body))
}

/// Reads `repository:acme/shop/api:pull,push`. Tokens are for repositories only.
fn read(scope: &str) -> Option<(String, Actions)> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let mut asked = Actions::default();
    for action in actions.split(',') {
        match action {
            "pull" => asked.pull = true,
            "push" => asked.push = true,
            "delete" => asked.delete = true,
            "*" => (asked.pull, asked.push, asked.delete) = (true, true, true),
            _ => {}
        }
    }
    Some((name.to_owned(), asked))
}

/// The requested actions that an account may have; none in a registry of others.
fn grant(
    world: &mut World,
    account: usize,
    writes: bool,
    name: &str,
    asked: Actions,
) -> Result<Option<Actions>, Fault> {
    let Ok(name) = Name::parse(name) else {
        return Ok(None);
    };
    let account = world.account(account);
    let Some(place) = account.registry_place(name.registry) else {
        return Ok(None);
    };
    // No new token may write during a garbage collection, which waits for earlier ones.
    let may_write = writes && account.registries[place].active_run().is_none();
    if may_write
        && asked.push
        && let Some(reached) = account.repository_limit_for(place, name.repository)
    {
        return Err(Fault::repository_limit(reached));
    }
    Ok(Some(Actions {
        pull: asked.pull,
        push: asked.push && may_write,
        delete: asked.delete && may_write,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_a_repository_and_the_actions_on_it() {
        let push = Actions {
            push: true,
            ..Actions::PULL
        };
        let (name, asked) = read("repository:acme/shop/api:push,pull").unwrap();
        assert_eq!((name.as_str(), asked), ("acme/shop/api", push));
        let all = read("repository:acme/a:*").unwrap().1;
        assert!(all.cover(push) && all.delete);
        for other in ["registry:catalog:*", "", "repository:acme"] {
            assert!(read(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_scope_is_a_repository_and_its_actions_and_a_star_is_all_of_them() {
        let (pull, push, delete) = (true, true, true);
        let all = Actions { pull, push, delete };
        for (scope, actions) in [
            ("repository:acme/shop/api:pull", Actions::PULL),
            ("repository:acme/shop/api:delete,pull,push", all),
            ("repository:acme/shop/api:*", all),
            ("repository:acme/shop/api:", Actions::default()),
            ("repository:acme/shop/api:catalog", Actions::default()),
        ] {
            assert_eq!(
                read(scope),
                Some(("acme/shop/api".to_owned(), actions)),
                "{scope}"
            );
        }
        assert_eq!(read("registry:catalog:*"), None);
        assert_eq!(read("repository:acme"), None);
    }
}
