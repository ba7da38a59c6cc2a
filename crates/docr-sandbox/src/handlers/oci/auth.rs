//! Who asks, and what they may do.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};

use super::error::{Fault, Reason};
use crate::model::account::World;
use crate::model::token::{Actions, Token};

/// What a registry calls itself to the one who issues tokens.
const SERVICE: &str = "registry.digitalocean.com";

/// Someone who is known.
pub(super) enum Caller {
    /// By user and password.
    Basic { account: usize, writes: bool },
    /// By a token that was issued here.
    Bearer(Token),
}

impl Caller {
    /// Who a request comes from, if their credentials are good.
    pub(super) fn of(world: &World, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Self> {
        if let Some(token) = credentials(headers, "bearer") {
            return world.tokens.get(token, now).cloned().map(Self::Bearer);
        }
        let (account, writes) = world.opened_by(&password(headers)?, now)?;
        Some(Self::Basic { account, writes })
    }

    /// The place of the account.
    pub(super) fn account(&self) -> usize {
        match self {
            Self::Basic { account, .. } => *account,
            Self::Bearer(token) => token.account,
        }
    }

    /// Whether they may do this to a repository of their account.
    pub(super) fn may(&self, name: &str, wanted: Actions) -> bool {
        match self {
            Self::Basic { writes, .. } => *writes || !wanted.writes(),
            Self::Bearer(token) => token.may(name, wanted),
        }
    }
}

/// The password of Basic credentials. Any user will do: of what the API hands out both are the same.
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

/// Tells a stranger where tokens are issued, and for what one is needed.
pub(super) fn stranger(base: &str, scope: Option<&str>) -> Fault {
    Reason::LoginNeeded.with_header("www-authenticate", challenge(base, scope, None))
}

/// Refuses a token that was issued for something else. A client may get another one: the status is that of RFC 6750,
/// without which oras-py would not.
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

/// A scope as it is asked for.
pub(super) fn scope(name: &str, wanted: Actions) -> String {
    let actions = match wanted {
        Actions { delete: true, .. } => "delete",
        Actions { push: true, .. } => "pull,push",
        _ => "pull",
    };
    format!("repository:{name}:{actions}")
}
