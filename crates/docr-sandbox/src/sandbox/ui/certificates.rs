//! The TLS certificates.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{Live, View};
use super::parts::{Pages, Tone, badge, command, table, time};
use super::visit::Visit;
use crate::model::certificate::Certificate;

const SHOWN: usize = 200;
/// How many names of a certificate are shown.
const NAMES: usize = 10;

struct CertificateSeen {
    account: usize,
    id: String,
    name: String,
    kind: String,
    state: &'static str,
    in_use: bool,
    dns_names: Vec<String>,
    name_count: usize,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

pub(super) fn view(visit: &Visit<'_>) -> View {
    let pages = Pages::asked(visit, "page", SHOWN);
    let (shown, total) = visit.look(|world| {
        let accounts = world.accounts().iter().zip(1..);
        let all = accounts.flat_map(|(account, number)| {
            let certificates = account.certificates.iter();
            certificates.map(move |certificate| (number, certificate))
        });
        let shown = pages
            .of(all)
            .map(|(number, certificate)| CertificateSeen::of(certificate, number, visit.now));
        let accounts = world.accounts().iter();
        let total: usize = accounts.map(|account| account.certificates.len()).sum();
        (shown.collect::<Vec<_>>(), total)
    });
    let is_issuing = shown
        .iter()
        .any(|certificate| certificate.state == "pending");
    View {
        title: "Certificates".to_owned(),
        live: Live::WORLD.closely(is_issuing),
        form: None,
        content: html! {
            @if total == 0 {
                p { "No certificates yet. Create one:" }
                (command(&format!(
                    "curl -X POST {}/v2/certificates \\\n  -H \"Authorization: Bearer $DIGITALOCEAN_TOKEN\" \\\n  \
                     -H 'Content-Type: application/json' \\\n  \
                     -d '{{\"name\": \"shop\", \"type\": \"lets_encrypt\", \"dns_names\": [\"shop.example.com\"]}}'",
                    visit.base,
                )))
            }
            @if !shown.is_empty() {
                (table(
                    "By account, the oldest first",
                    ["Certificate", "Account", "State", "In use", "Names", "Type", "Created", "Expires"],
                    shown.iter().map(CertificateSeen::row),
                ))
            }
            (pages.links(visit, total))
        },
    }
}

impl CertificateSeen {
    fn of(certificate: &Certificate, account: usize, now: DateTime<Utc>) -> Self {
        let names = certificate.dns_names();
        Self {
            account,
            id: certificate.id.clone(),
            name: certificate.name().to_owned(),
            kind: certificate.kind().to_owned(),
            state: certificate.state(now),
            in_use: certificate.in_use(),
            dns_names: names.iter().take(NAMES).cloned().collect(),
            name_count: names.len(),
            created_at: certificate.created_at,
            expires_at: certificate.expires_at(now),
        }
    }

    fn row(&self) -> [Markup; 8] {
        let tone = match self.state {
            "verified" => Tone::Good,
            "pending" => Tone::Busy,
            _ => Tone::Bad,
        };
        [
            html! { (self.name) br; code { (self.id) } },
            html! { (self.account) },
            badge(tone, self.state),
            html! { @if self.in_use { "yes" } @else { "no" } },
            html! {
                (self.dns_names.join(", "))
                @if self.name_count > NAMES { " and " (self.name_count - NAMES) " more" }
            },
            html! { (self.kind) },
            time(self.created_at),
            html! {
                @match self.expires_at {
                    Some(end) => (time(end)),
                    None => "not issued",
                }
            },
        ]
    }
}
