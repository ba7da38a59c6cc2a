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
    /// How to show the result [default: table, or what the profile says].
    #[arg(long, short, global = true, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// Show these columns of a table or CSV alone, in this order.
    #[arg(
        long,
        global = true,
        value_name = "NAMES",
        value_delimiter = ',',
        num_args = 1
    )]
    columns: Vec<String>,
    /// Sort a list by this column; with :desc, the largest or last first.
    #[arg(long, global = true, value_name = "COLUMN")]
    sort: Option<Sort>,
    /// Show so many items of a list at most.
    #[arg(long, global = true, value_name = "NUMBER", value_parser = number)]
    limit: Option<NonZeroUsize>,
    /// Say nothing but the result, warnings and errors.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Show on stderr each request that is sent and why one is repeated; -vv for all that the SDK traces.
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
}

/// A number of items, at least one.
fn number(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse()
        .map_err(|_| "is not a number of items, which is at least 1")
}

impl OutputArguments {
    /// The format that was asked for, if one was.
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
            waits: Waits::told_to(audience),
        }
    }
}
