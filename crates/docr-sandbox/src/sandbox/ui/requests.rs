//! The log of requests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};

use super::layout::{Live, View};
use super::parts::{Pages, Tone, badge, command, table};
use super::visit::{ROOT, Visit};
use crate::sandbox::request_log::Entry;

const SHOWN: usize = 100;

/// The filter of requests.
struct Filter<'a> {
    text: String,
    status: &'a str,
    operation: &'a str,
}

pub(super) fn view(visit: &Visit<'_>) -> View {
    let pages = Pages::asked(visit, "page", SHOWN);
    // Cheap to clone: the sandbox isn't locked while they are filtered.
    let all: Vec<Arc<Entry>> = visit.service.state().requests.entries().cloned().collect();
    let filter = Filter {
        text: visit.asked("text").to_lowercase(),
        status: visit.asked("status"),
        operation: visit.asked("operation"),
    };
    let found: Vec<_> = all
        .iter()
        .rev()
        .filter(|entry| filter.takes(entry))
        .collect();
    View {
        title: "Requests".to_owned(),
        live: Live::REQUESTS,
        form: Some(filter.form(visit, &all)),
        content: html! {
            @if all.is_empty() {
                p { "No requests yet. Send one:" }
                (command(&format!(
                    "curl {}/v2/registries -H \"Authorization: Bearer $DIGITALOCEAN_TOKEN\"",
                    visit.base,
                )))
            } @else if found.is_empty() {
                p { "No matching requests. " a href={ (ROOT) "/requests" } { "Show all" } }
            } @else {
                (table(
                    "The newest first",
                    ["Number", "Time", "Request", "Status", "Took", "Operation"],
                    pages.of(found.iter()).map(|entry| row(entry)),
                ))
            }
            (pages.links(visit, found.len()))
        },
    }
}

impl Filter<'_> {
    fn takes(&self, entry: &Entry) -> bool {
        let operation = entry.operation.map_or("", |operation| &operation.id);
        let of_status = || {
            let status = entry.status.to_string();
            let class = self.status.strip_suffix("xx");
            class.map_or(status == self.status, |class| status.starts_with(class))
        };
        let of_text = || {
            let address = address(entry).to_lowercase();
            format!("{} {address}", entry.method.to_lowercase()).contains(&self.text)
        };
        (self.status.is_empty() || of_status())
            && (self.operation.is_empty() || operation == self.operation)
            && (self.text.is_empty() || of_text())
    }

    fn form(&self, visit: &Visit<'_>, all: &[Arc<Entry>]) -> Markup {
        const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let operations: BTreeSet<&str> = all
            .iter()
            .filter_map(|entry| Some(&*entry.operation?.id))
            .chain((!self.operation.is_empty()).then_some(self.operation))
            .collect();
        let own_status = (!self.status.is_empty()).then_some(self.status);
        let own_status = own_status.filter(|status| !STATUSES.contains(status));
        let option = |value: &str, current: &str| {
            html! { option value=(value) selected[value == current] { (value) } }
        };
        html! {
            form.filter method="get" action={ (ROOT) "/requests" } {
                label { "Method, path or query " input type="search" name="text" value=(visit.asked("text")); }
                label {
                    "Status "
                    select name="status" {
                        option value="" { "any" }
                        @for status in STATUSES.into_iter().chain(own_status) { (option(status, self.status)) }
                    }
                }
                label {
                    "Operation "
                    select name="operation" {
                        option value="" { "any" }
                        @for operation in operations { (option(operation, self.operation)) }
                    }
                }
                button { "Filter" }
            }
        }
    }
}

fn row(entry: &Entry) -> [Markup; 6] {
    let at = entry.responded_at;
    let number = entry.number();
    [
        html! { a href={ (ROOT) "/requests/" (number) } aria-label={ "Request " (number) } { (number) } },
        html! {
            time datetime=(at.to_rfc3339()) title=(at.to_rfc3339()) { (at.format("%H:%M:%S%.3f").to_string()) }
        },
        html! { strong { (entry.method) } " " span.path { (address(entry)) } },
        status(entry.status),
        html! { span.number { (took(entry.took)) } },
        html! {
            @match entry.operation {
                Some(operation) => code { (operation.id) },
                None => "none",
            }
        },
    ]
}

/// The path and the query as they were sent.
fn address(entry: &Entry) -> String {
    match &entry.query {
        Some(query) => format!("{}?{query}", entry.path),
        None => entry.path.clone(),
    }
}

pub(super) fn status(status: u16) -> Markup {
    let tone = match status {
        200..=299 => Tone::Good,
        400.. => Tone::Bad,
        _ => Tone::Plain,
    };
    badge(tone, &status.to_string())
}

pub(super) fn took(took: Duration) -> String {
    match took.as_micros() {
        micros @ ..1000 => format!("{micros} µs"),
        micros @ ..1_000_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        micros => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_in_a_fitting_unit() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1250, "1.2 ms"),
            (2_345_678, "2.3 s"),
        ] {
            assert_eq!(took(Duration::from_micros(micros)), text);
        }
    }
}
