//! Certificates.

use axum::http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::page::Page;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::certificate::Certificate;
use crate::model::pem;
use crate::refusal::Reason;

pub(super) fn list(call: &mut Call<'_>) -> Result<Response, Problem> {
    let (now, page) = (call.now, Page::numbered(call));
    let name = call
        .input
        .query("name")
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let all = &call.world.account(call.caller).certificates;
    let named: Vec<_> = all
        .iter()
        .filter(|certificate| name.is_empty() || certificate.name() == name)
        .collect();
    let total = named.len();
    let shown = named.into_iter().skip(page.offset).take(page.size);
    let items = shown.map(|certificate| certificate.to_json(now)).collect();
    let body = page
        .keeping("name", &name)
        .wrap(call, "certificates", items, total);
    Ok(Response::json(StatusCode::OK, body))
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Response, Problem> {
    let now = call.now;
    let text = |field: &str| call.input.text(field).map(str::to_owned);
    let (name, kind) = (text("name").unwrap_or_default(), text("type"));
    let (key, leaf, chain) = (
        text("private_key"),
        text("leaf_certificate"),
        text("certificate_chain"),
    );
    let dns_names = call.input.texts("dns_names");
    if call
        .account()
        .certificates
        .iter()
        .any(|certificate| certificate.name() == name)
    {
        return Err(Reason::CertificateNameTaken.into());
    }
    let ids = &mut call.world.ids;
    let certificate = match (kind.as_deref(), key, leaf) {
        (Some("custom") | None, Some(key), Some(leaf)) => {
            let leaf = pem::read(&key, &leaf, chain.as_deref(), now)?;
            Certificate::uploaded(name, leaf, ids, now)
        }
        (Some("custom"), ..) => return Err(Reason::NoKeyAndLeaf.into()),
        _ if dns_names.is_empty() => return Err(Reason::NoDnsNames.into()),
        _ => {
            let issuance = &call.world.issuance;
            issuance.check(&dns_names)?;
            Certificate::requested(name, dns_names, issuance.takes, ids, now)
        }
    };
    let body = json!({ "certificate": certificate.to_json(now) });
    call.account().certificates.push(certificate);
    Ok(Response::json(StatusCode::CREATED, body))
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Response, Problem> {
    let (place, now) = (place(call)?, call.now);
    let certificate = call.account().certificates[place].to_json(now);
    Ok(Response::json(
        StatusCode::OK,
        json!({ "certificate": certificate }),
    ))
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Response, Problem> {
    let place = place(call)?;
    let certificates = &mut call.account().certificates;
    if certificates[place].in_use() {
        return Err(Reason::CertificateInUse.into());
    }
    certificates.remove(place);
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// The index of the certificate in the path.
fn place(call: &mut Call<'_>) -> Result<usize, Problem> {
    let id = call.input.path("certificate_id").to_owned();
    let found = call
        .account()
        .certificates
        .iter()
        .position(|certificate| certificate.id == id);
    found.ok_or_else(|| Reason::NoCertificate.into())
}
