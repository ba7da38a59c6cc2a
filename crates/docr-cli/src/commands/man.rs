//! `docr man`

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};
use clap_mangen::Man as Page;

use crate::{
    account::AccountArguments,
    cli::Cli,
    help::{Examples, examples},
    output::{Outcome, Output, WrongInput},
};

const EXAMPLES: Examples = [
    (
        "The page of a command, to pipe to man -l -",
        "docr man image show",
    ),
    ("All pages, for a package", "docr man --directory man1"),
];

/// Print the manual page of a command, or write all pages to a directory.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Man {
    /// Command to print the page of [default: docr itself].
    command: Vec<String>,
    /// Write the pages of all commands to this directory.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "command")]
    directory: Option<PathBuf>,
    /// Show where the pages would be written, and write none.
    #[arg(long, requires = "directory")]
    dry_run: bool,
}

impl Man {
    #[allow(clippy::unused_async, reason = "as all commands")]
    pub(crate) async fn run(self, _: AccountArguments, output: &Output) -> Result<Outcome> {
        let mut root = Cli::command();
        root.build();
        if let Some(directory) = self.directory {
            if self.dry_run {
                output.note(format_args!(
                    "The pages would be written to {}.",
                    directory.display()
                ));
                return Ok(Outcome::Done);
            }
            let place = || directory.display().to_string();
            fs::create_dir_all(&directory).with_context(place)?;
            clap_mangen::generate_to(root, &directory).with_context(place)?;
            output.note(format_args!(
                "The pages were written to {}.",
                directory.display()
            ));
            return Ok(Outcome::Done);
        }
        let mut command = &root;
        for name in &self.command {
            command = command.find_subcommand(name).ok_or_else(|| {
                let message = format!("unknown command {:?}", self.command.join(" "));
                WrongInput(message)
            })?;
        }
        let mut page = Vec::new();
        Page::new(command.clone()).render(&mut page)?;
        output.print_raw(&String::from_utf8(page)?)?;
        Ok(Outcome::Done)
    }
}
