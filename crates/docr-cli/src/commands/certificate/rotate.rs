//! `docr certificate rotate`

use std::process::Command;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::{CertificatePair, RotateError};

use super::{
    create::{Wanted, try_out},
    find,
    list::columns,
};
use crate::{
    account::AccountArguments,
    complete,
    help::{Examples, examples},
    interrupt::Interrupt,
    output::{About as _, Outcome, Output, Question, Subject, WrongInput},
};

const EXAMPLES: Examples = [
    (
        "With a program that updates the load balancers",
        "docr certificate rotate mail mail-2027 --dns-name mail.example.com -- ./swap.sh",
    ),
    (
        "Check whether that is possible",
        "docr certificate rotate mail mail-2027 --dns-name mail.example.com --dry-run",
    ),
];

/// Replace a certificate: create a new one, have it swapped in, and delete the old one.
///
/// PROGRAM swaps them; its environment has DOCR_OLD_CERTIFICATE_ID, DOCR_NEW_CERTIFICATE_ID and the same with _NAME.
/// Without PROGRAM, docr asks you to swap them. The old one is deleted once nothing uses it any more.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Rotate {
    /// Name of the certificate to replace.
    #[arg(add = ArgValueCompleter::new(complete::certificates))]
    old: String,
    #[command(flatten)]
    wanted: Wanted,
    /// Check the request, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Program that swaps the certificates, with its arguments.
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<String>,
}

impl Rotate {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let wanted = self.wanted.request()?;
        if self.program.is_empty() && !self.dry_run && !output.is_interactive() {
            let message = "cannot prompt: pass a program that swaps the certificates, after --";
            return Err(WrongInput(message.to_owned()).into());
        }
        let account = account.open(output).await?;
        let columns = output.checked(columns(account.now()))?;
        wanted.check(account.now())?;
        let certificates = account.docr.certificates();
        let old = find(&certificates, &self.old).await?;
        if self.dry_run {
            let checked = certificates.check_rotation(&old.name, &wanted).await;
            checked.about(|| Subject::Certificate(old.name.clone()))?;
            try_out(&account, &wanted).await?;
            let text = format!(
                "Certificate {:?} would be created and replace {:?}, which would be deleted.",
                self.wanted.name(),
                old.name
            );
            let json = serde_json::json!({ "old": old.name, "new": self.wanted.name() });
            output.show_unless_lines(text, &json)?;
            return Ok(Outcome::Done);
        }
        let interrupt = Interrupt::listen()?;
        let progress =
            output.progress("creating the new certificate, and waiting for it to be issued");
        let (program, asking) = (self.program, interrupt.clone());
        let swap = async |pair: CertificatePair| -> Result<()> {
            progress.say("swapping the certificates");
            match program.is_empty() {
                true => progress.paused(ask(&pair, output, &asking)).await,
                false => run(program.clone(), pair).await,
            }
        };
        let rotating = certificates.rotate(&old.name, wanted, swap);
        let Some(rotated) = interrupt.unless(rotating).await else {
            drop(progress);
            output.warn("Both certificates may exist; check with `docr certificate list`.");
            return Ok(Outcome::Interrupted);
        };
        drop(progress);
        let pair = rotated.map_err(|error| explained(error, &old.name))?;
        output.note(format_args!(
            "The certificate {:?} was deleted.",
            pair.old.name
        ));
        output.record(&pair.new, &columns)?;
        Ok(Outcome::Done)
    }
}

/// Asks the user to swap them.
async fn ask(pair: &CertificatePair, output: &Output, interrupt: &Interrupt) -> Result<()> {
    let question = format!(
        "Certificate {:?} is issued, with id {}. Replace {:?} with it wherever that is used. Is that done?",
        pair.new.name, pair.new.id, pair.old.name
    );
    match output.ask(Question::YesOrNo(&question), interrupt).await? {
        true => Ok(()),
        false => bail!("not confirmed"),
    }
}

/// Runs the program that swaps them.
async fn run(program: Vec<String>, pair: CertificatePair) -> Result<()> {
    let running = tokio::task::spawn_blocking(move || {
        let (name, arguments) = program.split_first().context("no program given")?;
        let status = Command::new(name)
            .args(arguments)
            .env("DOCR_OLD_CERTIFICATE_ID", &pair.old.id)
            .env("DOCR_OLD_CERTIFICATE_NAME", &pair.old.name)
            .env("DOCR_NEW_CERTIFICATE_ID", &pair.new.id)
            .env("DOCR_NEW_CERTIFICATE_NAME", &pair.new.name)
            .status()
            .with_context(|| format!("cannot run {name:?}"))?;
        match status.success() {
            true => Ok(()),
            false => Err(anyhow!("{name:?} failed: {status}")),
        }
    });
    running.await?
}

/// Explains the state after a failed rotation.
fn explained(error: RotateError<Error>, old: &str) -> Error {
    let about = |source: docr::Error, name: &str| {
        Error::new(source).context(Subject::Certificate(name.to_owned()))
    };
    match error {
        RotateError::NotCreated(source) => about(source, old).context(format!(
            "no new certificate was created, and {old:?} is unchanged"
        )),
        RotateError::NotIssued { pair, source } => about(source, &pair.new.name).context(format!(
            "the new certificate {:?} ({}) is not issued, and {old:?} is unchanged",
            pair.new.name, pair.new.id
        )),
        RotateError::NotCovered { pair, missing } => anyhow!(
            "the new certificate {:?} does not cover {}, and was not swapped in; both exist",
            pair.new.name,
            missing.join(", ")
        ),
        RotateError::NotSwapped { pair, source } => source.context(format!(
            "the certificates were not swapped; both exist, and the new one is {:?} ({})",
            pair.new.name, pair.new.id
        )),
        RotateError::NotDeleted { pair, source } => about(source, old).context(format!(
            "{:?} was swapped in, but {old:?} was not deleted",
            pair.new.name
        )),
        error => anyhow!("{error}"),
    }
}
