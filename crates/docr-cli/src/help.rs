//! The examples at the end of a command's help.

/// Two examples: what each does, and its command line. A test runs them all.
pub(crate) type Examples = [(&'static str, &'static str); 2];

/// The text below the options in a command's help.
pub(crate) fn examples(examples: &Examples) -> String {
    let examples = examples.map(|(what, line)| format!("  # {what}\n  $ {line}"));
    format!("Examples:\n{}", examples.join("\n\n"))
}
