//! The command as people and programs use it: every command in every form, with pipes and on a terminal.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod clusters;
mod completion;
mod every_command;
mod examples;
mod operations;
#[cfg(unix)]
mod picture;
mod profiles;
#[cfg(unix)]
mod prompts;
mod shell;
#[cfg(target_os = "linux")]
mod shells;
#[cfg(unix)]
mod terminal;
mod words;
