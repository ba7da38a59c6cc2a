//! Failures: a message for people or programs, and an exit code.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use super::{
    Format, Outcome,
    terminal::{self, OutputClosed, visible_json, wrapped},
    words::Explained,
};

/// The input is invalid, and nothing was changed.
#[derive(Debug)]
pub(crate) struct WrongInput(pub(crate) String);

impl std::fmt::Display for WrongInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongInput {}

/// No token was found.
#[derive(Debug)]
pub(crate) struct NoToken {
    message: String,
    pub(super) hint: Option<&'static str>,
}

impl NoToken {
    /// There is none in any place.
    pub(crate) fn anywhere(message: String) -> Self {
        let hint = "set DIGITALOCEAN_TOKEN, pass --token-file FILE, or run `doctl auth init`; to try docr without a token, \
                    pass --sandbox.";
        Self {
            message,
            hint: Some(hint),
        }
    }

    /// There is none in the place that was chosen.
    pub(crate) fn in_place(message: String) -> Self {
        let hint = None;
        Self { message, hint }
    }
}

impl std::fmt::Display for NoToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NoToken {}

/// Shows an error, and returns the exit code.
pub(crate) fn fail(format: Format, error: &anyhow::Error) -> ExitCode {
    let is_stopped = |error: &docr::Error| error.is_stopped() && !error.is_ambiguous();
    if error.chain().any(|cause| cause.is::<OutputClosed>()) || api(error).is_some_and(is_stopped) {
        return Outcome::Interrupted.into();
    }
    let code = code(error);
    let explained = Explained::of(error);
    match format {
        Format::Json | Format::Jsonl => {
            terminal::say(&visible_json(&as_json(&explained, error, code)))
        }
        _ => say(&explained),
    }
    ExitCode::from(code)
}

fn code(error: &anyhow::Error) -> u8 {
    let api = api(error);
    let is_wrong_input = api
        .is_some_and(|error| error.is_invalid_input() || error.is_configuration())
        || error.chain().any(|cause| {
            cause.is::<WrongInput>()
                || cause.is::<NoToken>()
                || cause.is::<docr::InvalidInput>()
                || cause.is::<docr::retention::PolicyError>()
                || cause.is::<docr::retention::PlanError>()
        });
    match api {
        _ if is_wrong_input => 2,
        Some(error) if error.is_ambiguous() => 4,
        _ => 1,
    }
}

pub(super) fn api(error: &anyhow::Error) -> Option<&docr::Error> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

fn as_json(explained: &Explained, error: &anyhow::Error, code: u8) -> String {
    let api = api(error);
    let json = serde_json::json!({
        "error": {
            "message": explained.message,
            "hint": explained.hint,
            "exit_code": code,
            "kind": api.map(|error| format!("{:?}", error.kind())),
            "status": api.and_then(docr::Error::status),
            "operation": api.and_then(docr::Error::operation),
            "request_id": explained.request_id,
        }
    });
    json.to_string()
}

fn say(explained: &Explained) {
    let line = |style: Style, label: &str, text: &str| {
        let text = wrapped(&format!("{label}: {text}"), terminal::width_beside());
        // The label is never wrapped.
        let rest = text.strip_prefix(label).unwrap_or_default();
        terminal::say(&format!("{style}{label}{style:#}{rest}"));
    };
    let bold = |colour: AnsiColor| colour.on_default().bold();
    line(bold(AnsiColor::Red), "error", &explained.message);
    if let Some(hint) = &explained.hint {
        line(bold(AnsiColor::Cyan), "hint", hint);
    }
    if let Some(id) = &explained.request_id {
        line(Style::new(), "request id", id);
    }
}

/// Shows an error in the arguments.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    terminal::say(&wrapped(text.trim_end(), terminal::width_beside()));
    ExitCode::from(2)
}
