//! The columns of a list or a record, from which every format is rendered.

use std::{io, str::FromStr};

use anyhow::Result;
use docr::{List, for_terminal};
use serde::Serialize;

use super::{
    Cell, Format, Output, WrongInput,
    layout::{Column as Laid, laid_out},
    terminal,
};

/// The columns of a type of item.
pub(crate) struct Columns<T> {
    id: fn(&T) -> String,
    empty: &'static str,
    all: Vec<Column<T>>,
}

struct Column<T> {
    name: &'static str,
    /// Columns with the highest values are dropped first on a narrow terminal.
    priority: u8,
    cell: Box<dyn Fn(&T) -> Cell + Send + Sync>,
}

/// The column to sort by, and the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    column: String,
    is_descending: bool,
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, is_descending) = match text.rsplit_once(':') {
            Some((column, "desc")) => (column, true),
            Some((column, "asc")) => (column, false),
            Some((_, order)) => {
                return Err(format!("{order:?} is not a valid order; use asc or desc"));
            }
            None => (text, false),
        };
        Ok(Self {
            column: column.to_lowercase(),
            is_descending,
        })
    }
}

impl<T> Columns<T> {
    /// Columns of items with this id; `empty` is shown for an empty list.
    pub(crate) fn new(id: fn(&T) -> String, empty: &'static str) -> Self {
        let all = Vec::new();
        Self { id, empty, all }
    }

    /// Adds a column. On a narrow terminal, columns with the highest priority values are dropped first, and 1 never.
    pub(crate) fn column(
        mut self,
        name: &'static str,
        priority: u8,
        cell: impl Fn(&T) -> Cell + Send + Sync + 'static,
    ) -> Self {
        self.all.push(Column {
            name,
            priority,
            cell: Box::new(cell),
        });
        self
    }

    fn find(&self, name: &str) -> Result<&Column<T>> {
        let found = self
            .all
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names: Vec<_> = self.all.iter().map(|column| column.name).collect();
            let message = format!(
                "unknown column {name:?}; the columns are {}",
                names.join(", ")
            );
            WrongInput(message).into()
        })
    }

    /// A table of the named columns, or of all.
    pub(super) fn table(
        &self,
        items: &[T],
        names: &[String],
        room: Option<usize>,
    ) -> Result<String> {
        let laid = self.picked(names)?.into_iter().map(|column| Laid {
            title: title(column.name),
            // A column that was asked for is always shown.
            priority: if names.is_empty() { column.priority } else { 1 },
            cells: items.iter().map(|item| (column.cell)(item)).collect(),
        });
        Ok(laid_out(laid.collect(), room))
    }

    fn picked(&self, names: &[String]) -> Result<Vec<&Column<T>>> {
        match names {
            [] => Ok(self.all.iter().collect()),
            names => names.iter().map(|name| self.find(name)).collect(),
        }
    }
}

impl Output {
    /// Refuses unknown columns, before the first request.
    pub(crate) fn checked<T>(&self, columns: Columns<T>) -> Result<Columns<T>> {
        columns.picked(&self.columns)?;
        if let Some(sort) = &self.sort {
            columns.find(&sort.column)?;
        }
        if !self.columns.is_empty() && !matches!(self.format, Format::Table | Format::Csv) {
            let message =
                "--columns is only supported with --output table and csv; JSON has all fields";
            return Err(WrongInput(message.to_owned()).into());
        }
        Ok(columns)
    }

    /// Reads a list, up to the limit.
    pub(crate) async fn read<T: Send + Unpin + 'static>(
        &self,
        what: &str,
        list: List<T>,
    ) -> docr::Result<Vec<T>> {
        let progress = self.progress(format!("reading {what}"));
        let enough = match self.sort {
            Some(_) => usize::MAX,
            None => self.limit.unwrap_or(usize::MAX),
        };
        let mut all = Vec::new();
        let mut items = list.items();
        while all.len() < enough
            && let Some(item) = items.next().await
        {
            all.push(item?);
            if all.len() % 100 == 0 {
                progress.say(format!("reading {what}: {} so far", all.len()));
            }
        }
        Ok(all)
    }

    /// Reads a whole list.
    pub(crate) async fn read_all<T: Send + Unpin + 'static>(
        &self,
        what: &str,
        list: List<T>,
    ) -> docr::Result<Vec<T>> {
        let all = Self {
            limit: None,
            ..self.clone()
        };
        all.read(what, list).await
    }

    /// Shows a list in the chosen format, sorted and limited.
    pub(crate) fn list<T: Serialize>(&self, mut items: Vec<T>, columns: &Columns<T>) -> Result<()> {
        if let Some(sort) = &self.sort {
            let column = columns.find(&sort.column)?;
            items.sort_by(|a, b| {
                let (a, b) = ((column.cell)(a), (column.cell)(b));
                match (&a, &b) {
                    // Missing values come last in any order.
                    (Cell::Missing, _) | (_, Cell::Missing) => a.order(&b),
                    _ if sort.is_descending => b.order(&a),
                    _ => a.order(&b),
                }
            });
        }
        items.truncate(self.limit.unwrap_or(usize::MAX));
        match self.format {
            Format::Table => {
                let mut text = self.text();
                match items.is_empty() {
                    true => text.say(columns.empty),
                    false => text.table(&items, columns)?,
                }
                terminal::print_styled(&text.finish())
            }
            Format::Json => self.show_json(&items),
            _ => self.lines(&items, columns),
        }
    }

    /// Shows one item in the chosen format.
    pub(crate) fn record<T: Serialize>(&self, item: &T, columns: &Columns<T>) -> Result<()> {
        match self.format {
            Format::Table => {
                let picked = columns.picked(&self.columns)?;
                let widest = picked.iter().map(|column| column.name.len()).max();
                let lines = picked.iter().map(|column| {
                    let cell = (column.cell)(item);
                    (title(column.name), cell)
                });
                terminal::print_styled(&super::layout::record(lines, widest.unwrap_or(0)))
            }
            Format::Json => self.show_json(item),
            _ => self.lines(std::slice::from_ref(item), columns),
        }
    }

    /// Shows items in a format with one line per item.
    pub(super) fn lines<T: Serialize>(&self, items: &[T], columns: &Columns<T>) -> Result<()> {
        let mut text = String::new();
        match self.format {
            Format::Ids => {
                for item in items {
                    text += &format!("{}\n", for_terminal(&(columns.id)(item), usize::MAX));
                }
            }
            Format::Csv => text = csv(items, &columns.picked(&self.columns)?)?,
            _ => {
                for item in items {
                    text += &terminal::visible_json(&serde_json::to_string(item)?);
                    text.push('\n');
                }
            }
        }
        match text.is_empty() {
            true => Ok(()),
            false => terminal::print(text.trim_end_matches('\n')),
        }
    }
}

fn title(name: &str) -> String {
    name.to_uppercase().replace('-', " ")
}

/// CSV, in which no cell is a formula to a spreadsheet, and each is on one line.
fn csv<T>(items: &[T], columns: &[&Column<T>]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| column.name))?;
    for item in items {
        let cells = columns.iter().map(|column| {
            let cell = (column.cell)(item);
            let plain = for_terminal(&cell.plain(), usize::MAX);
            match !cell.is_number() && plain.starts_with(['=', '+', '-', '@']) {
                true => format!("'{plain}"),
                false => plain,
            }
        });
        writer.write_record(cells)?;
    }
    let bytes = writer.into_inner();
    let bytes = bytes.map_err(|error| io::Error::other(error.to_string()))?;
    Ok(String::from_utf8(bytes)?)
}
