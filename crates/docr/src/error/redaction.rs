//! Texts from outside, as they may be shown: without secrets, on one line.
//!
//! A service that quotes the request also quotes the secrets in it, in whatever form its language prints them: escaped,
//! encoded, with other line ends, truncated. So we don't search for the secret as a whole, but for any run of its
//! characters, whatever separates them.

use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use docr_api::Secret;

use crate::text::for_terminal;

/// How much of a text from outside is kept, in characters.
const SHOWN_LIMIT: usize = 300;
/// How much of one is read, in characters; what is redacted, and spaces, don't count towards what is kept.
const READ_LIMIT: usize = 16 * SHOWN_LIMIT;
/// A run of this many characters of a secret is hidden; a shorter one may be chance.
const RUN: usize = 12;
/// A shorter secret is searched for as a whole word, since it may be part of many others.
const SHORTEST: usize = 8;

const HIDDEN: &str = "[redacted]";

/// The secrets that a call has sent or was authorized by.
pub(crate) struct Hidden<'a> {
    words: Vec<&'a str>,
    runs: HashSet<Vec<u8>>,
    lengths: BTreeSet<usize>,
}

impl<'a> Hidden<'a> {
    pub(crate) fn new(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut hidden = Self {
            words: Vec::new(),
            runs: HashSet::new(),
            lengths: BTreeSet::new(),
        };
        for secret in secrets {
            hidden.add(secret.expose());
        }
        hidden
    }

    fn add(&mut self, secret: &'a str) {
        let plain: Vec<u8> = significant(body(secret)).map(|(byte, _)| byte).collect();
        if plain.len() < SHORTEST {
            self.words.extend((!secret.is_empty()).then_some(secret));
            return;
        }
        // Encoded together with a prefix, a secret has one of three forms.
        for before in 0..3 {
            let encoded = BASE64.encode([&vec![0; before], secret.as_bytes()].concat());
            let is_cut = !before.saturating_add(secret.len()).is_multiple_of(3);
            let own = encoded.bytes().skip(before.saturating_mul(4).div_ceil(3));
            let mut own: Vec<u8> = own.map(folded).collect();
            own.truncate(own.len().saturating_sub(usize::from(is_cut)));
            self.add_runs(&own, RUN);
        }
        self.add_runs(&plain, RUN.min(plain.len()));
    }

    fn add_runs(&mut self, text: &[u8], length: usize) {
        self.lengths.insert(length);
        self.runs.extend(text.windows(length).map(<[u8]>::to_vec));
    }

    /// A text from outside as it may be shown: without these secrets or any private key, on one line, truncated.
    pub(crate) fn shown(&self, text: &str) -> String {
        let cut = text
            .char_indices()
            .nth(READ_LIMIT)
            .map_or(text, |(end, _)| &text[..end]);
        let text = self.without_words(&self.without_runs(&without_keys(cut)));
        let words = text.split_whitespace();
        for_terminal(&words.collect::<Vec<_>>().join(" "), SHOWN_LIMIT)
    }

    fn without_runs(&self, text: &str) -> String {
        let (bytes, places): (Vec<u8>, Vec<Range<usize>>) = significant(text).unzip();
        let mut hidden = vec![false; bytes.len()];
        for &length in &self.lengths {
            for (begin, run) in bytes.windows(length).enumerate() {
                if self.runs.contains(run) {
                    hidden
                        .iter_mut()
                        .skip(begin)
                        .take(length)
                        .for_each(|h| *h = true);
                }
            }
        }
        let mut kept = String::new();
        let mut end = 0;
        let mut all = places.into_iter().zip(hidden).peekable();
        while let Some((place, is_hidden)) = all.next() {
            if !is_hidden {
                continue;
            }
            kept.push_str(text.get(end..place.start).unwrap_or_default());
            kept.push_str(HIDDEN);
            end = place.end;
            while let Some((place, _)) = all.next_if(|(_, is_hidden)| *is_hidden) {
                end = place.end;
            }
        }
        kept.push_str(text.get(end..).unwrap_or_default());
        kept
    }

    fn without_words(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for word in &self.words {
            let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            let mut kept = String::new();
            let mut end = 0;
            for (begin, _) in text.match_indices(word) {
                let after = begin.saturating_add(word.len());
                let before = text.get(..begin).and_then(|text| text.chars().next_back());
                let next = text.get(after..).and_then(|text| text.chars().next());
                if !is_part(before) && !is_part(next) {
                    kept.push_str(text.get(end..begin).unwrap_or_default());
                    kept.push_str(HIDDEN);
                    end = after;
                }
            }
            kept.push_str(text.get(end..).unwrap_or_default());
            text = kept;
        }
        text
    }
}

/// The secret part of a text: in PEM only what is between the marks, which are the same for all keys.
fn body(secret: &str) -> &str {
    let body = secret.split_once("-----BEGIN").and_then(|(_, rest)| {
        let (_, body) = rest.split_once("-----")?;
        Some(body.split_once("-----END").map_or(body, |(body, _)| body))
    });
    body.unwrap_or(secret)
}

