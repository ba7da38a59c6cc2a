//! Output in every format, and exit codes.

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
pub(crate) use progress::{Progress, Waits};
pub(crate) use prompt::{Consent, Question};
pub(crate) use terminal::visible;
pub(crate) use text::{Text, counted};
pub(crate) use words::{About, NotThere, Subject};

/// The format of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one document with all fields.
    Json,
    /// For programs: one item per line.
    Jsonl,
    /// For spreadsheets.
    Csv,
    /// Names or ids only, one per line, to pass to other commands.
    Ids,
    /// Metrics in Prometheus's text format, for `docr usage` only.
    Prometheus,
}

impl Format {
    fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// The outcome of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Something was left undone, or a check found something.
    InPart,
    /// The user asked to stop.
    Interrupted,
    /// The exit code of a program that was run.
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

/// The output of a command, with the chosen options. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Output {
    pub(crate) format: Format,
    columns: Vec<String>,
    sort: Option<columns::Sort>,
    limit: Option<usize>,
    is_quiet: bool,
    waits: Waits,
}

impl Output {
    /// The output of a program that prints only its result.
    pub(crate) fn silent() -> Self {
        Self {
            format: Format::Json,
            is_quiet: true,
            ..Self::default()
        }
    }

    /// The waits that are shown.
    pub(crate) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Whether a program reads the output.
    pub(crate) fn is_json(&self) -> bool {
        self.format.is_json()
    }

    /// Shows a result: a text to people, JSON to programs.
    pub(crate) fn show(&self, text: impl std::fmt::Display, json: &impl Serialize) -> Result<()> {
        self.waits.end();
        terminal::print(&self.rendered(text, json)?)
    }

    /// Prints a text unchanged.
    pub(crate) fn print_raw(&self, text: &str) -> Result<()> {
        terminal::print(text.trim_end())
    }

    /// Shows a document as JSON, whatever the format.
    pub(crate) fn show_json(&self, json: &impl Serialize) -> Result<()> {
        terminal::print(&terminal::visible_json(&serde_json::to_string_pretty(
            json,
        )?))
    }

    /// Shows a document unchanged, whatever the format.
    pub(crate) fn show_verbatim(&self, document: &str) -> Result<()> {
        terminal::print(document.trim_end())
    }

    /// Whether the format has one line per item, without room for sentences.
    pub(crate) fn has_lines(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Ids)
    }

    /// Like [`show`](Self::show), but on stderr if the format has no room for sentences.
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

    /// Refuses options and formats for lists.
    pub(crate) fn check_text(&self) -> Result<()> {
        if self.has_lines() {
            let format = self.format.to_possible_value();
            let format = format.as_ref().map_or("csv", |format| format.get_name());
            let message = format!(
                "--output {format} is only supported by commands that show a list; use table, json or jsonl"
            );
            return Err(WrongInput(message).into());
        }
        if !self.columns.is_empty() || self.sort.is_some() || self.limit.is_some() {
            let message =
                "--columns, --sort and --limit are only supported by commands that show a list";
            return Err(WrongInput(message.to_owned()).into());
        }
        Ok(())
    }

    /// Like [`show`](Self::show), for a result that must not be lost: if it can't be written to stdout, it is written
    /// to stderr.
    pub(crate) fn report(
        &self,
        text: impl std::fmt::Display,
        json: &impl Serialize,
        outcome: Outcome,
    ) -> Result<Outcome> {
        self.waits.end();
        let text = self.rendered(text, json)?;
        let mut out = io::stdout();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => Ok(outcome),
            Err(error) => {
                let _ = writeln!(io::stderr(), "{text}");
                match error.kind() {
                    io::ErrorKind::BrokenPipe => Ok(Outcome::Interrupted),
                    _ => Err(anyhow::Error::new(error).context("cannot write the result")),
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

    /// Shows a note to people, on stderr.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        if !self.is_json() && !self.is_quiet {
            self.warn(text);
        }
    }

    /// Shows a table to people, on stderr.
    pub(crate) fn note_table<T>(&self, items: &[T], columns: &Columns<T>) -> Result<()> {
        let mut text = self.text_beside();
        text.table(items, columns)?;
        self.note_text(&text);
        Ok(())
    }

    /// Like [`note`](Self::note), without wrapping lines.
    #[cfg(feature = "sandbox")]
    pub(crate) fn note_verbatim(&self, lines: &str) {
        if !self.is_json() && !self.is_quiet {
            terminal::say(&terminal::visible(lines));
        }
    }

    /// Shows a warning to people, even with --quiet.
    pub(crate) fn warn(&self, text: impl std::fmt::Display) {
        if !self.is_json() {
            self.waits.end();
            let text = terminal::wrapped(&text.to_string(), terminal::width_beside());
            terminal::say(&text);
        }
    }
}
