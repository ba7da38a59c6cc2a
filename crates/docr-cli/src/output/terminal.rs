//! Writing to the terminal: without control characters from outside, and wrapped to its width.

use std::{
    env,
    io::{self, Write as _},
};

use docr::for_terminal;
use terminal_size::{Height, Width, terminal_size_of};

use super::cut::cut;

/// The output was closed by its reader.
#[derive(Debug)]
pub(super) struct OutputClosed;

impl std::fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the output was closed")
    }
}

impl std::error::Error for OutputClosed {}

/// The width of stdout; `None` without a limit, as for a file.
pub(super) fn width() -> Option<usize> {
    width_of(terminal_size_of(io::stdout()))
}

/// The width of stderr.
pub(super) fn width_beside() -> Option<usize> {
    width_of(terminal_size_of(io::stderr()))
}

fn width_of(terminal: Option<(Width, Height)>) -> Option<usize> {
    let set = || env::var("COLUMNS").ok()?.parse().ok();
    let width = match terminal {
        Some((Width(width), _)) if width > 0 => Some(usize::from(width)),
        _ => set(),
    };
    width.map(|width: usize| width.clamp(20, 400))
}

/// A text of several lines, with control characters other than line breaks escaped.
pub(crate) fn visible(text: &str) -> String {
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let lines: Vec<_> = lines.map(|line| for_terminal(line, usize::MAX)).collect();
    lines.join("\n")
}

/// JSON with control and invisible characters escaped, which leaves its values unchanged.
pub(super) fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        let is_plain = matches!(character, '\n' | ' '..='~');
        match is_plain || for_terminal(character.encode_utf8(&mut [0; 4]), 1).starts_with(character)
        {
            true => shown.push(character),
            false => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    shown += &format!("\\u{unit:04x}");
                }
            }
        }
    }
    shown
}

/// A visible text, wrapped between words. Long words are not broken: they are ids, paths or commands to copy.
pub(super) fn wrapped(text: &str, room: Option<usize>) -> String {
    let text = visible(text);
    let Some(room) = room else { return text };
    let lines = text.split('\n').map(|line| {
        let indent = " ".repeat(line.len() - line.trim_start().len());
        let options = options(room).subsequent_indent(&indent);
        textwrap::wrap(line, options).join("\n")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A text with all lines but the first indented by this many columns. Words that are too wide are truncated.
pub(super) fn indented(text: &str, indent: usize, room: usize) -> String {
    let blanks = " ".repeat(indent);
    let room = room.saturating_sub(indent).max(10);
    let lines = textwrap::wrap(text, options(room));
    let lines: Vec<_> = lines.iter().map(|line| cut(line, room)).collect();
    lines.join(&format!("\n{blanks}"))
}

fn options<'a>(room: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(room)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// Writes a result. `println!` would panic on a closed pipe.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    ended(writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()))
}

/// Writes a result with styles, which are removed unless stdout is a terminal.
pub(super) fn print_styled(text: &str) -> anyhow::Result<()> {
    ended(writeln!(anstream::stdout(), "{text}").and_then(|()| io::stdout().flush()))
}

fn ended(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        written => Ok(written?),
    }
}

/// Writes to stderr. If that fails, there is nowhere left to report it.
pub(super) fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_json_has_the_same_values_and_no_control_characters() {
        let text = "é日\u{1b}[2J\u{9b}\u{202e}\u{e0041}\u{7f}";
        let shown = visible_json(&serde_json::json!({ "a": text }).to_string());
        assert_eq!(
            shown,
            r#"{"a":"é日\u001b[2J\u009b\u202e\udb40\udc41\u007f"}"#
        );
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read["a"], text);
    }
}