/// The characters of a text that identify a secret, each with its position. Line ends, quotes and the escapes of these are
/// skipped, other escapes are decoded.
fn significant(text: &str) -> impl Iterator<Item = (u8, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let begin = at;
            let (byte, length) = first(rest);
            at = at.saturating_add(length);
            if let Some(byte) =
                byte.filter(|byte| byte.is_ascii_graphic() && !b"\"'".contains(byte))
            {
                return Some((folded(byte), begin..at));
            }
        }
        None
    })
}

/// Base64 has two alphabets.
fn folded(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

/// The first character of a text, if it is ASCII, and how many bytes it takes.
fn first(text: &str) -> (Option<u8>, usize) {
    let number = |digits: Option<&str>, radix| u8::from_str_radix(digits?, radix).ok();
    if let Some(rest) = text.strip_prefix('\\') {
        // Text that is escaped more than once has several backslashes.
        let escaped = rest.trim_start_matches('\\');
        let slashes = text.len().saturating_sub(escaped.len());
        let (byte, length) = match escaped.bytes().next() {
            Some(b'n' | b'r' | b't') => (None, 1),
            Some(b'u') => match number(escaped.get(1..5), 16) {
                Some(byte) => (Some(byte), 5),
                None => (None, 0),
            },
            _ => (None, 0),
        };
        return (byte, slashes.saturating_add(length));
    }
    if let Some(byte) = text
        .strip_prefix('%')
        .and_then(|rest| number(rest.get(..2), 16))
    {
        return (Some(byte), 3);
    }
    let entity = text
        .strip_prefix("&#")
        .and_then(|rest| rest.split_once(';'));
    if let Some((digits, _)) = entity
        && let Some(byte) = number(Some(digits), 10)
    {
        return (Some(byte), digits.len().saturating_add("&#;".len()));
    }
    let length = text.chars().next().map_or(1, char::len_utf8);
    (text.bytes().next().filter(u8::is_ascii), length)
}

/// Hides each PEM block that is not a certificate, and a truncated one.
fn without_keys(text: &str) -> String {
    const BEGIN: &str = "-----BEGIN";
    const END: &str = "-----END";
    let mut kept = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (begin, end) = (rest.find(BEGIN), rest.find(END));
        match (begin, end) {
            // It began before the text did.
            (_, Some(end)) if begin.is_none_or(|begin| end < begin) => {
                let (label, after) = mark(rest, end, END);
                match is_certificate(label) {
                    true => kept.push_str(&rest[..rest.len().saturating_sub(after.len())]),
                    false => kept.push_str(HIDDEN),
                }
                rest = after;
            }
            (Some(begin), _) => {
                let (label, after) = mark(rest, begin, BEGIN);
                kept.push_str(&rest[..begin]);
                if is_certificate(label) {
                    // Up to its end, or to the beginning of the next block.
                    let next = [after.find(END), after.find(BEGIN)];
                    let next = next.into_iter().flatten().min().unwrap_or(after.len());
                    let is_end = after[next..].starts_with(END);
                    let tail = match is_end {
                        true => mark(after, next, END).1,
                        false => &after[next..],
                    };
                    kept.push_str(&rest[begin..rest.len().saturating_sub(tail.len())]);
                    rest = tail;
                } else {
                    kept.push_str(HIDDEN);
                    rest = after_end_of(label, after, END);
                }
            }
            (None, _) => {
                kept.push_str(rest);
                rest = "";
            }
        }
    }
    kept
}

/// The label of a mark such as `-----BEGIN PRIVATE KEY-----`, and the text after it.
fn mark<'t>(text: &'t str, at: usize, kind: &str) -> (&'t str, &'t str) {
    let rest = &text[at.saturating_add(kind.len())..];
    rest.split_once("-----").unwrap_or((rest, ""))
}

fn after_end_of<'t>(label: &str, text: &'t str, end: &str) -> &'t str {
    for (at, _) in text.match_indices(end) {
        let (other, after) = mark(text, at, end);
        if letters(other).eq(letters(label)) {
            return after;
        }
    }
    ""
}

fn is_certificate(label: &str) -> bool {
    letters(label).eq("CERTIFICATE".chars())
}

