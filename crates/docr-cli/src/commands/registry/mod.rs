//! `docr registry`

mod check_name;
mod create;
mod delete;
mod ensure;
mod list;
mod options;
mod show;
mod tier;

use docr::Registry as Item;

use crate::output::{Cell, Columns};

noun! {
    /// Manage registries and the account's subscription tier.
    Registry:
        List(list::List),
        Show(show::Show),
        Create(create::Create),
        Ensure(ensure::Ensure),
        Delete(delete::Delete),
        Tier(tier::Tier),
        Options(options::Options),
        CheckName(check_name::CheckName),
}

fn columns() -> Columns<Item> {
    Columns::new(
        |registry: &Item| registry.name.clone(),
        "The account has no registry; create one with `docr registry create`.",
    )
    .column("name", 1, |registry| Cell::text(&registry.name))
    .column("region", 3, |registry| {
        Cell::some(registry.region.as_ref(), |region| {
            Cell::text(region.as_str())
        })
    })
    .column("tier", 4, |registry| {
        let subscription = registry.subscription.as_ref();
        Cell::some(subscription, |subscription| {
            Cell::text(subscription.tier.slug.as_str())
        })
    })
    .column("storage", 2, |registry| {
        Cell::some(registry.storage_usage_bytes, Cell::Bytes)
    })
    .column("created", 5, |registry| {
        Cell::some(registry.created_at, Cell::Time)
    })
}
