//! One request and its response, without secrets.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Live, View};
use super::parts::{command, table, time};
use super::requests::{status, took};
use super::visit::{ROOT, Visit};
use crate::sandbox::request_log::RecordedRequest;

pub(super) fn view(visit: &Visit<'_>, number: u64) -> Option<View> {
    let find = |number: Option<u64>| visit.service.state().requests.find(number?).cloned();
    let request = find(Some(number))?.read(&visit.service.spec.secret_fields);
    let before = find(number.checked_sub(1)).is_some().then(|| number - 1);
    let after = find(number.checked_add(1)).is_some().then(|| number + 1);
    Some(View {
        title: format!("Request {number}"),
        // Only a link to the next request can be added.
        live: match after {
            Some(_) => Live::default(),
            None => Live::REQUESTS,
        },
        form: None,
        content: html! {
            nav.crumbs aria-label="Other requests" {
                ul {
                    li { a href={ (ROOT) "/requests" } { "All requests" } }
                    @if let Some(before) = before { li { a href={ (ROOT) "/requests/" (before) } { "Previous" } } }
                    @if let Some(after) = after { li { a href={ (ROOT) "/requests/" (after) } { "Next" } } }
                }
            }
            (facts(&request))
            section {
                h2 { "Request" }
                (headers("Headers of the request", &request.headers))
                (body("request-body", &request.body))
            }
            section {
                h2 { "Response" }
                (headers("Headers of the response", &request.response_headers))
                (body("response-body", &request.response_body))
            }
        },
    })
}

fn facts(request: &RecordedRequest) -> Markup {
    html! {
        dl.facts {
            dt { "Method" } dd { (request.method) }
            dt { "Path" } dd { code.path { (request.path) } }
            @if let Some(query) = &request.query { dt { "Query" } dd { code.path { (query) } } }
            dt { "Status" } dd { (status(request.status)) }
            dt { "Operation" }
            dd {
                @match &request.operation {
                    Some(operation) => code { (operation) },
                    None => "not an operation of the API",
                }
                @if let Some(route) = &request.route { ", " code.path { (route) } }
            }
            dt { "Time" } dd { (time(request.responded_at)) }
            dt { "Took" } dd { (took(request.took)) }
            @if let Some(fault) = request.fault { dt { "Fault" } dd { (fault) } }
        }
    }
}

fn headers(caption: &str, headers: &BTreeMap<String, String>) -> Markup {
    let rows = headers.iter();
    table(
        caption,
        ["Name", "Value"],
        rows.map(|(name, value)| [html! { (name) }, html! { code.path { (value) } }]),
    )
}

fn body(id: &str, text: &str) -> Markup {
    let json = serde_json::from_str::<Value>(text).ok();
    let pretty = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
    html! {
        h3 { "Body" }
        @if text.is_empty() { p { "Empty, or not kept: streamed bodies are not logged." } }
        @else if let Some(pretty) = pretty {
            (command(&pretty))
            details id=(id) {
                summary { "As it was sent" }
                (command(text))
            }
        }
        @else { (command(text)) }
    }
}
