//! Redacts the secrets of requests and responses: tokens, minted credentials, private keys.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Replaces a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The value of an `authorization` header, without the token.
pub(crate) fn authorization(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("bearer") => format!("Bearer {REDACTED}"),
        _ => REDACTED.to_owned(),
    }
}

/// Redacts every text in one of the `fields`, at any depth.
pub(crate) fn fields(value: &mut Value, fields: &BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if value.is_string() && fields.contains(name) {
                    *value = Value::from(REDACTED);
                } else {
                    self::fields(value, fields);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| self::fields(item, fields)),
        _ => {}
    }
}

/// A text with its private keys redacted, escaped or not, whole or cut off.
pub(crate) fn keys(text: &str) -> Cow<'_, str> {
    static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let key =
            "(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)";
        Regex::new(key).ok()
    });
    match &*KEY {
        Some(key) => key.replace_all(text, REDACTED),
        None => Cow::Borrowed(REDACTED),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_redacted_at_any_depth_and_the_rest_stays() {
        let mut body = json!({"auths": {"host": {"auth": "c2VjcmV0"}}, "list": [{"auth": "x", "author": "y"}], "n": 1});
        fields(&mut body, &BTreeSet::from(["auth".to_owned()]));
        assert_eq!(
            body,
            json!({"auths": {"host": {"auth": REDACTED}}, "list": [{"auth": REDACTED, "author": "y"}], "n": 1})
        );
    }

    #[test]
    fn a_private_key_is_redacted_wherever_it_is_quoted() {
        for (text, redacted) in [
            (
                "a -----BEGIN EC PRIVATE KEY-----\nMC4=\n-----END EC PRIVATE KEY----- b",
                "a [redacted] b",
            ),
            (
                r"-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n",
                r"[redacted]\n",
            ),
            ("-----BEGIN RSA PRIVATE KEY-----\nMC4", REDACTED),
            ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"),
        ] {
            assert_eq!(keys(text), redacted);
        }
    }

    #[test]
    fn only_the_scheme_of_an_authorization_is_kept() {
        assert_eq!(authorization("bearer abc"), "Bearer [redacted]");
        assert_eq!(authorization("Basic abc"), REDACTED);
        assert_eq!(authorization("abc"), REDACTED);
    }
}
