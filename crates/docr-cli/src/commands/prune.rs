//! `docr prune`

use std::fs;

use anyhow::{Context as _, Result};
use docr::{
    RegistryHandle,
    retention::{RegistryInventory, RetentionPlan, RetentionPolicy, RetentionRule, TagPattern},
};
use indicatif::HumanBytes;
use serde_json::json;

use super::gc::collect;
use crate::{
    account::Account,
    cli::Prune,
    is_asked,
    output::{Format, Outcome, WrongInput, agrees, bar, note, show, spinner},
};

/// What is tried in a sandbox when nothing is said.
const SAMPLE_RULES: &str = "[[rule]]\nkeep_newest = 3\nprotect_tags = [\"v*\", \"2*\"]\n";

pub(crate) fn schema() -> Result<Outcome> {
    let schema = schemars::schema_for!(RetentionPolicy);
    show(Format::Json, "", &schema)?;
    Ok(Outcome::Done)
}

pub(crate) async fn run(account: &Account, format: Format, prune: Prune) -> Result<Outcome> {
    let registry = account.registry().await?;
    let plan = match &prune.from {
        Some(file) => {
            let place = || file.display().to_string();
            let text = fs::read_to_string(file).with_context(place)?;
            serde_json::from_str(&text).with_context(place)?
        }
        None => make(account, &registry, format, &prune).await?,
    };
    if prune.apply {
        return apply(account, &registry, format, &prune, &plan).await;
    }
    if let Some(file) = &prune.save {
        let text = serde_json::to_string_pretty(&plan)?;
        fs::write(file, text).with_context(|| file.display().to_string())?;
        note(format, format_args!("The plan is in {}.", file.display()));
    }
    show(format, format_args!("{plan}\n{}", plan.kept_table()), &plan)?;
    Ok(Outcome::Done)
}

async fn make(
    account: &Account,
    registry: &RegistryHandle,
    format: Format,
    prune: &Prune,
) -> Result<RetentionPlan> {
    let policy = policy(account, format, prune)?;
    let spinner = spinner(format);
    spinner.set_message(format!(
        "reading the tags and manifests of {}",
        registry.name()
    ));
    let mut inventory = RegistryInventory::read(registry).await?;
    let takes_untagged = policy.rules.iter().any(|rule| rule.delete_untagged);
    if takes_untagged && !prune.even_unknown_parts {
        account.resolve(registry, &mut inventory).await?;
    }
    spinner.finish_and_clear();
    Ok(RetentionPlan::make(&policy, &inventory)?)
}

fn policy(account: &Account, format: Format, prune: &Prune) -> Result<RetentionPolicy> {
    if let Some(file) = &prune.rules {
        let place = || file.display().to_string();
        let text = fs::read_to_string(file).with_context(place)?;
        return RetentionPolicy::from_toml(&text).with_context(place);
    }
    let is_set = prune.keep_newest.is_some() || prune.older_than.is_some() || prune.untagged;
    match (is_set, account.is_sandbox()) {
        (true, _) => Ok(RetentionPolicy {
            rules: vec![RetentionRule {
                keep_newest: prune.keep_newest,
                older_than: prune.older_than,
                protect_tags: prune.protect.iter().map(TagPattern::new).collect(),
                delete_untagged: prune.untagged,
                ..RetentionRule::default()
            }],
        }),
        (false, true) => {
            note(
                format,
                format_args!("No rules are given, so these are tried:\n\n{SAMPLE_RULES}"),
            );
            Ok(RetentionPolicy::from_toml(SAMPLE_RULES)?)
        }
        (false, false) => {
            let message = "no rules: give --rules, --keep-newest, --older-than or --untagged";
            Err(WrongInput(message.to_owned()).into())
        }
    }
}

async fn apply(
    account: &Account,
    registry: &RegistryHandle,
    format: Format,
    prune: &Prune,
    plan: &RetentionPlan,
) -> Result<Outcome> {
    let execution = plan.execution(registry)?;
    note(format, plan);
    if plan.is_empty() {
        show(
            format,
            "Nothing was to be deleted.",
            &json!({ "plan": plan, "report": null }),
        )?;
        return Ok(Outcome::Done);
    }
    if plan.is_dangerous() && !prune.even_unknown_parts {
        let message = "images may break: give --even-unknown-parts if no multi-platform image is among what stays";
        return Err(WrongInput(message.to_owned()).into());
    }
    if !prune.yes && !account.is_sandbox() {
        if !is_asked(format) {
            let message = "nobody can be asked here: give --yes to delete what the plan names";
            return Err(WrongInput(message.to_owned()).into());
        }
        if !agrees("Delete this?")? {
            show(
                format,
                "Nothing was deleted.",
                &json!({ "plan": plan, "report": null }),
            )?;
            return Ok(Outcome::InPart);
        }
    }
    let progress = bar(format, plan.deletions.len());
    let report = execution.run(|step| {
        progress.set_message(step.to_string());
        progress.inc(1);
    });
    let report = report.await?;
    progress.finish_and_clear();

    let mut text = format!("{report}\n");
    let mut run = None;
    if let Some(what) = report.garbage_collection() {
        let wanted = prune.gc
            || (is_asked(format)
                && agrees("Collect the garbage now? The registry is read-only meanwhile.")?);
        if wanted {
            let done = collect(registry, format, what, true).await?;
            let freed = HumanBytes(done.freed_bytes.unwrap_or(0));
            text += &format!("{freed} were freed by a garbage collection.\n");
            run = Some(done);
        } else {
            let what = match what {
                docr::GarbageCollectionType::UnreferencedBlobsOnly => "unreferenced-blobs",
                _ => "both",
            };
            text += &format!("Storage is free after: docr gc run --type {what} --wait\n");
        }
    }
    show(
        format,
        text,
        &json!({ "plan": plan, "report": report, "garbage_collection": run }),
    )?;
    let is_all_gone = report.steps.iter().all(|step| step.outcome.is_gone());
    Ok(match is_all_gone {
        true => Outcome::Done,
        false => Outcome::InPart,
    })
}
