//! The one way to the terminal: what comes from outside moves no cursor, and no line is wider than there is room.

use std::{
    env,
    io::{self, Write as _},
};

use docr::for_terminal;
use terminal_size::{Height, Width, terminal_size_of};

use super::cut::cut;

/// The reader of the output is gone.
#[derive(Debug)]
pub(super) struct OutputClosed;

impl std::fmt::Display for OutputClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for OutputClosed {}

/// How wide the output is; `None` where there is no limit, as in a file.
pub(super) fn width() -> Option<usize> {
    width_of(terminal_size_of(io::stdout()))
}

/// How wide that is what is said beside the result.
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

/// A text of several lines as it may be shown: whatever it quotes, only its line ends move the cursor.
pub(crate) fn visible(text: &str) -> String {
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let lines: Vec<_> = lines.map(|line| for_terminal(line, usize::MAX)).collect();
    lines.join("\n")
}

/// JSON as it may be shown: what would move the cursor or hide is escaped as JSON has it, so that its values stay.
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

/// A visible text whose lines are broken between words. A word stays whole, however long: in a sentence it is an id, a
/// path or a command that somebody may copy.
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

/// A text whose further lines stand below its first one, which begins after so many columns. A word that is wider than
/// there is room is cut.
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

/// Writes a result. Not `println!`, which panics when the reader of a pipe is gone.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    ended(writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()))
}

/// Writes a result with styles, which only a terminal gets.
pub(super) fn print_styled(text: &str) -> anyhow::Result<()> {
    ended(writeln!(anstream::stdout(), "{text}").and_then(|()| io::stdout().flush()))
}

fn ended(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
        written => Ok(written?),
    }
}

/// Says something on stderr. Where that fails, there is nowhere left to report it.
pub(super) fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_values_and_moves_no_cursor() {
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
