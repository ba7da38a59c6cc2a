//! Every operation of the spec with every documented status, over real HTTP: the request that was
//! sent, and the value or error that was read.

use docr_api::operations;
use docr_sandbox::{RecordedRequest, Sandbox};
use docr_tests::{
    calls::call,
    sandbox::{client, prepare, start},
};

/// Stands for the spec's `default` response: a status that no operation documents.
const UNDOCUMENTED: u16 = 503;

#[tokio::test]
async fn every_operation_with_every_documented_status() {
    for operation in operations::ALL {
        for status in operation.statuses.iter().copied().chain([UNDOCUMENTED]) {
            let (sandbox, _) = start().await;
            let subjects = prepare(&sandbox, operation, status).await;
            let docr = client(&sandbox).with_attempts(1);
            sandbox.clear_requests();

            let outcome = call(&docr, operation.id, &subjects).await;
            let outcome =
                outcome.unwrap_or_else(|| panic!("no client method for {}", operation.id));

            // A taken name and no active run are answers to the question, not failures.
            let is_answer = status < 400
                || (operation.id.ends_with("validate_name") && status == 409)
                || (operation.id.ends_with("get_garbageCollection") && status == 404);
            assert_eq!(outcome.is_ok(), is_answer, "{} {status}", operation.id);
            let text = format!("{}{}", requests_of(&sandbox), outcome_of(outcome));
            insta::with_settings!({
                snapshot_path => "../snapshots",
                prepend_module_to_snapshot => false,
                omit_expression => true,
                description => format!("{} {}, answered with {status}", operation.method, operation.path),
            }, {
                insta::assert_snapshot!(format!("{}-{status}", operation.id), text);
            });
            sandbox.stop().await;
        }
    }
}

fn requests_of(sandbox: &Sandbox) -> String {
    sandbox.requests().iter().map(request_of).collect()
}

fn request_of(request: &RecordedRequest) -> String {
    let query = request.query.as_ref().map(|query| format!("?{query}"));
    let mut text = format!(
        "{} {}{}\n",
        request.method,
        request.path,
        query.unwrap_or_default()
    );
    for (name, value) in &request.headers {
        // The port is another one each time, and the length follows from the body.
        if !["host", "content-length"].contains(&name.as_str()) {
            text += &format!("{name}: {value}\n");
        }
    }
    if !request.body.is_empty() {
        text += &format!("\n{}\n", request.body);
    }
    text + "\n"
}

fn outcome_of(outcome: docr::Result<String>) -> String {
    match outcome {
        Ok(value) => format!("read: {value}"),
        Err(error) => format!(
            "failed: {error}\n\nkind: {:?}\nstatus: {:?}\nid: {:?}\nmessage: {:?}\n\
             request id: {:?}\nrate limit: {:?}\neligibility reasons: {:?}\nambiguous: {}",
            error.kind(),
            error.status(),
            error.api_id(),
            error.api_message(),
            error.request_id(),
            error.rate_limit(),
            error.eligibility_reasons(),
            error.is_ambiguous(),
        ),
    }
}

#[test]
fn the_table_of_operations_is_the_spec_s() {
    let spec = docr_tests::spec();
    let paths = spec["paths"].as_object().unwrap();
    let in_spec: usize = paths
        .values()
        .map(|item| {
            item.as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "parameters")
                .count()
        })
        .sum();
    assert_eq!(operations::ALL.len(), in_spec);
    for operation in operations::ALL {
        let entry = &spec["paths"][operation.path][operation.method.to_lowercase()];
        assert_eq!(entry["operationId"], operation.id);
        assert!(
            !operation.scopes.is_empty(),
            "{} names no scope",
            operation.id
        );
        assert!(
            entry["responses"].get("default").is_some(),
            "{}",
            operation.id
        );
    }
}
