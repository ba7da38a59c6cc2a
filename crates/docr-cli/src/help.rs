//! What the help of a command ends with.

/// What an example does, and its command line. A test runs each.
pub(crate) type Examples = [(&'static str, &'static str); 2];

/// The end of a command's help.
pub(crate) fn examples(examples: &Examples) -> String {
    let examples = examples.map(|(what, line)| format!("  # {what}\n  $ {line}"));
    format!("Examples:\n{}", examples.join("\n\n"))
}
