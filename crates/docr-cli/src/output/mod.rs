//! What is shown, in which form, and how the command ends.

mod arguments;
mod cell;
mod columns;
mod cut;
mod failure;
mod layout;
mod progress;
mod prompt;
mod terminal;
mod text;
mod words;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::interrupt;

pub(crate) use arguments::OutputArguments;
pub(crate) use cell::{Cell, Tone, short};
pub(crate) use columns::Columns;
pub(crate) use failure::{NoToken, WrongInput, fail, refuse};
pub(crate) use progress::Progress;
pub(crate) use prompt::{Consent, Question};
pub(crate) use terminal::visible;
pub(crate) use text::Text;
pub(crate) use words::{About, NotThere, Subject};

/// How to show the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: all that is known, as one document.
    Json,
    /// For programs: an item a line.
    Jsonl,
    /// For spreadsheets.
    Csv,
    /// Names or ids alone, one a line, as other commands take them.
    Ids,
    /// Metrics in Prometheus's text format, of `docr usage`.
    Prometheus,
}

impl Format {
    fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Something was left out, or what was looked for was found.
    InPart,
    /// Somebody asked to stop.
    Interrupted,
    /// A program that was run has ended with this code.
    #[cfg(feature = "sandbox")]
    Exited(u8),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::InPart => Self::from(3),
            Outcome::Interrupted => Self::from(interrupt::EXIT_CODE),
            #[cfg(feature = "sandbox")]
            Outcome::Exited(code) => Self::from(code),
        }
    }
}

/// The output of a command, as it was asked for. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Output {
    pub(crate) format: Format,
    columns: Vec<String>,
    sort: Option<columns::Sort>,
    limit: Option<usize>,
    is_quiet: bool,
    waits: progress::Waits,
}

impl Output {
    /// For a program that has nobody to tell anything but its result.
    pub(crate) fn silent() -> Self {
        Self {
            format: Format::Json,
            is_quiet: true,
            ..Self::default()
        }
    }

    /// What is waited for, to be told of attempts.
    pub(crate) fn waits(&self) -> &progress::Waits {
        &self.waits
    }

    /// Whether a program reads the result, and what is said beside it.
    pub(crate) fn is_json(&self) -> bool {
        self.format.is_json()
    }

    /// Shows what has happened: a text to people, JSON to programs.
    pub(crate) fn show(&self, text: impl std::fmt::Display, json: &impl Serialize) -> Result<()> {
        terminal::print(&self.rendered(text, json)?)
    }

    /// Prints a text of this program's own as it is.
    pub(crate) fn print_raw(&self, text: &str) -> Result<()> {
        terminal::print(text.trim_end())
    }

    /// Shows a document that is JSON whatever the format.
    pub(crate) fn show_json(&self, json: &impl Serialize) -> Result<()> {
        terminal::print(&terminal::visible_json(&serde_json::to_string_pretty(
            json,
        )?))
    }

    /// Shows a document as it is, whatever the format.
    pub(crate) fn show_verbatim(&self, document: &str) -> Result<()> {
        terminal::print(document.trim_end())
    }

    /// Whether the format is one that has a line an item, so that sentences have no place in it.
    pub(crate) fn has_lines(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Ids)
    }

    /// Like [`show`](Self::show); where a sentence has no place in the result, it is said beside it.
    pub(crate) fn show_unless_lines(
        &self,
        text: impl std::fmt::Display,
        json: &impl Serialize,
    ) -> Result<()> {
        match self.has_lines() {
            true => {
                self.note(text);
                Ok(())
            }
            false => self.show(text, json),
        }
    }

    /// Refuses what only a list can be shown as.
    pub(crate) fn check_text(&self) -> Result<()> {
        if self.has_lines() {
            let format = self.format.to_possible_value();
            let format = format.as_ref().map_or("csv", |format| format.get_name());
            let message = format!(
                "--output {format} is for lists, and this command shows none: use table, json or jsonl"
            );
            return Err(WrongInput(message).into());
        }
        if !self.columns.is_empty() || self.sort.is_some() || self.limit.is_some() {
            let message =
                "--columns, --sort and --limit are for lists, and this command shows none";
            return Err(WrongInput(message.to_owned()).into());
        }
        Ok(())
    }

    /// Like [`show`](Self::show), for a result that must not be lost: where it can't be written to the output, it goes
    /// to stderr.
    pub(crate) fn report(
        &self,
        text: impl std::fmt::Display,
        json: &impl Serialize,
        outcome: Outcome,
    ) -> Result<Outcome> {
        let text = self.rendered(text, json)?;
        let mut out = io::stdout();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => Ok(outcome),
            Err(error) => {
                let _ = writeln!(io::stderr(), "{text}");
                match error.kind() {
                    io::ErrorKind::BrokenPipe => Ok(Outcome::Interrupted),
                    _ => Err(anyhow::Error::new(error).context("the result can't be written")),
                }
            }
        }
    }

    fn rendered(
        &self,
        text: impl std::fmt::Display,
        json: &impl Serialize,
    ) -> serde_json::Result<String> {
        match self.format {
            Format::Json => Ok(terminal::visible_json(&serde_json::to_string_pretty(json)?)),
            Format::Jsonl => Ok(terminal::visible_json(&serde_json::to_string(json)?)),
            _ => {
                let text = text.to_string();
                Ok(terminal::wrapped(text.trim_end(), terminal::width()))
            }
        }
    }

    /// Says something beside the result, to people.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        if !self.is_json() && !self.is_quiet {
            self.warn(text);
        }
    }

    /// Shows a table beside the result, to people.
    pub(crate) fn note_table<T>(&self, items: &[T], columns: &Columns<T>) -> Result<()> {
        let mut text = self.text_beside();
        text.table(items, columns)?;
        self.note_text(&text);
        Ok(())
    }

    /// Like [`note`](Self::note), for lines that are to be copied whole.
    #[cfg(feature = "sandbox")]
    pub(crate) fn note_verbatim(&self, lines: &str) {
        if !self.is_json() && !self.is_quiet {
            terminal::say(&terminal::visible(lines));
        }
    }

    /// Warns people, however quiet they want it.
    pub(crate) fn warn(&self, text: impl std::fmt::Display) {
        if !self.is_json() {
            let text = terminal::wrapped(&text.to_string(), terminal::width_beside());
            terminal::say(&text);
        }
    }
}
