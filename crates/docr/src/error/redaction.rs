//! Texts from outside, as they may be shown: without secrets, on one line.

use docr_api::Secret;

/// How much of a text from outside is kept, in characters.
const SHOWN_LIMIT: usize = 300;

/// A text from outside as it may be shown: without the token, on one line, and not too long.
pub(super) fn shown(text: &str, token: &Secret) -> String {
    let text = without_keys(text).replace(token.expose(), "[redacted]");
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    if let Some((end, _)) = line.char_indices().nth(SHOWN_LIMIT) {
        line.truncate(end);
        line.push_str("...");
    }
    line
}

/// A service that quotes the request quotes the private key in it.
fn without_keys(text: &str) -> String {
    const KEY: &str = "PRIVATE KEY-----";
    let mut kept = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find("-----BEGIN ") {
        let (before, block) = rest.split_at(begin);
        kept.push_str(before);
        let end = block.find("-----END ").and_then(|end| {
            let last = block[end..].find(KEY)?;
            Some(end + last + KEY.len())
        });
        if block.contains(KEY) {
            kept.push_str("[redacted]");
            rest = end.and_then(|end| block.get(end..)).unwrap_or("");
        } else {
            kept.push_str(block);
            rest = "";
        }
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_loses_the_token_and_its_line_ends() {
        let token = Secret::from("dop_v1_secret");
        assert_eq!(
            shown("bad token\r\n  dop_v1_secret\u{1b}[1m", &token),
            "bad token [redacted] [1m"
        );
        assert_eq!(shown(&"x".repeat(1000), &token).len(), SHOWN_LIMIT + 3);
        let key = "bad key -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- here";
        assert_eq!(shown(key, &token), "bad key [redacted] here");
        assert_eq!(shown(&key[..50], &token), "bad key [redacted]");
    }
}
