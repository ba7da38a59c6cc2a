//! What must not be kept of a request or a response: tokens, minted credentials, private keys.

use std::collections::BTreeSet;

use serde_json::Value;

/// Stands in the place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The value of an `authorization` header, without the token.
pub(crate) fn authorization(value: &str) -> String {
    match value.split_once(' ') {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("bearer") => format!("Bearer {REDACTED}"),
        _ => REDACTED.to_owned(),
    }
}

/// Overwrites every text that stands under one of the `fields`, at any depth.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_overwritten_at_any_depth_and_the_rest_stays() {
        let mut body = json!({"auths": {"host": {"auth": "c2VjcmV0"}}, "list": [{"auth": "x", "author": "y"}], "n": 1});
        fields(&mut body, &BTreeSet::from(["auth".to_owned()]));
        assert_eq!(
            body,
            json!({"auths": {"host": {"auth": REDACTED}}, "list": [{"auth": REDACTED, "author": "y"}], "n": 1})
        );
    }

    #[test]
    fn of_an_authorization_only_the_scheme_bearer_stays() {
        assert_eq!(authorization("bearer abc"), "Bearer [redacted]");
        assert_eq!(authorization("Basic abc"), REDACTED);
        assert_eq!(authorization("abc"), REDACTED);
    }
}
