//! `docr usage`

mod prometheus;
mod report;
mod table;

use anyhow::{Context as _, Result};
use clap::Args;
use docr::{RegistryHandle, RegistryName, RepositoryUsage};

use crate::{
    account::{Account, AccountArguments},
    help::{Examples, examples},
    interrupt::Interrupt,
    output::{About as _, Format, Outcome, Output, Subject, WrongInput},
};
use report::Report;

const EXAMPLES: Examples = [
    (
        "An overview, quickly",
        "docr usage --sort manifests:desc --limit 10",
    ),
    (
        "Exact sizes, for Prometheus's textfile collector",
        "docr usage --deep --output prometheus",
    ),
];

/// Show the storage of each repository, and how much of the tier is used.
///
/// By default only lists are read: a few requests for hundreds of repositories. They give the exact size of
/// repositories with one image; of others they give the size of the newest image, a lower bound. With --deep the
/// manifests of those others are read as well.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Usage {
    /// Also read the manifests of repositories with several images, for exact sizes; takes a request or more for each.
    #[arg(long)]
    deep: bool,
}

impl Usage {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let account = account.open(output).await?;
        if account.is_legacy() {
            let message = "docr usage does not support --legacy";
            return Err(WrongInput(message.to_owned()).into());
        }
        output.checked(table::columns())?;
        let (registry, mut report) = read_lists(&account, output).await?;
        let interrupt = Interrupt::listen()?;
        let end = match self.deep {
            true => read_manifests(&registry, &mut report, output, &interrupt).await,
            false => Ok(Outcome::Done),
        };
        // What was read is shown even after a failure.
        show(&report, output, self.deep)?;
        end
    }
}

/// Reads the lists: the repositories of this registry, and their number in the account's other ones.
async fn read_lists(account: &Account, output: &Output) -> Result<(RegistryHandle, Report)> {
    let progress = output.progress("reading the lists");
    let all = account.docr.registries();
    let (subscription, listed) = tokio::try_join!(all.subscription_opt(), all.list().all())?;
    let name = account.registry_among(&listed)?;
    let subscription = subscription.context("the account has no subscription")?;
    let registry = account.docr.registry(name.clone());
    progress.say(format!("reading the repositories of {name}"));
    let subject = || Subject::Registry(name.to_string());
    let repositories = registry.usage().await.about(subject)?;
    let mut elsewhere = 0_u64;
    for other in listed.iter().filter(|other| other.name != name.as_str()) {
        let other: RegistryName = other.name.parse()?;
        elsewhere = elsewhere.saturating_add(count(&account.docr.registry(other)).await?);
    }
    let report = Report::new(&name, &subscription.tier, &listed, elsewhere, repositories);
    Ok((registry, report))
}

/// The number of repositories of a registry.
async fn count(registry: &RegistryHandle) -> docr::Result<u64> {
    match registry.repositories().per_page(1).page(1).await?.total {
        Some(total) => Ok(total),
        None => Ok(registry.repositories().all().await?.len() as u64),
    }
}

/// Reads the sizes that the lists don't give.
async fn read_manifests(
    registry: &RegistryHandle,
    report: &mut Report,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let open: Vec<RepositoryUsage> = report.open().cloned().collect();
    let (mut done, of) = (0, open.len());
    let progress = output.counted("reading manifests", of);
    let mut reading = registry.read_storage(open);
    loop {
        let Some(read) = interrupt.unless(reading.next()).await else {
            return Ok(Outcome::Interrupted);
        };
        match read {
            Some(Ok(read)) => {
                progress.advance(&read.name);
                report.take_in(read);
                done += 1;
            }
            Some(Err(error)) => {
                return Err(error).context(format!(
                    "{done} of {of} repositories were read before a failure"
                ));
            }
            None => return Ok(Outcome::Done),
        }
    }
}

fn show(report: &Report, output: &Output, is_deep: bool) -> Result<()> {
    match output.format {
        Format::Table => table::show(report, output, is_deep),
        Format::Json => output.show_json(&report.json()),
        Format::Prometheus => output.show_verbatim(&prometheus::metrics(report)),
        Format::Jsonl | Format::Csv | Format::Ids => output.list(report.rows(), &table::columns()),
    }
}
