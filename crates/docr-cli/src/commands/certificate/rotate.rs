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
        "With a program that puts the new one into the load balancers",
        "docr certificate rotate mail mail-2027 --dns-name mail.example.com -- ./swap.sh",
    ),
    (
        "Whether that could begin",
        "docr certificate rotate mail mail-2027 --dns-name mail.example.com --dry-run",
    ),
];

/// Put a new certificate in the place of an old one: create it, have it swapped in, and delete the old one.
///
/// A program swaps them, which gets DOCR_OLD_CERTIFICATE_ID, DOCR_NEW_CERTIFICATE_ID and the same with _NAME; or you do
/// when you are asked. The old one is deleted when nothing uses it any more.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Rotate {
    /// The name of the certificate to replace.
    #[arg(add = ArgValueCompleter::new(complete::certificates))]
    old: String,
    #[command(flatten)]
    wanted: Wanted,
    /// Check what would be created, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// The program that swaps them, with its arguments.
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<String>,
}

impl Rotate {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let wanted = self.wanted.request()?;
        if self.program.is_empty() && !self.dry_run && !output.is_interactive() {
            let message = "cannot prompt: pass a program that swaps the certificates, behind --";
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
                "{:?} would be created, swapped in for {:?}, and that would be deleted.",
                self.wanted.name(),
                old.name
            );
            let json = serde_json::json!({ "old": old.name, "new": self.wanted.name() });
            output.show_unless_lines(text, &json)?;
            return Ok(Outcome::Done);
        }
        let interrupt = Interrupt::listen()?;
        let progress =
            output.progress("creating the new certificate, and waiting until it is issued");
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
            output.warn("Both certificates may be there: see docr certificate list.");
            return Ok(Outcome::Interrupted);
        };
        drop(progress);
        let pair = rotated.map_err(|error| explained(error, &old.name))?;
        output.note(format_args!("{:?} is deleted.", pair.old.name));
        output.record(&pair.new, &columns)?;
        Ok(Outcome::Done)
    }
}

/// Lets a person swap them.
async fn ask(pair: &CertificatePair, output: &Output, interrupt: &Interrupt) -> Result<()> {
    let question = format!(
        "The new certificate {:?} is issued, by the id {}. Put it wherever {:?} is used. Is that done?",
        pair.new.name, pair.new.id, pair.old.name
    );
    match output.ask(Question::YesOrNo(&question), interrupt).await? {
        true => Ok(()),
        false => bail!("you have not confirmed it"),
    }
}

/// Lets a program swap them.
async fn run(program: Vec<String>, pair: CertificatePair) -> Result<()> {
    let running = tokio::task::spawn_blocking(move || {
        let (name, arguments) = program.split_first().context("no program is named")?;
        let status = Command::new(name)
            .args(arguments)
            .env("DOCR_OLD_CERTIFICATE_ID", &pair.old.id)
            .env("DOCR_OLD_CERTIFICATE_NAME", &pair.old.name)
            .env("DOCR_NEW_CERTIFICATE_ID", &pair.new.id)
            .env("DOCR_NEW_CERTIFICATE_NAME", &pair.new.name)
            .status()
            .with_context(|| format!("{name} can't be started"))?;
        match status.success() {
            true => Ok(()),
            false => Err(anyhow!("{name} has failed: {status}")),
        }
    });
    running.await?
}

/// What is there after a rotation that has failed.
fn explained(error: RotateError<Error>, old: &str) -> Error {
    let about = |source: docr::Error, name: &str| {
        Error::new(source).context(Subject::Certificate(name.to_owned()))
    };
    match error {
        RotateError::NotCreated(source) => about(source, old).context(format!(
            "there is no new certificate, and {old:?} is as it was"
        )),
        RotateError::NotIssued { pair, source } => about(source, &pair.new.name).context(format!(
            "the new certificate {:?} ({}) can't be used yet, and {old:?} is as it was",
            pair.new.name, pair.new.id
        )),
        RotateError::NotCovered { pair, missing } => anyhow!(
            "the new certificate {:?} is not for {}, and was not swapped in; both are there",
            pair.new.name,
            missing.join(", ")
        ),
        RotateError::NotSwapped { pair, source } => source.context(format!(
            "the certificates were not swapped; both are there, the new one is {:?} ({})",
            pair.new.name, pair.new.id
        )),
        RotateError::NotDeleted { pair, source } => about(source, old).context(format!(
            "{:?} is swapped in, but {old:?} was not deleted",
            pair.new.name
        )),
        error => anyhow!("{error}"),
    }
}
