//! A text of sentences and tables, wrapped to the width of the terminal.

use anyhow::Result;
use serde::Serialize;

use super::{Columns, Output, terminal};

pub(crate) struct Text {
    parts: Vec<String>,
    room: Option<usize>,
    columns: Vec<String>,
}

impl Text {
    /// Adds sentences.
    pub(crate) fn say(&mut self, text: impl std::fmt::Display) {
        let text = terminal::wrapped(text.to_string().trim_end(), self.room);
        self.parts.push(text);
    }

    /// Adds a table, unless it is empty.
    pub(crate) fn table<T>(&mut self, items: &[T], columns: &Columns<T>) -> Result<()> {
        if !items.is_empty() {
            let table = columns.table(items, &self.columns, self.room)?;
            self.parts.push(table);
        }
        Ok(())
    }

    /// Joins the parts with empty lines.
    pub(super) fn finish(&self) -> String {
        self.parts.join("\n\n")
    }
}

impl Output {
    /// A text for the result.
    pub(crate) fn text(&self) -> Text {
        Text {
            parts: Vec::new(),
            room: terminal::width(),
            columns: self.columns.clone(),
        }
    }

    /// A text for stderr.
    pub(crate) fn text_beside(&self) -> Text {
        Text {
            parts: Vec::new(),
            room: terminal::width_beside(),
            columns: Vec::new(),
        }
    }

    /// Like [`show`](Self::show).
    pub(crate) fn show_text(&self, text: &Text, json: &impl Serialize) -> Result<()> {
        match self.is_json() {
            true => self.show("", json),
            false => terminal::print_styled(&text.finish()),
        }
    }

    /// Like [`note`](Self::note).
    pub(crate) fn note_text(&self, text: &Text) {
        if !self.is_json() && !self.is_quiet {
            terminal::say(&text.finish());
        }
    }
}

/// A number with its noun: `1 tag`, `2 tags`.
pub(crate) fn counted(number: u64, one: &str, several: &str) -> String {
    let noun = if number == 1 { one } else { several };
    format!("{number} {noun}")
}
