//! Computing a plan for `docr prune`.

use anyhow::Result;
use docr::{
    RegistryHandle,
    retention::{RegistryInventory, RetentionPlan, RetentionPolicy},
};

use crate::{
    account::{Account, Manifests},
    interrupt::Interrupt,
    output::{About as _, Output, Subject},
};

/// Computes a plan, and returns it with the reader of manifests; `None` if interrupted.
pub(super) async fn make(
    account: &Account,
    registry: &RegistryHandle,
    policy: &RetentionPolicy,
    has_exact_bytes: bool,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Option<(RetentionPlan, Option<Manifests>)>> {
    let progress = output.progress(format!("reading registry {}", registry.name()));
    let reading = RegistryInventory::reading(registry).policy(policy);
    let mut reading = reading.exact_bytes(has_exact_bytes);
    let read = reading.run(|now| {
        progress.say(format!("reading registry {}: {now}", registry.name()));
    });
    let Some(inventory) = interrupt.unless(read).await else {
        return Ok(None);
    };
    let mut inventory = inventory.about(|| Subject::Registry(registry.name().to_string()))?;
    let mut manifests = None;
    if !policy.tags_only && inventory.has_candidates(policy) {
        progress.say("reading manifests");
        let Some(opened) = account.manifests(registry, interrupt).await? else {
            return Ok(None);
        };
        let read = inventory.read_manifests_observed(policy, &opened.reader, |now| {
            progress.say(format!("reading manifests: {now}"));
        });
        if interrupt.unless(read).await.is_none() {
            opened.close(output).await;
            return Ok(None);
        }
        manifests = Some(opened);
    }
    drop(progress);
    let mut plan = match RetentionPlan::compute(policy, &inventory) {
        Ok(plan) => plan,
        Err(error) => {
            if let Some(manifests) = manifests {
                manifests.close(output).await;
            }
            return Err(error.into());
        }
    };
    if account.is_sandbox() {
        // The plan may be applied by another process, whose sandbox has another address.
        plan.api = None;
    }
    Ok(Some((plan, manifests)))
}
