//! Removes secrets and an account's data from exchanges.

use std::collections::{BTreeMap, HashMap};

use axum::http::request::Parts;
use regex::Captures;
use serde_json::Value;

use super::exchange::{Body, REQUEST_HEADERS, Request, Response, kept_headers};
use super::patterns::{EMAIL, FORM, UUID};
use crate::http::redact::{self, REDACTED};
use crate::spec::Spec;

/// Replaces every e-mail address.
const PERSON: &str = "person@example.com";
/// The beginning of a numbered UUID, before twelve digits.
const NUMBERED: &str = "00000000-0000-4000-8000-";

/// Removes secrets and ids from the exchanges of one recording, in order: ids are numbered as they occur. What is
/// scrubbed already is unchanged.
pub(super) struct Scrubber {
    spec: &'static Spec,
    replacements: Vec<(String, String)>,
    uuids: HashMap<String, String>,
    last_number: u64,
}

impl Scrubber {
    pub(super) fn new(spec: &'static Spec, replacements: Vec<(String, String)>) -> Self {
        Self {
            spec,
            replacements,
            uuids: HashMap::new(),
            last_number: 0,
        }
    }

    /// Replaces `from` by `to` from now on.
    #[cfg(feature = "record")]
    pub(super) fn replace(&mut self, from: String, to: &str) {
        if !from.is_empty() && !self.replacements.iter().any(|(known, _)| *known == from) {
            self.replacements.push((from, to.to_owned()));
        }
    }

    /// The request without its secrets.
    pub(super) fn request(&mut self, parts: &Parts, body: Body) -> Request {
        let mut request = Request {
            method: parts.method.to_string(),
            route: None,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: kept_headers(&parts.headers, &REQUEST_HEADERS),
            body,
        };
        if let Some(value) = request.headers.get_mut("authorization") {
            *value = redact::authorization(value);
        }
        request.path = self.text(&request.path);
        request.query = request.query.as_deref().map(|query| self.text(query));
        self.headers(&mut request.headers);
        self.body(&mut request.body);
        request
    }

    pub(super) fn response(&mut self, response: &mut Response) {
        self.headers(&mut response.headers);
        self.body(&mut response.body);
    }

    fn headers(&mut self, headers: &mut BTreeMap<String, String>) {
        for value in headers.values_mut() {
            *value = self.text(value);
        }
    }

    fn body(&mut self, body: &mut Body) {
        match body {
            Body::Empty => {}
            Body::Json(json) => {
                redact::fields(json, &self.spec.secret_fields);
                self.json(json);
            }
            Body::Text(text) => {
                let form = FORM.replace_all(text, format!("$1={REDACTED}"));
                *text = self.text(&form);
            }
        }
    }

    fn json(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(object) => {
                *object = std::mem::take(object)
                    .into_iter()
                    .map(|(name, mut value)| {
                        self.json(&mut value);
                        (self.text(&name), value)
                    })
                    .collect();
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.replacements {
            text = text.replace(from, to);
        }
        let text = UUID.replace_all(&text, |found: &Captures<'_>| self.numbered(&found[0]));
        let text = EMAIL.replace_all(&text, PERSON);
        text.into_owned()
    }

    /// The numbered UUID that replaces this one.
    fn numbered(&mut self, uuid: &str) -> String {
        let uuid = uuid.to_ascii_lowercase();
        if let Some(number) = uuid.strip_prefix(NUMBERED) {
            let number = number.parse().unwrap_or(0);
            self.last_number = self.last_number.max(number);
            return uuid;
        }
        if let Some(known) = self.uuids.get(&uuid) {
            return known.clone();
        }
        self.last_number += 1;
        let numbered = format!("{NUMBERED}{:012}", self.last_number);
        self.uuids.insert(uuid, numbered.clone());
        numbered
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scrubber() -> Scrubber {
        let replacements = vec![("docr-1f".to_owned(), "acme-images".to_owned())];
        Scrubber::new(Spec::embedded().unwrap(), replacements)
    }

    fn scrubbed(scrubber: &mut Scrubber, json: Value) -> Value {
        let mut body = Body::Json(json);
        scrubber.body(&mut body);
        match body {
            Body::Json(json) => json,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_uuid_gets_the_same_number() {
        let mut scrubber = scrubber();
        let (a, b) = (
            "bd5f5959-5e1e-4205-a714-a914373942af",
            "892071A0-bb95-49bc-8021-3afd67a210bf",
        );
        let first = scrubbed(&mut scrubber, json!([a, format!("/x/{b}/y"), a]));
        let number = |n: u64| format!("{NUMBERED}{n:012}");
        assert_eq!(
            first,
            json!([number(1), format!("/x/{}/y", number(2)), number(1)])
        );
        // Scrubbing again changes nothing, and a new one gets the next number.
        let mut again = super::tests::scrubber();
        assert_eq!(scrubbed(&mut again, first.clone()), first);
        assert_eq!(again.text(a), number(3));
    }

    #[test]
    fn a_secret_in_a_form_is_redacted() {
        let mut body = Body::Text("token=abc%3D&page_token=2".to_owned());
        scrubber().body(&mut body);
        assert_eq!(body, Body::Text("token=[redacted]&page_token=2".to_owned()));
    }

    #[test]
    fn secrets_personal_data_and_chosen_texts_are_redacted() {
        let body = json!({
            "auths": {"registry.digitalocean.com": {"auth": "cGVyc29uOnNlY3JldA=="}},
            "private_key": "-----BEGIN PRIVATE KEY-----",
            "note": "docr-1f is owned by jo.doe+x@corp.example.net",
        });
        assert_eq!(
            scrubbed(&mut scrubber(), body),
            json!({
                "auths": {"registry.digitalocean.com": {"auth": REDACTED}},
                "private_key": REDACTED,
                "note": "acme-images is owned by person@example.com",
            })
        );
    }
}
