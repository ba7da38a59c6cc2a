//! Docker credentials.

use axum::http::StatusCode;
use serde_json::json;

use super::Call;
use crate::account::MintedCredential;
use crate::answer::{Answer, Problem};
use crate::ids::base64;

pub(super) fn mint(call: &mut Call<'_>) -> Result<Answer, Problem> {
    call.registry()?;
    let credential = MintedCredential {
        read_write: call.input.query("read_write").as_bool().unwrap_or(false),
        expiry_seconds: call.input.query("expiry_seconds").as_u64().unwrap_or(0),
        minted_at: call.now,
    };
    call.account().credentials.push(credential);
    let secret = call.world.ids.secret();
    // The same text stands for user and password.
    let auth = base64(format!("{secret}:{secret}").as_bytes());
    Ok(Answer::json(
        StatusCode::OK,
        json!({ "auths": { "registry.digitalocean.com": { "auth": auth } } }),
    ))
}
