//! The generated files: their content, writing them, and checking that they are up to date.

mod bindings;
mod client;
mod diagnose;
mod lower;
mod open_enums;
mod operations;
#[cfg(test)]
mod public_api;
mod sandbox_spec;
mod soften;
#[path = "../../../crates/docr-api/build/stamp.rs"]
mod stamp;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use similar::TextDiff;

use crate::spec;

/// The maximum number of lines of a difference that are shown.
const SHOWN_LINES: usize = 24;

/// A file that is generated from the spec.
pub(crate) struct Output {
    path: &'static str,
    content: String,
}

/// The generated files, with the content that they should have.
pub(crate) fn outputs(root: &Path) -> Result<Vec<Output>> {
    let (text, document) = spec::load(root)?;
    Ok(vec![
        Output {
            path: "crates/docr-api/src/generated.rs",
            content: bindings::render(&text, &document)?,
        },
        Output {
            path: "crates/docr-sandbox/src/spec.json",
            content: sandbox_spec::render(&document)?,
        },
    ])
}

/// Writes the files that differ. Unchanged files keep their timestamps, so that nothing is rebuilt.
pub(crate) fn write(root: &Path, outputs: &[Output]) -> Result<()> {
    for output in outputs {
        if present(root, output) != output.content {
            fs::write(root.join(output.path), &output.content)
                .with_context(|| format!("cannot write {}", output.path))?;
            println!("wrote {}", output.path);
        }
    }
    Ok(())
}

/// Fails if a file differs, with the beginning of the difference and the command that updates it.
pub(crate) fn check(root: &Path, outputs: &[Output]) -> Result<()> {
    let mut stale = Vec::new();
    for output in outputs {
        let present = present(root, output);
        if present != output.content {
            println!("{}", difference(output.path, &present, &output.content));
            stale.push(output.path);
        }
    }
    if !stale.is_empty() {
        bail!("out of date: {}\nrun `{}`", stale.join(", "), stamp::MEND);
    }
    println!("generated files are up to date");
    Ok(())
}

/// The present content of a file, or nothing if it is missing. Line endings of the checkout are ignored.
fn present(root: &Path, output: &Output) -> String {
    let text = fs::read_to_string(root.join(output.path)).unwrap_or_default();
    text.replace("\r\n", "\n")
}

fn difference(path: &str, present: &str, wanted: &str) -> String {
    let diff = TextDiff::from_lines(present, wanted);
    let text = diff
        .unified_diff()
        .context_radius(1)
        .header(
            &format!("{path} (present)"),
            &format!("{path} (from the spec)"),
        )
        .to_string();
    let lines: Vec<_> = text.lines().collect();
    match lines.len().checked_sub(SHOWN_LINES) {
        None | Some(0) => lines.join("\n"),
        Some(more) => format!("{}\n... {more} more lines", lines[..SHOWN_LINES].join("\n")),
    }
}
