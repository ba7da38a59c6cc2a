//! `docr prune`

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::{ArgGroup, Args};
use docr::{
    RegistryHandle,
    retention::{
        Age, RegistryInventory, RetentionPlan, RetentionPolicy, RetentionRule, TagPattern,
    },
};
use indicatif::HumanBytes;
use serde_json::json;

use super::gc::collect;
use crate::{
    account::{Account, AccountArguments},
    output::{Format, Outcome, WrongInput, agrees, bar, is_interactive, note, show, spinner},
};

/// What is tried in a sandbox when nothing is said.
const SAMPLE_RULES: &str = "[[rule]]\nkeep_newest = 3\nprotect_tags = [\"v*\", \"2*\"]\n";

/// Delete old tags and manifests by rules.
#[derive(Args)]
#[command(group = ArgGroup::new("mode").required(true).args(["plan", "apply", "schema"]))]
pub(crate) struct Prune {
    /// Show what would go, and why the rest stays.
    #[arg(long)]
    plan: bool,
    /// Delete what goes, after asking.
    #[arg(long)]
    apply: bool,
    /// Print the JSON Schema of a file of rules.
    #[arg(long)]
    schema: bool,
    /// The rules, in TOML.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keep_newest", "older_than", "protect", "untagged", "from"])]
    rules: Option<PathBuf>,
    /// Keep so many of the newest tags of each repository.
    #[arg(long, value_name = "NUMBER")]
    keep_newest: Option<u32>,
    /// Delete only what is older, such as 30d.
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,
    /// Keep tags that match this pattern, such as v*; more than once for several.
    #[arg(long, value_name = "PATTERN")]
    protect: Vec<String>,
    /// Delete manifests without tags, too, but for the parts of multi-platform images that stay.
    #[arg(long)]
    untagged: bool,
    /// Write the plan to a file, to be applied later.
    #[arg(long, value_name = "FILE", requires = "plan")]
    save: Option<PathBuf>,
    /// Apply a plan from a file.
    #[arg(long, value_name = "FILE", requires = "apply")]
    from: Option<PathBuf>,
    /// Don't ask.
    #[arg(long, short, requires = "apply")]
    yes: bool,
    /// Don't ask the registry which manifests are parts of multi-platform images, and delete them although it is
    /// unknown.
    #[arg(long)]
    even_unknown_parts: bool,
    /// Collect the garbage afterwards, and wait for it.
    #[arg(long, requires = "apply")]
    gc: bool,
}

impl Prune {
    pub(crate) async fn run(self, account: AccountArguments, format: Format) -> Result<Outcome> {
        if self.schema {
            show(Format::Json, "", &schemars::schema_for!(RetentionPolicy))?;
            return Ok(Outcome::Done);
        }
        let account = account.open().await?;
        let registry = account.registry().await?;
        let plan = match &self.from {
            Some(file) => {
                let place = || file.display().to_string();
                let text = fs::read_to_string(file).with_context(place)?;
                serde_json::from_str(&text).with_context(place)?
            }
            None => self.make(&account, &registry, format).await?,
        };
        if self.apply {
            return self.apply(&account, &registry, format, &plan).await;
        }
        if let Some(file) = &self.save {
            let text = serde_json::to_string_pretty(&plan)?;
            fs::write(file, text).with_context(|| file.display().to_string())?;
            note(format, format_args!("The plan is in {}.", file.display()));
        }
        show(format, format_args!("{plan}\n{}", plan.kept_table()), &plan)?;
        Ok(Outcome::Done)
    }

    async fn make(
        &self,
        account: &Account,
        registry: &RegistryHandle,
        format: Format,
    ) -> Result<RetentionPlan> {
        let policy = self.policy(account, format)?;
        let spinner = spinner(format);
        spinner.set_message(format!(
            "reading the tags and manifests of {}",
            registry.name()
        ));
        let mut inventory = RegistryInventory::read(registry).await?;
        let takes_untagged = policy.rules.iter().any(|rule| rule.delete_untagged);
        if takes_untagged && !self.even_unknown_parts {
            account.resolve(registry, &mut inventory).await?;
        }
        spinner.finish_and_clear();
        Ok(RetentionPlan::make(&policy, &inventory)?)
    }

    fn policy(&self, account: &Account, format: Format) -> Result<RetentionPolicy> {
        if let Some(file) = &self.rules {
            let place = || file.display().to_string();
            let text = fs::read_to_string(file).with_context(place)?;
            return RetentionPolicy::from_toml(&text).with_context(place);
        }
        let is_set = self.keep_newest.is_some() || self.older_than.is_some() || self.untagged;
        match (is_set, account.is_sandbox()) {
            (true, _) => Ok(RetentionPolicy {
                rules: vec![RetentionRule {
                    keep_newest: self.keep_newest,
                    older_than: self.older_than,
                    protect_tags: self.protect.iter().map(TagPattern::new).collect(),
                    delete_untagged: self.untagged,
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
        &self,
        account: &Account,
        registry: &RegistryHandle,
        format: Format,
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
        if plan.is_dangerous() && !self.even_unknown_parts {
            let message = "images may break: give --even-unknown-parts if no multi-platform image is among what stays";
            return Err(WrongInput(message.to_owned()).into());
        }
        if !self.yes && !account.is_sandbox() {
            if !is_interactive(format) {
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
            let wanted = self.gc
                || (is_interactive(format)
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
}
