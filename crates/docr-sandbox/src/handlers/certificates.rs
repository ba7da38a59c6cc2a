//! Certificates.

use axum::http::StatusCode;
use serde_json::json;

use super::Call;
use crate::answer::{Answer, Problem};

pub(super) fn get(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let place = place(call)?;
    let certificate = call.account().certificates[place].to_json();
    Ok(Answer::json(
        StatusCode::OK,
        json!({ "certificate": certificate }),
    ))
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let place = place(call)?;
    let certificates = &mut call.account().certificates;
    if certificates[place].in_use() {
        // Clients look for the second sentence, word by word.
        let message =
            "A load balancer uses it. Make sure the certificate is not in use before deleting it.";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    certificates.remove(place);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Where the certificate that the path names stands in the account.
fn place(call: &mut Call<'_>) -> Result<usize, Problem> {
    let id = call.input.path("certificate_id").to_owned();
    let found = call
        .account()
        .certificates
        .iter()
        .position(|certificate| certificate.id == id);
    found.ok_or_else(|| Problem::not_found("The account has no certificate by that id."))
}
