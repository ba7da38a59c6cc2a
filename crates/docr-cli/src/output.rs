//! What is shown, and how the command ends.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    thread,
    time::Duration,
};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use docr::for_terminal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::interrupt::{self, Interrupt};

/// How to show the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// Something was left out, or what was looked for was found.
    InPart,
    /// Somebody asked to stop.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::InPart => Self::from(3),
            Outcome::Interrupted => Self::from(interrupt::EXIT_CODE),
        }
    }
}

/// The input is wrong, and nothing was sent.
#[derive(Debug)]
pub(crate) struct WrongInput(pub(crate) String);

impl std::fmt::Display for WrongInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongInput {}

/// No token is set anywhere.
#[derive(Debug)]
pub(crate) struct NoToken(pub(crate) String);

impl std::fmt::Display for NoToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoToken {}

/// Shows an error, and says with which code to end.
pub(crate) fn fail(format: Format, error: &anyhow::Error) -> ExitCode {
    let api = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<docr::Error>());
    let is_wrong_input = api
        .is_some_and(|error| error.is_invalid_input() || error.is_configuration())
        || error.chain().any(|cause| {
            cause.is::<WrongInput>()
                || cause.is::<NoToken>()
                || cause.is::<docr::InvalidInput>()
                || cause.is::<docr::retention::PolicyError>()
                || cause.is::<docr::retention::PlanError>()
        });
    let code = match api {
        _ if is_wrong_input => 2,
        Some(error) if error.is_ambiguous() => 4,
        _ => 1,
    };
    let line = match format {
        Format::Table => visible(&format!("error: {error:#}")),
        Format::Json => serde_json::json!({
            "error": {
                "message": format!("{error:#}"),
                "exit_code": code,
                "kind": api.map(|error| format!("{:?}", error.kind())),
                "status": api.and_then(docr::Error::status),
                "request_id": api.and_then(docr::Error::request_id),
            }
        })
        .to_string(),
    };
    // Where that fails, there is nowhere left to report it.
    let _ = writeln!(io::stderr(), "{line}");
    ExitCode::from(code)
}

/// Says what is wrong with the arguments.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let text = visible(error.render().to_string().trim_end());
    // Where that fails, there is nowhere left to report it.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::from(2)
}

/// Shows the result: text to people, or JSON to programs.
pub(crate) fn show(
    format: Format,
    text: impl std::fmt::Display,
    json: &impl Serialize,
) -> anyhow::Result<()> {
    let text = rendered(format, text, json)?;
    // Not `println!`, which panics when the reader of a pipe is gone.
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Like [`show`], for a result that must not be lost: where it can't be written to the output, it goes to stderr.
pub(crate) fn report_result(
    format: Format,
    text: impl std::fmt::Display,
    json: &impl Serialize,
    outcome: Outcome,
) -> anyhow::Result<Outcome> {
    let text = rendered(format, text, json)?;
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
    format: Format,
    text: impl std::fmt::Display,
    json: &impl Serialize,
) -> serde_json::Result<String> {
    match format {
        Format::Table => Ok(visible(text.to_string().trim_end())),
        Format::Json => serde_json::to_string_pretty(json),
    }
}

/// Says something beside the result, to people.
pub(crate) fn note(format: Format, text: impl std::fmt::Display) {
    if format == Format::Table {
        let _ = writeln!(io::stderr(), "{}", visible(&text.to_string()));
    }
}

/// Whether a person may be asked.
pub(crate) fn is_interactive(format: Format) -> bool {
    format == Format::Table && io::stdin().is_terminal()
}

/// Asks a person, who may also ask to stop.
pub(crate) async fn agrees(question: &str, interrupt: &Interrupt) -> io::Result<bool> {
    let mut err = io::stderr();
    write!(err, "{} [y/N] ", visible(question))?;
    err.flush()?;
    let (sender, reply) = oneshot::channel();
    // Not a task: whoever asks to stop doesn't have to press return as well.
    thread::spawn(move || {
        let mut reply = String::new();
        let read = io::stdin().read_line(&mut reply).map(|_| reply);
        // Nobody waits for it any more when somebody has asked to stop.
        let _ = sender.send(read);
    });
    match interrupt.unless(reply).await {
        Some(Ok(reply)) => Ok(matches!(reply?.trim(), "y" | "Y" | "yes")),
        Some(Err(_)) | None => Ok(false),
    }
}

/// A table without lines.
pub(crate) fn table<const N: usize>(titles: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(titles);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Adds a line to a table. What stands in it comes from outside.
pub(crate) fn row<const N: usize>(table: &mut Table, cells: [String; N]) {
    const LONGEST: usize = 200;
    table.add_row(cells.map(|cell| for_terminal(&cell, LONGEST)));
}

/// A text of several lines as it may be shown: whatever it quotes, only its line ends move the cursor.
pub(crate) fn visible(text: &str) -> String {
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    let lines: Vec<_> = lines.map(|line| for_terminal(line, usize::MAX)).collect();
    lines.join("\n")
}

/// A table as text, without the blanks at the ends of its lines.
pub(crate) fn trimmed(table: &Table) -> String {
    let text = table.to_string();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Tells a person that something goes on; silent when nobody watches.
pub(crate) fn spinner(format: Format) -> ProgressBar {
    let bar = watched(format, ProgressBar::new_spinner());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Tells a person how far something is.
pub(crate) fn bar(format: Format, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {wide_msg}");
    let bar = ProgressBar::new(length as u64);
    watched(
        format,
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
    )
}

fn watched(format: Format, bar: ProgressBar) -> ProgressBar {
    if format == Format::Json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}
