//! Asking a person, before something is deleted or changed.

use std::{
    io::{self, IsTerminal as _, Write as _},
    thread,
};

use anyhow::Result;
use clap::Args;
use tokio::sync::oneshot;

use super::{Outcome, Output, WrongInput, visible};
use crate::interrupt::Interrupt;

/// The options of what asks before it changes something.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Consent {
    /// Don't ask.
    #[arg(long, short, alias = "force", short_alias = 'f')]
    pub(crate) yes: bool,
    /// Show what would be done, and do nothing.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

/// What a person is asked.
pub(crate) enum Question<'a> {
    /// To be answered with yes or no.
    YesOrNo(&'a str),
    /// To be answered with the name of what goes.
    Name { question: &'a str, name: &'a str },
}

impl Output {
    /// Whether a person may be asked.
    pub(crate) fn is_interactive(&self) -> bool {
        !self.is_json() && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Refuses to go on where somebody would have to be asked, and nobody can be.
    pub(crate) fn check_prompt(&self, consent: Consent, to: &str) -> Result<()> {
        match consent.yes || consent.dry_run || self.is_interactive() {
            true => Ok(()),
            false => {
                let message = format!("cannot prompt: pass --yes {to}");
                Err(WrongInput(message).into())
            }
        }
    }

    /// Whether to go on: `None` if so, or else how the command ends.
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

    /// Asks a person, who may also ask to stop.
    pub(crate) async fn ask(
        &self,
        question: Question<'_>,
        interrupt: &Interrupt,
    ) -> io::Result<bool> {
        let (text, expected) = match question {
            Question::YesOrNo(text) => (format!("{text} [y/N] "), None),
            Question::Name { question, name } => (
                format!("{question}\nType the name to go on, {name}: "),
                Some(name.to_owned()),
            ),
        };
        let mut err = io::stderr();
        write!(err, "{}", visible(&text))?;
        err.flush()?;
        let Some(reply) = reply(interrupt).await? else {
            // The next line begins at its beginning.
            writeln!(err)?;
            return Ok(false);
        };
        Ok(match expected {
            Some(name) => reply.trim() == name,
            None => matches!(reply.trim(), "y" | "Y" | "yes" | "Yes"),
        })
    }
}

/// A line of a person's; `None` if somebody asks to stop.
async fn reply(interrupt: &Interrupt) -> io::Result<Option<String>> {
    let (sender, reply) = oneshot::channel();
    // Not a task: whoever asks to stop doesn't have to press return as well.
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).map(|_| line);
        // Nobody waits for it any more when somebody has asked to stop.
        let _ = sender.send(read);
    });
    match interrupt.unless(reply).await {
        Some(Ok(line)) => line.map(Some),
        Some(Err(_)) | None => Ok(None),
    }
}
