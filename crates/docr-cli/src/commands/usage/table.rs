//! The report for people.

use anyhow::Result;
use docr::{StorageBytes, for_terminal};
use indicatif::HumanBytes;

use super::report::{Report, Row, Share};
use crate::output::{Cell, Columns, Output};

/// How long the longest bar is.
const WIDTH: usize = 30;

/// The columns of the repositories.
pub(super) fn columns() -> Columns<Row> {
    Columns::new(
        |row: &Row| row.name.clone(),
        "The registry has no repositories.",
    )
    .column("repository", 1, |row| Cell::text(&row.name))
    .column("stored", 2, |row| match row.storage() {
        StorageBytes::Exactly(bytes) => Cell::Bytes(bytes),
        // The newest image is an index, which has no blobs of its own.
        StorageBytes::AtLeast(0) => Cell::Missing,
        StorageBytes::AtLeast(bytes) => Cell::AtLeast(bytes),
    })
    .column("tags", 3, |row| Cell::some(row.tags, Cell::Number))
    .column("manifests", 4, |row| {
        Cell::some(row.manifests, Cell::Number)
    })
}

pub(super) fn show(report: &Report, output: &Output, is_deep: bool) -> Result<()> {
    let most = report.most();
    // The largest one's is as long as can be.
    let columns = columns().column("share", 5, move |row| {
        Cell::text(bar(row.at_least_bytes, most))
    });
    output.list(report.rows(), &columns)?;
    output.show(format_args!("\n{}", summary(report)), &())?;
    let open = report.open().count();
    if open > 0 && !is_deep {
        let repositories = match open {
            1 => "a repository".to_owned(),
            _ => format!("{open} repositories"),
        };
        output.note(format_args!(
            "Of {repositories} the lists tell no more than the newest image (≥); `docr usage --deep` reads the others."
        ));
    }
    Ok(())
}

fn summary(report: &Report) -> String {
    let Share { used, included } = report.storage;
    let storage = match included {
        Some(included) => format!("{} of {}", HumanBytes(used), HumanBytes(included)),
        None => HumanBytes(used).to_string(),
    };
    let repositories = match report.repositories.included {
        Some(included) => format!("{} of {included}", report.repositories.used),
        None => report.repositories.used.to_string(),
    };
    format!(
        "The account's {} tier: {storage} stored, {repositories} repositories.",
        for_terminal(&report.tier, 100)
    )
}

/// A bar as long as its part of the longest; what is there at all is seen.
fn bar(bytes: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if bytes == 0 || most == 0 {
        return String::new();
    }
    let eighths = (bytes as f64 / most as f64 * (WIDTH * 8) as f64)
        .round()
        .max(1.0) as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}
