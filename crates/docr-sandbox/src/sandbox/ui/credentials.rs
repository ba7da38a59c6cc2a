//! The Docker credentials that were minted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{Live, View};
use super::parts::{Pages, Tone, badge, command, table, time};
use super::visit::{ROOT, Visit, encode};
use crate::model::credential::{Credential, MintedCredential};

const SHOWN: usize = 200;
/// The longest time that a page waits for something to expire.
const LONG: Duration = Duration::from_secs(60 * 60);

struct CredentialSeen {
    account: usize,
    minted: MintedCredential,
    expires_at: Option<DateTime<Utc>>,
    is_good: bool,
}

pub(super) fn view(visit: &Visit<'_>) -> View {
    let pages = Pages::asked(visit, "page", SHOWN);
    let now = visit.now;
    let mut all: Vec<_> = visit.look(|world| {
        let accounts = world.accounts().iter().zip(1..);
        let all = accounts.flat_map(|(account, number)| {
            let credentials = account.credentials.iter();
            credentials.map(move |credential| CredentialSeen::of(credential, number, now))
        });
        all.collect()
    });
    // Those of one account are in the order in which they were minted.
    all.reverse();
    all.sort_by_key(|credential| std::cmp::Reverse(credential.minted.minted_at));
    let expiring = all.iter().filter(|credential| credential.is_good);
    let expiring = expiring
        .filter_map(|credential| credential.expires_at)
        .min();
    let wait = expiring.and_then(|end| (end - now).to_std().ok());
    View {
        title: "Credentials".to_owned(),
        live: Live {
            after: wait.map(|wait| wait.clamp(Duration::from_secs(1), LONG)),
            ..Live::WORLD
        },
        form: None,
        content: html! {
            @if all.is_empty() { (how_to_mint(visit)) } @else {
                (table(
                    "The newest first. Their secrets are not kept.",
                    ["Minted", "Account", "Access", "Expires", "State"],
                    pages.of(all.iter()).map(CredentialSeen::row),
                ))
            }
            (pages.links(visit, all.len()))
        },
    }
}

/// How to mint a first credential.
fn how_to_mint(visit: &Visit<'_>) -> Markup {
    let registry = visit.look(|world| {
        let mut registries = world
            .accounts()
            .iter()
            .flat_map(|account| &account.registries);
        registries.next().map(|registry| encode(&registry.name))
    });
    html! {
        p { "No Docker credentials yet." }
        @match registry {
            Some(registry) => {
                p { "Mint some:" }
                (command(&format!(
                    "curl '{}/v2/registries/{registry}/docker-credentials?read_write=true' \\\n  \
                     -H \"Authorization: Bearer $DIGITALOCEAN_TOKEN\"",
                    visit.base,
                )))
            }
            None => p { "They need a registry. " a href=(ROOT) { "Create one" } " first." }
        }
    }
}

impl CredentialSeen {
    fn of(credential: &Credential, account: usize, now: DateTime<Utc>) -> Self {
        Self {
            account,
            minted: credential.minted,
            expires_at: credential.expires_at(),
            is_good: credential.is_good(now),
        }
    }

    fn row(&self) -> [Markup; 5] {
        [
            time(self.minted.minted_at),
            html! { (self.account) },
            html! { @if self.minted.read_write { "read-write" } @else { "read-only" } },
            html! {
                @match self.expires_at {
                    Some(end) => (time(end)),
                    None => "never",
                }
            },
            match (self.minted.revoked, self.is_good) {
                (true, _) => badge(Tone::Bad, "revoked"),
                (false, true) => badge(Tone::Good, "valid"),
                (false, false) => badge(Tone::Plain, "expired"),
            },
        ]
    }
}
