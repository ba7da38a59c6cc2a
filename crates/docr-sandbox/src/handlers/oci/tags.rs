//! Lists of tags.

use axum::http::StatusCode;
use serde_json::json;

use super::error::{Fault, Reason};
use super::{Ask, Premises};
use crate::http::response::Response;

/// At most `n` tags in order, after `last`.
pub(super) fn list<P: Premises>(ask: &Ask<'_, P>) -> Result<Response, Fault> {
    let most = match ask.query("n") {
        None => None,
        Some(number) => {
            let number = number.parse::<usize>();
            Some(number.map_err(|_| Reason::PageSizeInvalid)?)
        }
    };
    let mut tags = ask.registry(|account, place, _| {
        let store = &account.registries[place].store;
        let repository = store.repository(ask.name.repository);
        let repository = repository.ok_or(Reason::NameUnknown)?;
        // One more, to know whether there is another page.
        let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
        Ok::<_, Fault>(repository.tags_after(ask.query("last"), most))
    })??;
    let is_last = most.is_none_or(|most| tags.len() <= most);
    tags.truncate(most.unwrap_or(usize::MAX));
    let names: Vec<&str> = tags.iter().map(|tag| &**tag).collect();
    let body = json!({ "name": ask.name.full, "tags": names });
    let response = Response::json(StatusCode::OK, body);
    Ok(match (most, tags.last()) {
        (Some(most), Some(last)) if !is_last => {
            // Tags need no escapes.
            let next = ask.location(&format!("tags/list?n={most}&last={last}"));
            response.with_header("link", &format!("<{next}>; rel=\"next\""))
        }
        _ => response,
    })
}
