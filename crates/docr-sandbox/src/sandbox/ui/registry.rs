//! One registry: repositories, garbage collections, unfinished uploads.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{Live, View};
use super::parts::{Pages, Tone, badge, bytes, command, count, share, table, time};
use super::visit::{ROOT, Visit, registry_address, repository_address};
use crate::model::account::World;
use crate::model::collection::Run;

/// How many repositories a page shows.
const REPOSITORIES: usize = 200;
/// How many blobs a page adds up while the sandbox waits.
const BLOBS: usize = 50_000;
/// How many garbage collections, and uploads, a page shows.
const OTHERS: usize = 50;

struct RegistrySeen {
    region: String,
    created_at: DateTime<Utc>,
    measured_at: DateTime<Utc>,
    bytes: u64,
    repositories: Vec<RepositorySeen>,
    repository_count: usize,
    runs: Vec<RunSeen>,
    run_count: usize,
    is_collecting: bool,
    uploads: Vec<(String, u64, DateTime<Utc>)>,
    upload_count: usize,
}

struct RepositorySeen {
    name: String,
    tags: usize,
    manifests: usize,
    /// `None` if it has too many blobs to add up.
    bytes: Option<u64>,
    newest: Option<DateTime<Utc>>,
}

struct RunSeen {
    uuid: String,
    kind: String,
    status: String,
    progress: Option<(usize, usize)>,
    is_active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    deleted: u64,
    freed: u64,
}

pub(super) fn view(visit: &Visit<'_>, name: &str) -> Option<View> {
    let repositories = Pages::asked(visit, "page", REPOSITORIES);
    let runs = Pages::asked(visit, "collections", OTHERS);
    let seen = visit.look(|world| RegistrySeen::find(world, name, repositories, runs))?;
    Some(View {
        title: format!("Registry {name}"),
        live: Live::BOTH.closely(seen.is_collecting),
        form: None,
        content: html! {
            (crumbs(None))
            dl.facts {
                dt { "Region" } dd { (seen.region) }
                dt { "Created" } dd { (time(seen.created_at)) }
                dt { "Stored" } dd { (bytes(seen.bytes)) ", measured at " (time(seen.measured_at)) }
            }
            section {
                h2 { "Repositories" }
                @if seen.repository_count == 0 { (how_to_push(visit, name, "<repository>")) }
                @if !seen.repositories.is_empty() {
                    (table(
                        "A blob in several repositories is stored once, and counts in each.",
                        ["Repository", "Tags", "Manifests", "Blobs", "Share of the registry", "Newest tag"],
                        seen.repositories.iter().map(|repository| repository.row(name, seen.bytes)),
                    ))
                }
                (repositories.links(visit, seen.repository_count))
            }
            section {
                h2 { "Garbage collections" }
                @if seen.run_count == 0 {
                    p { "No garbage collections yet. Start one:" }
                    (command(&format!(
                        "curl -X POST {}/v2/registries/{name}/garbage-collection \\\n  \
                         -H \"Authorization: Bearer $DIGITALOCEAN_TOKEN\"",
                        visit.base,
                    )))
                }
                @if !seen.runs.is_empty() {
                    (table(
                        "The newest first",
                        ["Collection", "Type", "Status", "Started", "Updated", "Freed"],
                        seen.runs.iter().map(RunSeen::row),
                    ))
                }
                (runs.links(visit, seen.run_count))
            }
            @if !seen.uploads.is_empty() {
                section {
                    h2 { "Unfinished uploads" }
                    (table(
                        "The newest first",
                        ["Repository", "Received", "Since"],
                        seen.uploads.iter().map(|(repository, received, since)| [
                            html! { (repository) }, bytes(*received), time(*since),
                        ]),
                    ))
                    @if seen.upload_count > OTHERS {
                        p { "The newest " (OTHERS) " of " (count(seen.upload_count, "upload")) "." }
                    }
                }
            }
        },
    })
}

