//! Looks for secrets in a recording by their form, not their place: it finds what the scrubber doesn't know.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;

use super::patterns::{EMAIL, ENCODED, LOOKS};
use crate::http::redact::REDACTED;

/// Fields that hold secrets wherever they occur.
const SECRET_FIELDS: [&str; 9] = [
    "access_token",
    "auth",
    "authorization",
    "cookie",
    "identitytoken",
    "password",
    "private_key",
    "secret",
    "token",
];

/// Everything in a document that looks like a secret, with its place.
pub(super) fn suspects(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, "", "", &mut found);
    found
}

fn walk(value: &Value, place: &str, field: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            if let Some(look) = look(field, text) {
                found.push(format!("{place} looks like {look}"));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{place}[{index}]"), field, found);
            }
        }
        Value::Object(object) => {
            for (name, value) in object {
                let dot = if place.is_empty() { "" } else { "." };
                if let Some(look) = look("", name) {
                    found.push(format!("the name of a field of {place} looks like {look}"));
                }
                walk(value, &format!("{place}{dot}{name}"), name, found);
            }
        }
        _ => {}
    }
}

fn look(field: &str, text: &str) -> Option<&'static str> {
    if text.is_empty() || is_redacted(text) {
        return None;
    }
    if SECRET_FIELDS.contains(&field.to_ascii_lowercase().as_str()) {
        return Some("a secret by its field's name");
    }
    if let Some((_, look)) = LOOKS.iter().find(|(regex, _)| regex.is_match(text)) {
        return Some(look);
    }
    if EMAIL
        .find_iter(text)
        .any(|found| !is_example(found.as_str()))
    {
        return Some("a person's e-mail address");
    }
    let encoded = ENCODED
        .find_iter(text)
        .any(|run| is_credential(run.as_str()));
    encoded.then_some("a user and password in base64")
}

/// Whether a text is a placeholder of a secret.
fn is_redacted(text: &str) -> bool {
    text == REDACTED || text.strip_prefix("Bearer ") == Some(REDACTED)
}

/// Whether a domain is reserved for examples.
fn is_example(address: &str) -> bool {
    let domain = address.rsplit('@').next().unwrap_or_default();
    ["example.com", "example.net", "example.org"]
        .iter()
        .any(|known| domain == *known || domain.ends_with(&format!(".{known}")))
}

/// Base64 of `user:password`.
fn is_credential(text: &str) -> bool {
    BASE64
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|plain| {
            plain
                .split_once(':')
                .map(|(user, pass)| (user.to_owned(), pass.to_owned()))
        })
        .is_some_and(|(user, password)| {
            let is_plain =
                |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
            is_plain(&user) && is_plain(&password)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_anywhere() {
        for (text, look) in [
            (format!("dop{}", "_v1_0123456789abcdef"), "an API token"),
            (format!("see sandbox{}!", "_v1_00ff"), "an API token"),
            (
                format!("-----BEGIN EC {} KEY-----", "PRIVATE"),
                "a private key",
            ),
            ("authorization was Bearer abc".to_owned(), "a bearer token"),
            (
                format!("eyJ{}.eyJzdWIiOiIx.c2ln", "hbGciOiJub25l"),
                "a JSON Web Token",
            ),
            (
                "https://me:pw@example.com/".to_owned(),
                "a password in a URL",
            ),
            ("page=1&token=abc".to_owned(), "a secret in a query"),
            ("by jo.doe@corp.net".to_owned(), "a person's e-mail address"),
            (
                BASE64.encode("person:hunter2hunter2"),
                "a user and password in base64",
            ),
        ] {
            assert_eq!(
                suspects(&json!({"a": [{"b": text}]})),
                [format!("a[0].b looks like {look}")]
            );
            assert_eq!(suspects(&json!({ text: 1 })).len(), 1);
        }
        assert_eq!(
            suspects(&json!({"private_key": "x"})),
            ["private_key looks like a secret by its field's name"]
        );
    }

    #[test]
    fn redacted_and_harmless_text_is_left_alone() {
        let harmless = json!({
            "auth": "[redacted]",
            "authorization": "Bearer [redacted]",
            "owner": "person@example.com",
            "digest": format!("sha256:{}", "0123456789abcdef".repeat(4)),
            "next": "https://api.digitalocean.com/v2/registries?page_token=abc&page=2",
            "token": "",
        });
        assert_eq!(suspects(&harmless), Vec::<String>::new());
    }
}
