//! The table of operations against the spec.

use docr_api::operations;

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
