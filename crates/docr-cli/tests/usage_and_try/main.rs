//! `docr usage`, with as few requests as possible, and `docr try`, which keeps everything in a sandbox.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod try_out;
mod usage;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// `docr` in an isolated shell, with only a home directory.
fn docr(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docr"));
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
