//! Docker credentials.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, json};

use super::call::Call;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::account::Account;
use crate::model::credential::{Credential, MintedCredential};
use crate::refusal::Reason;
use crate::spec::query_pairs;

pub(super) fn mint(call: &mut Call<'_>) -> Result<Response, Problem> {
    call.registry()?;
    let secret = call.world.ids.secret();
    let minted = MintedCredential {
        read_write: call.input.query("read_write").as_bool().unwrap_or(false),
        expiry_seconds: call.input.query("expiry_seconds").as_u64().unwrap_or(0),
        minted_at: call.now,
        revoked: false,
    };
    // User and password are the same.
    let auth = BASE64.encode(format!("{secret}:{secret}"));
    let now = call.now;
    call.account()
        .add_credential(Credential::new(minted, &secret), now);
    let hosts = ["registry.digitalocean.com"]
        .into_iter()
        .chain(call.own_host());
    let auths: Map<_, _> = hosts
        .map(|host| (host.to_owned(), json!({ "auth": auth })))
        .collect();
    Ok(Response::json(StatusCode::OK, json!({ "auths": auths })))
}

/// The OAuth endpoint that revokes tokens. It isn't part of the spec.
pub(crate) const REVOKE_PATH: &str = "/v1/oauth/revoke";

/// Revokes the credential in a form. An unknown one is a success, too.
pub(crate) fn revoke(account: Option<&mut Account>, body: &[u8]) -> Result<Response, Problem> {
    let account = account.ok_or(Reason::NotAuthenticated)?;
    let form = query_pairs(&String::from_utf8_lossy(body));
    let Some(token) = form.get("token").filter(|token| !token.is_empty()) else {
        return Err(Reason::NoTokenToRevoke.into());
    };
    let hash = Credential::hash(token);
    for credential in &mut account.credentials {
        if credential.has(&hash) {
            credential.minted.revoked = true;
        }
    }
    Ok(Response::json(StatusCode::OK, json!({})))
}
