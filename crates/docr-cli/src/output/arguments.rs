//! The global options about output.

use std::num::NonZeroUsize;

use clap::{ArgAction, Args};

use super::{
    Format, Output,
    columns::Sort,
    progress::{Audience, Waits},
};

#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct OutputArguments {
    /// Output format [default: table, or that of the profile].
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// Columns of the table or CSV to show, in this order, separated by commas.
    #[arg(
        long,
        global = true,
        value_name = "NAMES",
        value_delimiter = ',',
        num_args = 1
    )]
    columns: Vec<String>,
    /// Sort a list by this column; append :desc for descending order.
    #[arg(long, global = true, value_name = "COLUMN")]
    sort: Option<Sort>,
    /// Show at most this many items of a list.
    #[arg(long, global = true, value_name = "NUMBER", value_parser = number)]
    limit: Option<NonZeroUsize>,
    /// Print only the result, warnings and errors.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Log each request and retry on stderr; -vv logs all events of the SDK.
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
}

/// Parses a number of items.
fn number(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "not a whole number of at least 1")
}

impl OutputArguments {
    /// The format, if one is given.
    pub(crate) fn format(&self) -> Option<Format> {
        self.output
    }

    pub(crate) fn verbosity(&self) -> u8 {
        self.verbose
    }

    pub(crate) fn open(self, default: Format) -> Output {
        let format = self.output.unwrap_or(default);
        let audience = match format.is_json() || self.quiet {
            true => Audience::Nobody,
            false => Audience::of_stderr(),
        };
        Output {
            format,
            columns: self.columns,
            sort: self.sort,
            limit: self.limit.map(NonZeroUsize::get),
            is_quiet: self.quiet,
            waits: Waits::shown_to(audience),
        }
    }
}
