//! Development tasks. Run `cargo xtask --help`.

// A command prints to the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod examples;
mod generate;
mod listing;
mod spec;
mod workspace;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of the workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write all files that are generated from openapi/docr.yaml.
    Generate {
        /// Write nothing; fail if a generated file is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Write the public API of the published crates to crates/*/public-api.txt, item by item.
    PublicApi {
        /// Write nothing; fail with a diff if a list is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Check that each public type and method of the published crates has an example in its docs.
    Examples,
    /// Inspect openapi/docr.yaml.
    Spec {
        #[command(subcommand)]
        task: SpecTask,
    },
    /// Record the files of tests/recordings again.
    #[command(disable_help_flag = true)]
    Record {
        /// Arguments for the recorder; see `--help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Regenerate if the spec has changed, then run `cargo build`.
    Build {
        /// Arguments for `cargo build`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Subcommand)]
enum SpecTask {
    /// Compare it with another OpenAPI 3 file; fail on a difference that openapi/deviations.toml does not list.
    ///
    /// Everything but prose, examples and `x-` extensions is compared, with references resolved and compositions
    /// merged. Each difference is printed on a line: the place, and what differs there.
    ///
    /// The other file may describe more than ours: only our paths are compared. Operations on registries and
    /// certificates that ours lacks are differences; other operations are only counted.
    ///
    /// An entry of openapi/deviations.toml also fails if it no longer matches a difference, or if it matches a place
    /// where both agree, since it would hide a later difference.
    Diff {
        /// The other file, YAML or JSON, without references to further files.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    if let Some(end) = listing::as_rustdoc() {
        return end;
    }
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let root = workspace::root()?;
    match task {
        Task::Generate { check } => {
            let outputs = generate::outputs(&root)?;
            if check {
                generate::check(&root, &outputs)
            } else {
                generate::write(&root, &outputs)
            }
        }
        Task::PublicApi { check } => listing::run(&root, check),
        Task::Examples => examples::run(&root),
        Task::Spec {
            task: SpecTask::Diff { file },
        } => spec::diff::run(&root, &file),
        Task::Build { args } => {
            generate::write(&root, &generate::outputs(&root)?)?;
            workspace::cargo(&root, &["build"], &args)
        }
        // A separate program: it needs the bindings, which this one must be able to update when they are stale.
        Task::Record { args } => {
            let run = [
                "run",
                "--quiet",
                "--package",
                "docr-tests",
                "--bin",
                "record",
                "--",
            ];
            workspace::cargo(&root, &run, &args)
        }
    }
}
