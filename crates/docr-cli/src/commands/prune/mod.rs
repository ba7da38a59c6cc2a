//! `docr prune`

mod audit;
mod plan;
mod text;

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::{ArgGroup, Args};
use docr::{
    RegistryHandle,
    retention::{
        Age, MaxDelete, NamePattern, RetentionPlan, RetentionPolicy, RetentionReport,
        RetentionRule, in_use,
    },
};
use indicatif::HumanBytes;
use serde_json::json;

use super::gc::collect;
use crate::{
    account::{Account, AccountArguments, Manifests},
    help::{Examples, examples},
    interrupt::Interrupt,
    output::{Consent, Outcome, Output, Question, WrongInput},
};
use audit::Deleting;
use plan::make;

/// The rules in a sandbox if none are given.
const SAMPLE_RULES: &str = "[[rule]]\nkeep_newest = 3\nprotect_tags = [\"v*\", \"2*\"]\n";

const EXAMPLES: Examples = [
    (
        "Show what would be deleted",
        "docr prune --plan --keep-newest 10 --protect v*",
    ),
    (
        "By rules from a file, freeing the storage, without a prompt",
        "docr prune --apply --rules rules.toml --gc --yes",
    ),
];

/// Delete old images by rules.
///
/// An image is deleted with all its tags, its manifest, and the parts, signatures and attestations that nothing else
/// needs. What the plan does not list is kept, also by the garbage collection that frees the storage.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
#[command(group = ArgGroup::new("mode").required(true).args(["plan", "apply", "schema"]))]
pub(crate) struct Prune {
    /// Show what would be deleted, and why the rest is kept.
    #[arg(long)]
    plan: bool,
    /// Delete images, after confirmation.
    #[arg(long)]
    apply: bool,
    /// Print the JSON Schema of the rules file.
    #[arg(long)]
    schema: bool,
    /// Rules file, in TOML.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keep_newest", "older_than", "protect", "untagged", "untagged_older_than", "orphans", "from"])]
    rules: Option<PathBuf>,
    /// Keep this many of the newest images of each repository.
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    keep_newest: Option<u32>,
    /// Delete only images that are older than this, such as 30d.
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,
    /// Keep tags that match this pattern, such as v* or re:v\d+; repeat for several.
    #[arg(long, value_name = "PATTERN")]
    protect: Vec<NamePattern>,
    /// Also delete images without tags.
    #[arg(long)]
    untagged: bool,
    /// Also delete images without tags that are older than this.
    #[arg(long, value_name = "AGE")]
    untagged_older_than: Option<Age>,
    /// Also delete signatures, attestations and other referrers of images that no longer exist.
    #[arg(long)]
    orphans: bool,
    /// Keep what was pushed within this time, whatever the rules say [default: 24h].
    #[arg(long, value_name = "AGE", conflicts_with = "from")]
    min_age: Option<Age>,
    /// Delete nothing if more images than this would be deleted: a number, or a percentage such as 25%.
    #[arg(long, value_name = "NUMBER", conflicts_with = "from")]
    max_delete: Option<MaxDelete>,
    /// Delete only tags, and no manifests, which frees no storage.
    #[arg(long, conflicts_with = "from")]
    tags_only: bool,
    /// Keep the images that this file lists, one reference per line, such as `kubectl get pods -A -o jsonpath` prints;
    /// - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    in_use: Option<PathBuf>,
    /// Also read the repositories that no rule applies to, to show exactly how many bytes would be freed instead of an
    /// upper bound.
    #[arg(long, conflicts_with = "from")]
    exact_bytes: bool,
    /// Save the plan to a file, to apply it later.
    #[arg(long, value_name = "FILE", requires = "plan")]
    save: Option<PathBuf>,
    /// Apply a saved plan.
    #[arg(long, value_name = "FILE", requires = "apply")]
    from: Option<PathBuf>,
    /// Do not ask for confirmation.
    #[arg(long, short, requires = "apply")]
    yes: bool,
    /// Show the plan and delete nothing, like --plan.
    #[arg(long, requires = "apply", conflicts_with = "yes")]
    dry_run: bool,
    /// Used to delete manifests that may be parts of images. They are kept now.
    #[arg(long, hide = true)]
    even_unknown_parts: bool,
    /// Delete an image's manifest before its tags, which saves a request per tag if the service deletes the tags with
    /// it; otherwise docr reverts to deleting the tags first.
    #[arg(long, requires = "apply")]
    manifests_first: bool,
    /// Run a garbage collection afterwards, and wait until it has finished.
    #[arg(long, requires = "apply")]
    gc: bool,
    /// Append a line of JSON to this file before and after each deletion.
    #[arg(long, value_name = "FILE", requires = "apply")]
    audit_log: Option<PathBuf>,
}

