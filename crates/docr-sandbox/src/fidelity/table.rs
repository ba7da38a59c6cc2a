//! Reads the tables of `FIDELITY.md`.

use std::collections::BTreeMap;

/// A row of a table by the headings of its columns, without backticks around a cell.
pub(crate) type Row = BTreeMap<String, String>;

/// The rows of the table below a heading.
pub(crate) fn rows(below: &str) -> Vec<Row> {
    let text = include_str!("../../FIDELITY.md");
    let (_, text) = text.split_once(&format!("\n## {below}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap_or(text);
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split('|').map(str::trim);
        cells.map(plain).collect()
    };
    let mut lines = text.lines().filter(|line| line.starts_with('|'));
    let heads = cells(lines.next().unwrap());
    let rows = lines.skip(1).map(cells);
    rows.map(|row| heads.iter().cloned().zip(row).collect())
        .collect()
}

/// A cell without the backticks around its text or its names.
fn plain(cell: &str) -> String {
    let inner = cell
        .strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'));
    inner.unwrap_or(cell).replace("`, `", ", ")
}
