//! Development tasks. Run `cargo xtask --help`.

// A command talks to a person through its output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bindings;
mod blame;
mod lower;
mod open_enums;
mod operations;
mod outputs;
mod sandbox_spec;
mod soften;
mod spec;
mod spec_diff;
#[path = "../../crates/docr-api/build/stamp.rs"]
mod stamp;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of the workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write everything that is generated from openapi/docr.yaml.
    Generate {
        /// Write nothing; fail if a generated file differs from what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Look at openapi/docr.yaml.
    Spec {
        #[command(subcommand)]
        task: SpecTask,
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
    /// Compare it with another OpenAPI file in structure; fail on a difference that openapi/deviations.toml
    /// does not list.
    Diff {
        /// The other file, YAML or JSON.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let root = workspace_root()?;
    match task {
        Task::Generate { check } => {
            let outputs = outputs::generate(&root)?;
            if check {
                outputs::check(&root, &outputs)
            } else {
                outputs::write(&root, &outputs)
            }
        }
        Task::Spec {
            task: SpecTask::Diff { file },
        } => spec_diff::run(&root, &file),
        Task::Build { args } => {
            outputs::write(&root, &outputs::generate(&root)?)?;
            cargo_build(&root, &args)
        }
    }
}

fn workspace_root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .context("xtask stands outside of the workspace")
}

fn cargo_build(root: &Path, args: &[String]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .arg("build")
        .args(args)
        .status()
        .context("cargo could not be started")?;
    if !status.success() {
        bail!("`cargo build` failed");
    }
    Ok(())
}