/// A number of images.
fn number(text: &str) -> Result<u32, String> {
    let most = u32::MAX;
    text.parse()
        .map_err(|_| format!("not a whole number from 0 to {most}"))
}

/// The source of a plan.
enum Source {
    /// A file.
    Plan(Box<RetentionPlan>),
    /// Rules to compute it by.
    Rules(RetentionPolicy),
}

impl Prune {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        if self.schema {
            output.show_json(&schemars::schema_for!(RetentionPolicy))?;
            return Ok(Outcome::Done);
        }
        if self.even_unknown_parts {
            let text = "--even-unknown-parts no longer has an effect: manifests that cannot be read are kept.";
            output.warn(text);
        }
        output.check_text()?;
        let interrupt = Interrupt::listen()?;
        // Files are read before the first request.
        let source = match &self.from {
            Some(file) => {
                let place = || file.display().to_string();
                let text = fs::read_to_string(file).with_context(place)?;
                Source::Plan(Box::new(
                    RetentionPlan::from_json(&text).with_context(place)?,
                ))
            }
            None => Source::Rules(self.policy(&account, output)?),
        };
        let account = account.open(output).await?;
        let interrupted = || {
            output.note("Interrupted while reading; nothing was deleted.");
            Ok(Outcome::Interrupted)
        };
        let Some(registry) = interrupt.unless(account.registry()).await else {
            return interrupted();
        };
        let registry = registry?;
        let (plan, mut manifests) = match source {
            Source::Plan(plan) => (*plan, None),
            Source::Rules(policy) => {
                let exact = self.exact_bytes;
                let made = make(&account, &registry, &policy, exact, output, &interrupt).await?;
                let Some(made) = made else {
                    return interrupted();
                };
                made
            }
        };
        let applied = match self.apply && !self.dry_run {
            true => {
                self.apply(
                    &account,
                    &registry,
                    output,
                    &plan,
                    &mut manifests,
                    &interrupt,
                )
                .await
            }
            false => self.present(&plan, output),
        };
        if let Some(manifests) = manifests {
            manifests.close(output).await;
        }
        applied
    }

    fn present(&self, plan: &RetentionPlan, output: &Output) -> Result<Outcome> {
        if let Some(file) = &self.save {
            let text = serde_json::to_string_pretty(&plan)?;
            fs::write(file, text).with_context(|| file.display().to_string())?;
            output.note(format_args!("The plan was saved to {}.", file.display()));
        }
        let mut text = output.text();
        text::deleted(&mut text, plan)?;
        text::kept(&mut text, plan)?;
        output.show_text(&text, plan)?;
        Ok(Outcome::Done)
    }

    fn policy(&self, account: &AccountArguments, output: &Output) -> Result<RetentionPolicy> {
        let mut policy = self.rules(account, output)?;
        if let Some(age) = self.min_age {
            policy.min_age = age;
        }
        policy.max_delete = self.max_delete.or(policy.max_delete);
        policy.tags_only |= self.tags_only;
        if let Some(file) = &self.in_use {
            let place = || file.display().to_string();
            let mut text = String::new();
            match file.as_os_str() == "-" {
                true => io::stdin()
                    .read_to_string(&mut text)
                    .context("standard input")?,
                false => fs::File::open(file)
                    .and_then(|mut file| file.read_to_string(&mut text))
                    .with_context(place)?,
            };
            policy.in_use.extend(in_use(&text).with_context(place)?);
        }
        policy.check()?;
        Ok(policy)
    }

    fn rules(&self, account: &AccountArguments, output: &Output) -> Result<RetentionPolicy> {
        if let Some(file) = &self.rules {
            let place = || file.display().to_string();
            let text = fs::read_to_string(file).with_context(place)?;
            return RetentionPolicy::from_toml(&text).with_context(place);
        }
        let is_set = self.keep_newest.is_some()
            || self.older_than.is_some()
            || self.untagged
            || self.untagged_older_than.is_some()
            || self.orphans;
        match (is_set, account.is_sandbox()) {
            (true, _) => Ok(RetentionPolicy {
                rules: vec![RetentionRule {
                    keep_newest: self.keep_newest,
                    older_than: self.older_than,
                    protect_tags: self.protect.clone(),
                    delete_untagged: self.untagged,
                    untagged_older_than: self.untagged_older_than,
                    delete_orphans: self.orphans,
                    ..RetentionRule::default()
                }],
                ..RetentionPolicy::default()
            }),
            (false, true) => {
                output.note(format_args!(
                    "No rules given; using these:\n\n{SAMPLE_RULES}"
                ));
                Ok(RetentionPolicy::from_toml(SAMPLE_RULES)?)
            }
            (false, false) => {
                let message = "no rules given: pass --rules, --keep-newest, --older-than, --untagged or --orphans";
                Err(WrongInput(message.to_owned()).into())
            }
        }
    }

    async fn apply(
        &self,
        account: &Account,
        registry: &RegistryHandle,
        output: &Output,
        plan: &RetentionPlan,
        manifests: &mut Option<Manifests>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let mut deleted = output.text_beside();
        text::deleted(&mut deleted, plan)?;
        output.note_text(&deleted);
        let execution = plan.execution(registry)?;
        let nothing = json!({ "plan": plan, "report": null });
        if plan.is_empty() {
            // The user may have expected deletions, so show why everything is kept.
            let mut kept = output.text_beside();
            text::kept(&mut kept, plan)?;
            output.note_text(&kept);
            output.show("Nothing to delete.", &nothing)?;
            return Ok(Outcome::Done);
        }
        let consent = Consent {
            yes: self.yes,
            dry_run: false,
        };
        output.check_prompt(consent, "to delete what the plan lists")?;
        let question = Question::YesOrNo("Delete what the plan lists?");
        if let Some(outcome) = output.consent(consent, question, interrupt).await? {
            output.show("Nothing was deleted.", &nothing)?;
            return Ok(outcome);
        }
        let mut progress = Deleting::new(plan, output, self.audit_log.as_deref(), interrupt)?;
        // Also for a saved plan, since images may have been pushed since.
        let opened = match manifests.take() {
            Some(manifests) => Some(manifests),
            None => account.manifests(registry, interrupt).await?,
        };
        let Some(opened) = opened else {
            drop(progress);
            output.show("Nothing was deleted.", &nothing)?;
            return Ok(Outcome::Interrupted);
        };
        let execution = execution
            .manifests_first(self.manifests_first)
            .reader(&opened.reader)
            .until(interrupt.asked());
        let report = execution.run_observed(&mut progress).await;
        drop(progress);
        opened.close(output).await;
        self.conclude(registry, output, plan, &report, interrupt)
            .await
    }

    /// Runs the garbage collection if wanted, and reports. The deletions are reported even if that fails.
    async fn conclude(
        &self,
        registry: &RegistryHandle,
        output: &Output,
        plan: &RetentionPlan,
        report: &RetentionReport,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let mut text = format!("{report}\n");
        let is_all_gone = report.steps.iter().all(|step| step.outcome.is_gone());
        let mut outcome = match is_all_gone {
            _ if interrupt.is_asked() => Outcome::Interrupted,
            true => Outcome::Done,
            false => Outcome::InPart,
        };
        let (mut run, mut error) = (None, None);
        if let Some(what) = report.garbage_collection() {
            let wanted = !interrupt.is_asked() && (self.gc || may_collect(output, interrupt).await);
            let collected = match wanted {
                true => {
                    interrupt
                        .unless(collect(&registry.garbage_collections(), output, what, true))
                        .await
                }
                false => None,
            };
            match collected {
                Some(Ok(done)) => {
                    let freed = HumanBytes(done.freed_bytes.unwrap_or(0));
                    text += &format!("The garbage collection freed {freed}.\n");
                    run = Some(done);
                }
                Some(Err(failed)) => {
                    let why = format!("{failed:#}");
                    text += &format!(
                        "The storage was not freed: {why}\n\
                         Wait for an active garbage collection with `docr gc wait`, then run \
                         `docr gc run --type unreferenced-blobs --wait`.\n"
                    );
                    error = Some(why);
                    if outcome == Outcome::Done {
                        outcome = Outcome::InPart;
                    }
                }
                None if wanted => {
                    text += "The garbage collection continues. To wait for it: docr gc wait\n";
                    outcome = Outcome::Interrupted;
                }
                None => {
                    text += "To free the storage: docr gc run --type unreferenced-blobs --wait\n";
                }
            }
        }
        let json = json!({
            "plan": plan,
            "report": report,
            "garbage_collection": run,
            "garbage_collection_error": error,
        });
        output.report(text, &json, outcome)
    }
}

/// Asks whether to run a garbage collection, where a prompt is possible.
async fn may_collect(output: &Output, interrupt: &Interrupt) -> bool {
    let question = "Run a garbage collection now? The registry is read-only until it has finished.";
    let asked = output.is_interactive();
    asked
        && output
            .ask(Question::YesOrNo(question), interrupt)
            .await
            .unwrap_or(false)
}
