//! Fitting tables to the terminal: the least important columns are dropped, then texts are truncated.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::{Cell, cut::cut};

const GAP: usize = 2;
/// The minimum width of a truncated text.
const SHORTEST: usize = 10;

pub(super) struct Column {
    pub(super) title: String,
    pub(super) priority: u8,
    pub(super) cells: Vec<Cell>,
}

/// A column, rendered.
struct Shown {
    title: String,
    priority: u8,
    cells: Vec<(String, Style)>,
    is_right: bool,
    width: usize,
    /// The minimum width.
    least: usize,
}

impl Shown {
    fn new(column: Column) -> Self {
        let cells: Vec<_> = column
            .cells
            .iter()
            .map(|cell| (cell.shown(), cell.style()))
            .collect();
        let widths = cells.iter().map(|(text, _)| text.width());
        let width = widths.max().unwrap_or(0).max(column.title.width());
        let can_be_cut = column.cells.iter().all(|cell| {
            cell.can_be_cut() || cell.shown().width() <= SHORTEST.max(column.title.width())
        });
        let least = match can_be_cut {
            true => width.min(SHORTEST.max(column.title.width())),
            false => width,
        };
        let is_right = column.cells.iter().any(Cell::is_number)
            && column
                .cells
                .iter()
                .all(|cell| cell.is_number() || *cell == Cell::Missing);
        Self {
            title: column.title,
            priority: column.priority,
            cells,
            is_right,
            width,
            least,
        }
    }

    fn written(&self, text: &str, style: Style) -> String {
        let text = cut(text, self.width);
        let blanks = " ".repeat(self.width - text.width());
        match self.is_right {
            true => format!("{blanks}{style}{text}{style:#}"),
            false => format!("{style}{text}{style:#}{blanks}"),
        }
    }
}

/// The text of a table.
pub(super) fn laid_out(columns: Vec<Column>, room: Option<usize>) -> String {
    let columns = columns.into_iter().map(Shown::new).collect();
    let columns = fitted(columns, room);
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let bold = Style::new().bold();
    let header = columns
        .iter()
        .map(|column| column.written(&column.title, bold));
    let mut text = line(header.collect());
    for row in 0..rows {
        let cells = columns.iter().map(|column| {
            let (text, style) = &column.cells[row];
            column.written(text, *style)
        });
        text += &line(cells.collect());
    }
    text.trim_end_matches('\n').to_owned()
}

/// The text of a record, with one line per column.
pub(super) fn record(lines: impl Iterator<Item = (String, Cell)>, widest: usize) -> String {
    let bold = Style::new().bold();
    let room = super::terminal::width().unwrap_or(usize::MAX);
    let lines = lines.map(|(title, cell)| {
        let blanks = " ".repeat(widest - title.width() + GAP);
        let (text, style) = (cell.shown(), cell.style());
        let text = super::terminal::indented(&text, widest + GAP, room);
        format!("{bold}{title}{bold:#}{blanks}{style}{text}{style:#}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(cells: Vec<String>) -> String {
    let line = cells.join(&" ".repeat(GAP));
    format!("{}\n", line.trim_end())
}

/// Drops and narrows columns until they fit.
fn fitted(mut columns: Vec<Shown>, room: Option<usize>) -> Vec<Shown> {
    let Some(room) = room else { return columns };
    let gaps = |columns: &[Shown]| GAP * columns.len().saturating_sub(1);
    while columns.iter().map(|column| column.least).sum::<usize>() + gaps(&columns) > room {
        let droppable = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.priority > 1);
        let Some((index, _)) = droppable.max_by_key(|(index, column)| (column.priority, *index))
        else {
            break;
        };
        columns.remove(index);
    }
    let gaps = gaps(&columns);
    narrow(&mut columns, room.saturating_sub(gaps), |column| {
        column.least
    });
    // The columns that were asked for may still be too wide together.
    narrow(&mut columns, room.saturating_sub(gaps), |_| 1);
    columns
}

/// Narrows the widest columns until all fit, so that short ones are not truncated.
fn narrow(columns: &mut [Shown], room: usize, least: impl Fn(&Shown) -> usize) {
    while columns.iter().map(|column| column.width).sum::<usize>() > room {
        let narrowable = columns
            .iter_mut()
            .filter(|column| column.width > least(column));
        let Some(widest) = narrowable.max_by_key(|column| column.width) else {
            break;
        };
        widest.width -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(room: usize) -> String {
        let text = |priority, title: &str, texts: [&str; 2]| Column {
            title: title.to_owned(),
            priority,
            cells: texts.map(Cell::text).to_vec(),
        };
        let columns = vec![
            text(1, "NAME", ["registry-of-a-long-name", "b"]),
            text(2, "STATE", ["verified", "pending"]),
            Column {
                title: "SIZE".to_owned(),
                priority: 3,
                cells: vec![Cell::Bytes(5 << 20), Cell::Missing],
            },
            text(4, "NAMES", ["日本語.example.com, b.example.com", "-"]),
        ];
        anstream::adapter::strip_str(&laid_out(columns, Some(room))).to_string()
    }

    #[test]
    fn the_least_important_columns_are_dropped_and_then_texts_are_truncated() {
        insta::assert_snapshot!([100, 66, 50, 30, 16].map(table).join("\n\n"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_from_40_columns_on() {
        for room in 40..=200 {
            let widest = table(room).lines().map(|line| line.width()).max();
            assert!(widest <= Some(room), "{room}: {widest:?}");
        }
    }

    #[test]
    fn chosen_columns_and_long_values_are_made_to_fit() {
        let digest = || Cell::Digest(format!("sha256:{}", "0".repeat(64)));
        for count in 1..=13 {
            let columns = (0..count).map(|number| Column {
                title: format!("COLUMN {number}"),
                priority: 1,
                cells: vec![digest(), Cell::Bytes(5 << 20)],
            });
            let table = laid_out(columns.collect(), Some(40));
            let table = anstream::adapter::strip_str(&table).to_string();
            let widest = table.lines().map(|line| line.width()).max();
            assert!(widest <= Some(40), "{count}: {table}");
        }
    }
}
