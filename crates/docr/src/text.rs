//! Texts from outside, prepared for display.

/// A text from outside, made safe for a terminal: control characters are escaped, and it is truncated to `most`
/// characters. Names, states and messages of the service are arbitrary: an escape sequence in them could move the cursor
/// and hide what is on the screen.
///
/// ```
/// use docr::for_terminal;
///
/// assert_eq!(for_terminal("v1\u{1b}[2K", 80), r"v1\u{1b}[2K");
/// assert_eq!(for_terminal("shop/api", 4), "shop...");
/// ```
pub fn for_terminal(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (place, character) in text.chars().enumerate() {
        if place == most {
            shown.push_str("...");
            break;
        }
        // Marks that change the writing direction, and characters without width, can hide text as well.
        let is_mark = matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        );
        match character.is_control() || is_mark {
            true => shown.extend(character.escape_unicode()),
            false => shown.push(character),
        }
    }
    shown
}

/// A name, a state or the like, made safe for a message.
pub(crate) fn clean(text: &str) -> String {
    for_terminal(text, 200)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        let shown = |text| for_terminal(text, 200);
        assert_eq!(shown("v1\u{1b}[1A\u{1b}[2K"), "v1\\u{1b}[1A\\u{1b}[2K");
        assert_eq!(shown("a\nb\u{202e}"), "a\\u{a}b\\u{202e}");
        assert_eq!(shown("a\u{9b}2J\u{7f}"), "a\\u{9b}2J\\u{7f}");
        assert_eq!(shown("ümlaut"), "ümlaut");
        assert_eq!(shown(&"x".repeat(1000)).len(), 203);
    }
}
