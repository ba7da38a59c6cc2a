//! The accounts and what belongs to them.

use maud::{Markup, html};

use super::layout::{Live, View};
use super::parts::{Pages, Tone, badge, bar, bytes, command, count, in_units, table, time};
use super::visit::{ROOT, Visit, registry_address};
use crate::model::account::Account;
use crate::model::registry::Registry;
use crate::model::tier::{Tier, Usage};

/// How many accounts, and clusters of each, a page shows.
const SHOWN: usize = 50;

struct AccountSeen {
    number: usize,
    token: String,
    tier: Option<&'static Tier>,
    usage: Usage,
    registries: Vec<RegistrySeen>,
    clusters: Vec<ClusterSeen>,
    cluster_count: usize,
    credentials: (usize, usize),
    certificates: (usize, usize),
}

struct RegistrySeen {
    name: String,
    region: String,
    bytes: u64,
    repositories: usize,
    collection: Option<String>,
    uploads: usize,
    created_at: chrono::DateTime<chrono::Utc>,
}

pub(super) fn view(visit: &Visit<'_>) -> View {
    let pages = Pages::asked(visit, "page", SHOWN);
    let (accounts, total) = visit.look(|world| {
        let accounts = world.accounts();
        let numbered = pages.of(accounts.iter().zip(1..));
        let seen = numbered.map(|(account, number)| AccountSeen::of(account, number, visit));
        (seen.collect::<Vec<_>>(), accounts.len())
    });
    let moves = accounts.iter().any(AccountSeen::moves);
    View {
        title: "Overview".to_owned(),
        live: Live::BOTH.closely(moves),
        form: None,
        content: html! {
            @for account in &accounts { (account.show(visit)) }
            (pages.links(visit, total))
        },
    }
}

struct ClusterSeen {
    uuid: String,
    name: String,
    registries: Vec<String>,
}

impl AccountSeen {
    fn of(account: &Account, number: usize, visit: &Visit<'_>) -> Self {
        let good = account.credentials.iter();
        let good = good.filter(|credential| credential.is_good(visit.now));
        let certificates = account.certificates.iter();
        let pending = certificates.filter(|one| one.state(visit.now) == "pending");
        let clusters = account.clusters.iter().take(SHOWN);
        let clusters = clusters.map(|(uuid, cluster)| ClusterSeen {
            uuid: uuid.clone(),
            name: cluster.name(uuid),
            registries: cluster.registries.iter().cloned().collect(),
        });
        Self {
            number,
            token: account.tokens[0].hint(),
            tier: account.subscription.as_ref().map(|current| current.tier),
            usage: account.usage(),
            registries: account
                .registries
                .iter()
                .map(|registry| RegistrySeen::of(account, registry))
                .collect(),
            clusters: clusters.collect(),
            cluster_count: account.clusters.len(),
            credentials: (good.count(), account.credentials.len()),
            certificates: (pending.count(), account.certificates.len()),
        }
    }

    /// Whether anything in it changes by itself.
    fn moves(&self) -> bool {
        let mut registries = self.registries.iter();
        self.certificates.0 > 0 || registries.any(|registry| registry.collection.is_some())
    }

    fn show(&self, visit: &Visit<'_>) -> Markup {
        let (good, minted) = self.credentials;
        let (pending, certificates) = self.certificates;
        html! {
            section {
                h2 { "Account " (self.number) }
                dl.facts {
                    dt { "Token" } dd { code { (self.token) } }
                    (self.show_tier())
                    dt { "Credentials" }
                    dd { a href={ (ROOT) "/credentials" } { (minted) " minted, " (good) " valid" } }
                    dt { "Certificates" }
                    dd {
                        a href={ (ROOT) "/certificates" } { (certificates) }
                        @if pending > 0 { " " (badge(Tone::Busy, &format!("{pending} pending"))) }
                    }
                }
                @if self.registries.is_empty() {
                    p { "No registries yet. Create one, or start the sandbox with " code { "--sample" } ":" }
                    (command(&format!(
                        "curl -X POST {}/v2/registries \\\n  -H \"Authorization: Bearer $DIGITALOCEAN_TOKEN\" \\\n  \
                         -H 'Content-Type: application/json' \\\n  \
                         -d '{{\"name\": \"acme\", \"subscription_tier_slug\": \"basic\", \"region\": \"fra1\"}}'",
                        visit.base,
                    )))
                } @else {
                    (table(
                        "Registries",
                        ["Registry", "Repositories", "Stored", "Region", "Created", "Active"],
                        self.registries.iter().map(RegistrySeen::row),
                    ))
                }
                @if !self.clusters.is_empty() {
                    (table(
                        "Kubernetes clusters",
                        ["Cluster", "Id", "Registries that it may pull from"],
                        self.clusters.iter().map(|cluster| [
                            html! { (cluster.name) },
                            html! { code { (cluster.uuid) } },
                            html! {
                                @if cluster.registries.is_empty() { "none" }
                                (cluster.registries.join(", "))
                            },
                        ]),
                    ))
                    @if self.cluster_count > SHOWN {
                        p { "The first " (SHOWN) " of " (count(self.cluster_count, "cluster")) "." }
                    }
                }
            }
        }
    }

    fn show_tier(&self) -> Markup {
        let Some(tier) = self.tier else {
            return html! { dt { "Tier" } dd { "none yet: it comes with the first registry" } };
        };
        let Usage {
            storage_bytes,
            repositories,
        } = self.usage;
        let registries = self.registries.len();
        html! {
            dt { "Tier" } dd { (tier.name) }
            dt { "Storage" }
            dd {
                (bytes(storage_bytes)) " of " (bytes(tier.storage_bytes)) " "
                (bar(storage_bytes, tier.storage_bytes, &format!(
                    "{} of {}", in_units(storage_bytes), in_units(tier.storage_bytes),
                )))
            }
            dt { "Repositories" }
            dd {
                @if tier.repositories == 0 {
                    (repositories) ", unlimited"
                } @else {
                    (repositories) " of " (tier.repositories) " "
                    (bar(repositories, tier.repositories, &format!("{repositories} of {}", tier.repositories)))
                }
            }
            dt { "Registries" }
            dd {
                (registries) " of " (tier.registries) " "
                (bar(registries as u64, tier.registries as u64, &format!("{registries} of {}", tier.registries)))
            }
        }
    }
}

impl RegistrySeen {
    fn of(account: &Account, registry: &Registry) -> Self {
        Self {
            name: registry.name.clone(),
            region: registry.region.clone(),
            bytes: account.bytes_in(registry),
            repositories: registry.store.repositories().len(),
            collection: registry.active_run().map(|run| run.status.to_string()),
            uploads: registry.uploads.all().len(),
            created_at: registry.created_at,
        }
    }

    fn row(&self) -> [Markup; 6] {
        [
            html! { a href=(registry_address(&self.name)) { (self.name) } },
            html! { (self.repositories) },
            bytes(self.bytes),
            html! { (self.region) },
            time(self.created_at),
            html! {
                @match &self.collection {
                    Some(status) => { (badge(Tone::Busy, &format!("garbage collection: {status}"))) " " }
                    None if self.uploads == 0 => { "nothing" }
                    None => {}
                }
                @if self.uploads > 0 { (badge(Tone::Busy, &count(self.uploads, "upload"))) }
            },
        ]
    }
}