impl RegistrySeen {
    fn find(world: &World, name: &str, repositories: Pages, runs: Pages) -> Option<Self> {
        let (account, registry) = world.accounts().iter().find_map(|account| {
            let place = account.registry_place(name)?;
            Some((account, &account.registries[place]))
        })?;
        let store = &registry.store;
        let mut blobs = BLOBS;
        let shown = repositories.of(store.repositories().iter());
        let shown = shown.map(|repository| RepositorySeen {
            name: repository.name.clone(),
            tags: repository.tag_count(),
            manifests: repository.manifest_count(),
            bytes: store.bytes_in(&repository.name, &mut blobs),
            newest: repository.tags(0, 1).next().map(|(_, tag)| tag.pushed_at),
        });
        let uploads = registry.uploads.all();
        let upload_count = uploads.len();
        let mut uploads: Vec<_> = uploads
            .map(|upload| {
                (
                    upload.repository.clone(),
                    upload.received,
                    upload.touched_at,
                )
            })
            .collect();
        uploads.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.cmp(b)));
        uploads.truncate(OTHERS);
        Some(Self {
            region: registry.region.clone(),
            created_at: registry.created_at,
            measured_at: registry.measured_at,
            bytes: account.bytes_in(registry),
            repositories: shown.collect(),
            repository_count: store.repositories().len(),
            runs: runs
                .of(registry.runs.iter().rev())
                .map(RunSeen::of)
                .collect(),
            run_count: registry.runs.len(),
            is_collecting: registry.active_run().is_some(),
            uploads,
            upload_count,
        })
    }
}

impl RepositorySeen {
    fn row(&self, registry: &str, whole: u64) -> [Markup; 6] {
        [
            html! { a href=(repository_address(registry, &self.name)) { (self.name) } },
            html! { (self.tags) },
            html! { (self.manifests) },
            html! {
                @match self.bytes {
                    Some(size) => (bytes(size)),
                    None => "too many to add up",
                }
            },
            html! { @if let Some(size) = self.bytes { (share(size, whole)) } },
            html! {
                @match self.newest {
                    Some(newest) => (time(newest)),
                    None => "no tags",
                }
            },
        ]
    }
}

impl RunSeen {
    fn of(run: &Run) -> Self {
        Self {
            uuid: run.uuid.clone(),
            kind: run.kind.clone(),
            status: run.status.to_string(),
            progress: run.progress(),
            is_active: run.is_active(),
            created_at: run.created_at,
            updated_at: run.updated_at,
            deleted: run.blobs_deleted,
            freed: run.freed_bytes,
        }
    }

    fn row(&self) -> [Markup; 6] {
        let tone = match (&*self.status, self.is_active) {
            (_, true) => Tone::Busy,
            ("succeeded", _) => Tone::Good,
            _ => Tone::Plain,
        };
        [
            html! { code { (self.uuid) } },
            html! { (self.kind) },
            html! {
                (badge(tone, &self.status)) " "
                @if let Some((done, steps)) = self.progress {
                    progress value=(done) max=(steps) aria-label={ (done) " of " (steps) " steps are done" } {}
                }
            },
            time(self.created_at),
            time(self.updated_at),
            html! { (bytes(self.freed)) " of " (self.deleted) " blobs" },
        ]
    }
}

/// Links back to the overview and the registry.
pub(super) fn crumbs(registry: Option<&str>) -> Markup {
    html! {
        nav.crumbs aria-label="The way here" {
            ol {
                li { a href=(ROOT) { "Overview" } }
                @if let Some(registry) = registry {
                    li { a href=(registry_address(registry)) { (registry) } }
                }
            }
        }
    }
}

/// How to push a first image.
pub(super) fn how_to_push(visit: &Visit<'_>, registry: &str, repository: &str) -> Markup {
    let host = visit.host();
    html! {
        p { "Nothing has been pushed. With the API’s token, or with credentials that were minted:" }
        (command(&format!(
            "docker login -u $DIGITALOCEAN_TOKEN -p $DIGITALOCEAN_TOKEN {host}\n\
             docker push {host}/{registry}/{repository}:<tag>"
        )))
    }
}