/// The letters of a label, however it is spaced.
fn letters(label: &str) -> impl Iterator<Item = char> {
    label.chars().filter(char::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\n\
        MHcCAQEEIJ2dQ5hmZ0Qe4p8Nf7w1cYb0nq2VtXo6Ls9aKr3mUuYvoAoGCCqGSM49\n\
        AwEHoUQDQgAEZk1s8Jt+7/xG0uQ2Wc5b9LrT4yHnVd3oPfS6aMiKeXjRqYzBwUhC\n\
        vD7lNgE2t/TOmP0ksI+GxFqb5A==\n\
        -----END EC PRIVATE KEY-----\n";

    fn shown(text: &str, secrets: &[&str]) -> String {
        let secrets: Vec<_> = secrets.iter().copied().map(Secret::from).collect();
        Hidden::new(&secrets).shown(text)
    }

    /// Whether eight characters in a row of a key are in a text.
    fn tells(text: &str) -> bool {
        let body: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let text: String = text.split_whitespace().collect();
        (0..body.len() - 8).any(|at| text.contains(&body[at..at + 8]))
    }

    #[test]
    fn text_from_outside_loses_the_token_and_line_breaks() {
        assert_eq!(
            shown("bad token\r\n  dop_v1_secret\u{1b}[1m", &["dop_v1_secret"]),
            "bad token [redacted]\\u{1b}[1m"
        );
        assert_eq!(shown(&"x".repeat(1000), &[]).len(), SHOWN_LIMIT + 3);
    }

    #[test]
    fn short_secrets_are_redacted_as_whole_words_and_empty_ones_not_at_all() {
        assert_eq!(
            shown("unauthorized: t, [t] t2", &["t"]),
            "unauthorized: [redacted], [[redacted]] t2"
        );
        assert_eq!(shown("unauthorized", &[""]), "unauthorized");
        assert_eq!(shown("token1 is bad", &["token1"]), "[redacted] is bad");
        assert_eq!(shown("a longtoken2 b", &["longtoken"]), "a [redacted]2 b");
        // Of eight characters and more, also a part of a word.
        assert_eq!(shown("token123b", &["token123"]), "[redacted]b");
        assert_eq!(shown("token12b", &["token12"]), "token12b");
    }

    #[test]
    fn a_key_that_was_sent_is_not_shown_in_any_form() {
        let lines: Vec<_> = KEY.lines().collect();
        let bare = lines[1..lines.len() - 1].concat();
        let standard = base64::engine::general_purpose::STANDARD;
        let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let form = reqwest::Url::parse_with_params("http://a", [("key", KEY)]).unwrap();
        let form = form.query().unwrap().to_owned();
        let forms = [
            KEY.to_owned(),
            format!("map[private_key:{KEY} type:custom]"),
            format!("{KEY:?}"),
            format!("{:?}", format!("{KEY:?}")),
            KEY.replace('\n', "\\u000a"),
            KEY.replace('\n', "\r\n"),
            KEY.replace('\n', " "),
            KEY.replace('\n', ""),
            KEY.replace('\n', "<br>"),
            KEY.replace('/', "\\/"),
            KEY.replace('+', "&#43;").replace('=', "&#61;"),
            form,
            standard.encode(KEY),
            url_safe.encode(KEY),
            standard.encode(format!("a{KEY}")),
            standard.encode(format!("ab{KEY}")),
            bare.clone(),
            bare[30..].to_owned(),
            bare[..60].to_owned(),
            lines[2..].join("\n"),
            lines[..3].join("\n"),
        ];
        for form in forms {
            let text = shown(&format!("invalid: {form} in the request"), &[KEY]);
            assert!(!tells(&text), "{form}\n-> {text}");
            assert!(text.contains(HIDDEN), "{text}");
            let is_encoded = |run: &&[u8]| run.iter().all(|c| c.is_ascii_alphanumeric());
            for run in form.as_bytes().windows(12).filter(is_encoded) {
                let run = str::from_utf8(run).unwrap();
                assert!(!text.contains(run), "{form}\n-> {text}");
            }
        }
    }

    #[test]
    fn any_private_key_in_a_text_is_redacted() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let parameters =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let cut = certificate.split("-----END").next().unwrap();
        for text in [
            KEY.to_owned(),
            format!("{certificate}{KEY}"),
            format!("{cut}{KEY}"),
            format!("{parameters}{KEY}"),
            format!("{KEY}{certificate}{KEY}"),
            KEY.replace(' ', "%20"),
            KEY.replace("EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
            KEY.replace("EC PRIVATE KEY", "OPENSSH PRIVATE KEY"),
            // Cut before, after, and on both sides.
            KEY[40..].to_owned(),
            KEY[..150].to_owned(),
            format!("{}{certificate}{}", &KEY[60..], &KEY[..100]),
        ] {
            let text = shown(&format!("bad request: {text}"), &[]);
            assert!(!tells(&text), "{text}");
        }
        assert_eq!(
            shown(&format!("before {certificate} and {KEY} after"), &[]),
            "before -----BEGIN CERTIFICATE----- MIIB -----END CERTIFICATE----- and [redacted] after"
        );
    }

    #[test]
    fn a_secret_is_hidden_to_its_last_character_where_it_is_escaped_or_encoded() {
        let secret = "dop_v1_secret01";
        let escaped = secret.replace('_', "\\u005f");
        assert_eq!(shown(&escaped, &[secret]), HIDDEN);
        let lines = "dop_v1\nsecret\r\n01";
        assert_eq!(shown("dop_v1\\nsecret\\r\\n01", &[lines]), HIDDEN);
        // Encoded, its 15 characters end where the last of base64's does.
        assert_eq!(shown(&BASE64.encode(secret), &[secret]), HIDDEN);
        // Of 16 the last one is encoded together with what follows.
        let longer = BASE64.encode(format!("{secret}2:"));
        let longer = shown(&longer, &["dop_v1_secret012"]);
        assert!(longer.starts_with(HIDDEN) && longer.len() < HIDDEN.len() + 4);
    }
}
