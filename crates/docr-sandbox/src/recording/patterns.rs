//! Patterns of ids, secrets and addresses.

use std::sync::LazyLock;

use regex::Regex;

/// A UUID.
pub(super) static UUID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
});
/// An e-mail address.
pub(super) static EMAIL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)[a-z0-9][a-z0-9._+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+"));
/// A secret in a form-encoded text.
pub(super) static FORM: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(access_token|password|secret|token)=[^&\s]+"));
/// The patterns of secrets.
pub(super) static LOOKS: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
    [
        (
            pattern(r"\b(?:do[a-z]|sandbox)_v1_[0-9a-zA-Z_]{4,}"),
            "an API token",
        ),
        (pattern(r"-----BEGIN [A-Z ]*PRIVATE KEY"), "a private key"),
        (pattern(r"(?i)\bbearer +[^\s\[]"), "a bearer token"),
        (
            pattern(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
            "a JSON Web Token",
        ),
        (pattern(r"://[^/\s:@]+:[^/\s@]+@"), "a password in a URL"),
        (
            pattern(r"(?i)\b(?:access_token|password|secret|token)=[^&\s\[]"),
            "a secret in a query",
        ),
    ]
});
/// Text that may be base64.
pub(super) static ENCODED: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9+/]{12,}={0,2}"));

fn pattern(text: &str) -> Regex {
    #[allow(clippy::expect_used, reason = "each pattern is used by a test")]
    Regex::new(text).expect("a well-formed pattern")
}
