//! Asking for confirmation, before something is deleted or changed.

use std::{
    io::{self, IsTerminal as _, Write as _},
    thread,
};

use anyhow::Result;
use clap::Args;
use tokio::sync::oneshot;

use super::{Outcome, Output, WrongInput, visible};
use crate::interrupt::Interrupt;

/// The options of commands that ask for confirmation.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Consent {
    /// Do not ask for confirmation.
    #[arg(long, short, alias = "force", short_alias = 'f')]
    pub(crate) yes: bool,
    /// Show what would be done, and change nothing.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

/// A question to the user.
pub(crate) enum Question<'a> {
    /// Expects yes or no.
    YesOrNo(&'a str),
    /// Expects the name of what will be deleted.
    Name { question: &'a str, name: &'a str },
}

impl Output {
    /// Whether a prompt is possible.
    pub(crate) fn is_interactive(&self) -> bool {
        !self.is_json() && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Fails if a prompt is needed but not possible.
    pub(crate) fn check_prompt(&self, consent: Consent, to: &str) -> Result<()> {
        match consent.yes || consent.dry_run || self.is_interactive() {
            true => Ok(()),
            false => {
                let message = format!("cannot prompt: pass --yes {to}");
                Err(WrongInput(message).into())
            }
        }
    }

    /// Asks for confirmation, unless --yes is given: `None` to continue, or else the outcome of the command.
    pub(crate) async fn consent(
        &self,
        consent: Consent,
        question: Question<'_>,
        interrupt: &Interrupt,
    ) -> Result<Option<Outcome>> {
        if consent.yes || self.ask(question, interrupt).await? {
            return Ok(None);
        }
        Ok(Some(match interrupt.is_asked() {
            true => Outcome::Interrupted,
            false => Outcome::InPart,
        }))
    }

    /// Asks a question; an interrupt counts as no.
    pub(crate) async fn ask(
        &self,
        question: Question<'_>,
        interrupt: &Interrupt,
    ) -> io::Result<bool> {
        let (text, expected) = match question {
            Question::YesOrNo(text) => (format!("{text} [y/N] "), None),
            Question::Name { question, name } => (
                format!("{question}\nType {name} to confirm: "),
                Some(name.to_owned()),
            ),
        };
        self.waits().end();
        let mut err = io::stderr();
        write!(err, "{}", visible(&text))?;
        err.flush()?;
        let Some(reply) = reply(interrupt).await? else {
            // What follows starts on a new line.
            writeln!(err)?;
            return Ok(false);
        };
        Ok(match expected {
            Some(name) => reply.trim() == name,
            None => matches!(reply.trim(), "y" | "Y" | "yes" | "Yes"),
        })
    }
}

/// A line of input; `None` if interrupted.
async fn reply(interrupt: &Interrupt) -> io::Result<Option<String>> {
    let (sender, reply) = oneshot::channel();
    // A thread, not a task: the runtime would wait for a task that is reading.
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).map(|_| line);
        // It fails after an interrupt, when nobody waits for the line any more.
        let _ = sender.send(read);
    });
    match interrupt.unless(reply).await {
        Some(Ok(line)) => line.map(Some),
        Some(Err(_)) | None => Ok(None),
    }
}
