//! What `docr prune` reads before it shows a plan.

use anyhow::Result;
use docr::{
    RegistryHandle,
    retention::{RegistryInventory, RetentionPlan, RetentionPolicy},
};

use crate::{
    account::{Account, Manifests},
    interrupt::Interrupt,
    output::{Format, spinner},
};

/// Makes a plan, and keeps what it reads manifests by; `None` if somebody asked to stop.
pub(super) async fn make(
    account: &Account,
    registry: &RegistryHandle,
    policy: &RetentionPolicy,
    format: Format,
    interrupt: &Interrupt,
) -> Result<Option<(RetentionPlan, Option<Manifests>)>> {
    let spinner = spinner(format);
    spinner.set_message(format!("reading what is in {}", registry.name()));
    let read = RegistryInventory::read_for(registry, policy);
    let Some(inventory) = interrupt.unless(read).await else {
        return Ok(None);
    };
    let mut inventory = inventory?;
    let mut manifests = None;
    if !policy.tags_only && inventory.has_candidates(policy) {
        spinner.set_message("reading what belongs together");
        let Some(opened) = account.manifests(registry, interrupt).await? else {
            return Ok(None);
        };
        let read = inventory.read_manifests(policy, &opened.reader);
        if interrupt.unless(read).await.is_none() {
            opened.close(format).await;
            return Ok(None);
        }
        manifests = Some(opened);
    }
    spinner.finish_and_clear();
    let mut plan = match RetentionPlan::compute(policy, &inventory) {
        Ok(plan) => plan,
        Err(error) => {
            if let Some(manifests) = manifests {
                manifests.close(format).await;
            }
            return Err(error.into());
        }
    };
    if account.is_sandbox() {
        // The next one is another process, with the same images.
        plan.api = None;
    }
    Ok(Some((plan, manifests)))
}
