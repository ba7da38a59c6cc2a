//! Every unusual response that can be generated from the spec is read. Only a missing identity is an error, which names
//! the field and the operation.

use docr_api::{Effect, operations};
use docr_sandbox::{RateLimits, ScriptedResponse};
use docr_tests::{
    calls::{Subjects, call},
    instances::{Variant, success_schema, variants},
    sandbox::{client, start_with},
};

#[tokio::test]
async fn every_unusual_response_of_every_operation_is_read() {
    let spec = docr_tests::spec();
    let limits = RateLimits {
        per_minute: u32::MAX,
        per_hour: u32::MAX,
    };
    let (sandbox, _) = start_with(|builder| builder.rate_limits(limits)).await;
    let docr = client(&sandbox);
    let subjects = Subjects::default();
    let (mut operations_read, mut responses) = (0, 0);

    for operation in operations::ALL {
        let in_spec = &spec["paths"][operation.path][operation.method.to_lowercase()];
        let Some(schema) = success_schema(&spec, in_spec) else {
            continue;
        };
        operations_read += 1;
        for Variant {
            what,
            body,
            lost_identity,
        } in variants(&spec, &schema)
        {
            responses += 1;
            let response = ScriptedResponse::json(200, body);
            sandbox.respond_next(operation.id, response).unwrap();
            let outcome = call(&docr, operation.id, &subjects).await.unwrap();
            match (outcome, lost_identity) {
                (Ok(_), None) => {}
                (Err(error), Some(field)) => {
                    assert!(error.is_unreadable(), "{}, {what}: {error}", operation.id);
                    let message = error.to_string();
                    assert!(message.contains(&field), "{what}: {message}");
                    assert!(message.contains(operation.id), "{what}: {message}");
                }
                (Ok(value), Some(field)) => {
                    panic!(
                        "{}, {what}: read without its {field}: {value}",
                        operation.id
                    )
                }
                // At least one host must have credentials.
                (Err(error), None) if error.to_string().contains("contains no credentials") => {
                    assert_eq!(operation.effect, Effect::Mint, "{}, {what}", operation.id);
                    assert!(error.is_unreadable() && error.is_ambiguous(), "{error}");
                }
                (Err(error), None) => panic!("{}, {what}: {error}", operation.id),
            }
        }
        sandbox.clear_requests();
    }
    println!("{operations_read} operations, {responses} unusual responses");
    assert!(
        operations_read >= 30 && responses > 1000,
        "{operations_read}, {responses}"
    );
}
