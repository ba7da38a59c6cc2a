//! Completion of names, which are read from the account. If that fails or takes too long, none are offered.

use std::{ffi::OsStr, thread, time::Duration};

use anyhow::{Context as _, Result};
use clap::Parser;
use clap_complete::engine::CompletionCandidate;
use docr::Client;

use crate::{account::AccountArguments, output::Output};

/// The user is waiting at the prompt.
const TIME_LIMIT: Duration = Duration::from_millis(1500);
/// More would be of no use.
const MOST: usize = 200;

/// The options of the line being completed that choose the account.
#[derive(Parser)]
#[command(
    ignore_errors = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
struct Line {
    #[command(flatten)]
    account: AccountArguments,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<String>,
}

pub(crate) fn registries(current: &OsStr) -> Vec<CompletionCandidate> {
    offer(current, async |docr, _| {
        let all = docr.registries().list().all().await?;
        Ok(all.into_iter().map(|registry| registry.name).collect())
    })
}

pub(crate) fn repositories(current: &OsStr) -> Vec<CompletionCandidate> {
    offer(current, async |docr, arguments| {
        let registry = registry(&docr, &arguments).await?;
        let mut items = docr.registry(registry).repositories().items();
        let mut names = Vec::new();
        while names.len() < MOST
            && let Some(repository) = items.next().await
        {
            names.push(repository?.name);
        }
        Ok(names)
    })
}

/// Repositories up to the colon, and then their tags.
pub(crate) fn tags(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some((repository, _)) = current.to_str().and_then(|text| text.split_once(':')) else {
        return repositories(current);
    };
    let repository = repository.to_owned();
    offer(current, async move |docr, arguments| {
        let registry = registry(&docr, &arguments).await?;
        let tags = docr
            .registry(registry)
            .repository(repository.parse()?)
            .tags();
        let mut items = tags.items();
        let mut names = Vec::new();
        while names.len() < MOST
            && let Some(tag) = items.next().await
        {
            names.push(format!("{repository}:{}", tag?.tag));
        }
        Ok(names)
    })
}

pub(crate) fn certificates(current: &OsStr) -> Vec<CompletionCandidate> {
    offer(current, async |docr, _| {
        let all = docr.certificates().list().all().await?;
        Ok(all
            .into_iter()
            .map(|certificate| certificate.name)
            .collect())
    })
}

pub(crate) fn clusters(current: &OsStr) -> Vec<CompletionCandidate> {
    offer(current, async |docr, _| {
        Ok(crate::clusters::names(&docr).await?)
    })
}

async fn registry(docr: &Client, arguments: &AccountArguments) -> Result<docr::RegistryName> {
    if let Some(named) = arguments.registry_named() {
        return Ok(named.clone());
    }
    let all = docr.registries().list().all().await?;
    let only = all.first().filter(|_| all.len() == 1);
    Ok(only
        .context("the account has several registries, or none")?
        .name
        .parse()?)
}

/// Fetches names, on a thread of its own: the completer is synchronous.
fn offer<F>(
    current: &OsStr,
    fetch: impl FnOnce(Client, AccountArguments) -> F + Send + 'static,
) -> Vec<CompletionCandidate>
where
    F: Future<Output = Result<Vec<String>>>,
{
    let fetched = thread::spawn(move || -> Result<Vec<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut line = arguments();
            line.fill_in()?;
            let docr = line.clone().open(&Output::silent()).await?.docr;
            let docr = docr.with(|calls| calls.deadline(TIME_LIMIT).max_attempts(1));
            tokio::time::timeout(TIME_LIMIT, fetch(docr, line)).await?
        })
    });
    let names = fetched.join().ok().and_then(Result::ok).unwrap_or_default();
    let current = current.to_string_lossy();
    names
        .into_iter()
        // A shell would interpret control characters.
        .filter(|name| name.starts_with(&*current) && !name.contains(char::is_control))
        .map(CompletionCandidate::new)
        .collect()
}

/// The options of the line so far, which the shell's script passes after a `--`.
fn arguments() -> AccountArguments {
    let line = std::env::args_os().skip_while(|argument| argument != "--");
    let words: Vec<_> = line.skip(1).collect();
    let mut options = vec!["docr".into()];
    // Options may follow the command; only those that choose the account matter here.
    let mut words = words.into_iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let takes_value = [
            "--profile",
            "--context",
            "--doctl-config",
            "--token-file",
            "--api-url",
            "--registry",
            "-r",
        ];
        if text == "--sandbox"
            || takes_value
                .iter()
                .any(|name| text.starts_with(&format!("{name}=")))
        {
            options.push(word);
        } else if takes_value.contains(&&*text)
            && let Some(value) = words.next_if(|value| !value.is_empty())
        {
            options.extend([word, value]);
        }
    }
    Line::try_parse_from(options).map_or_else(|_| AccountArguments::default(), |line| line.account)
}
