//! `FIDELITY.md` is complete: everything that the sandbox does or refuses is listed.

mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use self::table::rows;
use crate::handlers::oci;
use crate::refusal::Reason;

#[test]
fn every_refusal_of_the_api_has_its_row() {
    let listed: Vec<_> = rows("Refusals of the API")
        .into_iter()
        .map(|row| [&row["refusal"], &row["status"], &row["text"]].map(Clone::clone))
        .collect();
    let all = Reason::ALL.iter().map(|reason| {
        let (status, text) = reason.said();
        let status = status.as_u16().to_string();
        [format!("{reason:?}"), status, text.to_owned()]
    });
    assert_eq!(listed, all.collect::<Vec<_>>());
}

#[test]
fn every_refusal_of_the_protocol_has_its_row() {
    let listed: Vec<_> = rows("Refusals of the registry's protocol")
        .into_iter()
        .map(|row| [&row["refusal"], &row["status"], &row["code"], &row["text"]].map(Clone::clone))
        .collect();
    let all = oci::Reason::ALL.iter().map(|reason| {
        let (status, code, text) = reason.said();
        let status = status.as_u16().to_string();
        [
            format!("{reason:?}"),
            status,
            code.to_owned(),
            text.to_owned(),
        ]
    });
    assert_eq!(listed, all.collect::<Vec<_>>());
}

/// The documented statuses of each operation, of those served beside the spec, too.
fn documented() -> BTreeMap<String, Vec<String>> {
    let mut documented = BTreeMap::new();
    for text in [
        include_str!("../spec.json"),
        include_str!("../spec/doors.json"),
    ] {
        let spec: Value = serde_json::from_str(text).unwrap();
        let paths = spec["paths"].as_object().unwrap().values();
        for operation in paths.flat_map(|path| path.as_object().unwrap().values()) {
            let (Some(id), Some(responses)) = (
                operation["operationId"].as_str(),
                operation["responses"].as_object(),
            ) else {
                continue;
            };
            documented.insert(id.to_owned(), responses.keys().cloned().collect());
        }
    }
    documented
}

#[test]
fn every_operation_has_its_row_with_the_status_of_its_success() {
    let mut listed = BTreeMap::new();
    for row in rows("Operations") {
        for operation in row["operation"].split(", ") {
            let twice = listed.insert(operation.to_owned(), vec![row["success"].clone()]);
            assert_eq!(twice, None, "{operation}");
        }
    }
    let succeeds = |statuses: Vec<String>| -> Vec<String> {
        let statuses = statuses.into_iter();
        statuses.filter(|status| status.starts_with('2')).collect()
    };
    let all = documented().into_iter();
    let all = all.map(|(id, statuses)| (id, succeeds(statuses)));
    assert_eq!(listed, all.collect());
}

#[test]
fn every_documented_failure_is_listed_with_a_reason() {
    let listed: Vec<_> = rows("Refusals of the API")
        .into_iter()
        .map(|row| row["status"].clone())
        .collect();
    for (operation, statuses) in documented() {
        for status in statuses.iter().filter(|status| status.as_str() >= "4") {
            let is_given = status == "default" || listed.contains(status);
            assert!(is_given, "{operation}: {status}");
        }
    }
}

/// Failure statuses occur only in the lists of refusals, so the lists are complete.
#[test]
fn no_handler_names_a_status_of_failure() {
    const SUCCESS: [&str; 5] = ["OK", "CREATED", "ACCEPTED", "NO_CONTENT", "PARTIAL_CONTENT"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut places = ["handlers", "model", "http", "sandbox", "spec", "storage"]
        .map(|folder| root.join(folder))
        .to_vec();
    let mut named = Vec::new();
    while let Some(place) = places.pop() {
        // The sandbox's own doors are not part of the API.
        if place.ends_with("sandbox/control") || place.ends_with("sandbox/ui") {
            continue;
        }
        if place.is_dir() {
            places.extend(
                fs::read_dir(place)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let text = fs::read_to_string(&place).unwrap();
        let failures = text.split("StatusCode::").skip(1).filter(|rest| {
            let name = rest.split(|c: char| c != '_' && !c.is_ascii_uppercase());
            let name = name.into_iter().next().unwrap_or_default();
            name.len() > 1 && !SUCCESS.contains(&name)
        });
        if failures.count() > 0 {
            named.push(place.strip_prefix(&root).unwrap().to_owned());
        }
    }
    named.sort();
    // The refusals of the protocol; a runtime that shuts down.
    let expected = ["handlers/oci/error.rs", "sandbox/as_registry.rs"];
    assert_eq!(named, expected.map(Path::new));
}
