//! Authentication of the registry's protocol, and what a caller may do.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};

use super::error::{Fault, Reason};
use crate::model::account::World;
use crate::model::token::{Actions, Token};

/// The name of the registry in token requests.
const SERVICE: &str = "registry.digitalocean.com";

/// An authenticated caller.
pub(super) enum Caller {
    /// By user and password.
    Basic { account: usize, writes: bool },
    /// By a token that was issued here.
    Bearer(Token),
}

impl Caller {
    /// The caller of a request, if the credentials are valid.
    pub(super) fn of(world: &World, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Self> {
        if let Some(token) = credentials(headers, "bearer") {
            return world.tokens.get(token, now).cloned().map(Self::Bearer);
        }
        let (account, writes) = world.opened_by(&password(headers)?, now)?;
        Some(Self::Basic { account, writes })
    }

    /// The index of the account.
    pub(super) fn account(&self) -> usize {
        match self {
            Self::Basic { account, .. } => *account,
            Self::Bearer(token) => token.account,
        }
    }

    /// Whether the caller may do this to a repository of the account.
    pub(super) fn may(&self, name: &str, wanted: Actions) -> bool {
        match self {
            Self::Basic { writes, .. } => *writes || !wanted.writes(),
            Self::Bearer(token) => token.may(name, wanted),
        }
    }
}

/// The password of Basic credentials. The user is ignored: in minted credentials both are the same.
pub(super) fn password(headers: &HeaderMap) -> Option<String> {
    let encoded = credentials(headers, "basic")?;
    let plain = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let (_, password) = plain.split_once(':')?;
    Some(password.to_owned())
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (given, credentials) = value.split_once(' ')?;
    given
        .eq_ignore_ascii_case(scheme)
        .then(|| credentials.trim())
}

/// The challenge for an unauthenticated caller: where tokens are issued, and which scope is needed.
pub(super) fn stranger(base: &str, scope: Option<&str>) -> Fault {
    Reason::LoginNeeded.with_header("www-authenticate", challenge(base, scope, None))
}

/// Refuses a token with too narrow a scope. The client may get another one; oras-py does so only with this status of
/// RFC 6750.
pub(super) fn insufficient(base: &str, scope: &str) -> Fault {
    let challenge = challenge(base, Some(scope), Some("insufficient_scope"));
    Reason::NotAllowed.with_header("www-authenticate", challenge)
}

fn challenge(base: &str, scope: Option<&str>, error: Option<&str>) -> String {
    let mut text = format!("Bearer realm=\"{base}/v2/registry/auth\",service=\"{SERVICE}\"");
    for (key, value) in [("scope", scope), ("error", error)] {
        if let Some(value) = value {
            text.push_str(&format!(",{key}=\"{value}\""));
        }
    }
    text
}

/// A scope, as in a token request.
pub(super) fn scope(name: &str, wanted: Actions) -> String {
    let actions = match wanted {
        Actions { delete: true, .. } => "delete",
        Actions { push: true, .. } => "pull,push",
        _ => "pull",
    };
    format!("repository:{name}:{actions}")
}
