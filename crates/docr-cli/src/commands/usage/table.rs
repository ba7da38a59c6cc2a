//! The report as a table.

use anyhow::Result;
use docr::{StorageBytes, for_terminal};
use indicatif::HumanBytes;

use super::report::{Report, Row, Share};
use crate::output::{Cell, Columns, Output, counted};

/// The length of the longest bar.
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
        // The newest image is an index, without blobs of its own.
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
    // The largest repository has the longest bar.
    let columns = columns().column("share", 5, move |row| {
        Cell::text(bar(row.at_least_bytes, most))
    });
    output.list(report.rows(), &columns)?;
    output.show(format_args!("\n{}", summary(report)), &())?;
    let open = report.open().count();
    if open > 0 && !is_deep {
        output.note(format_args!(
            "The exact size of {} is not known (≥ or -); run `docr usage --deep` to read it.",
            counted(open as u64, "repository", "repositories")
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
    let Share { used, included } = report.repositories;
    let repositories = match included {
        Some(included) => format!(
            "{used} of {}",
            counted(included, "repository", "repositories")
        ),
        None => counted(used, "repository", "repositories"),
    };
    format!(
        "Subscription tier {}: {storage} and {repositories} used.",
        for_terminal(&report.tier, 100)
    )
}

/// A bar in proportion to the largest value; it is visible for any value above zero.
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
