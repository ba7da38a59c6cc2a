//! The table of operations, compared with the spec.

use docr::{Client, Error, List};
use docr_api::{Operation, operations};
use docr_tests::{
    calls::{self, Subjects, repository_name},
    raw_server::RawServer,
    sandbox::{TOKEN, client_at, registry_name},
};

#[test]
fn the_table_of_operations_matches_the_spec() {
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

#[test]
fn every_operation_with_a_body_documents_400_and_422() {
    let spec = docr_tests::spec();
    let mut with_body = 0;
    for operation in operations::ALL {
        let entry = &spec["paths"][operation.path][operation.method.to_lowercase()];
        if entry.get("requestBody").is_some() {
            with_body += 1;
            for status in [400, 422] {
                let documented = operation.statuses.contains(&status);
                assert!(documented, "{}: {status}", operation.id);
            }
        }
    }
    assert_eq!(with_body, 15);
}

/// The method and path of the only request.
fn requested(server: &RawServer) -> (String, String) {
    let requests = server.requests();
    let [request] = requests.as_slice() else {
        panic!("one request: {requests:?}");
    };
    let mut words = request.split([' ', '?']);
    let mut word = || words.next().unwrap_or_default().to_owned();
    (word(), word())
}

/// Whether a path matches an operation's.
fn is_at(path: &str, operation: &Operation) -> bool {
    let (path, template): (Vec<_>, Vec<_>) = (
        path.split('/').collect(),
        operation.path.split('/').collect(),
    );
    path.len() == template.len()
        && path
            .iter()
            .zip(template)
            .all(|(part, name)| *part == name || name.starts_with('{'))
}

fn assert_names_its_call(error: &Error, operation: &Operation, server: &RawServer) {
    assert_eq!(error.operation(), Some(operation.id), "{error}");
    let (method, path) = requested(server);
    assert_eq!(method, operation.method, "{error}");
    assert!(is_at(&path, operation), "{error}: {path}");
}

#[tokio::test]
async fn the_error_of_a_call_names_the_call_that_was_made() {
    for operation in operations::ALL {
        let body = r#"{"id":"bad_request","message":"no"}"#;
        let server =
            RawServer::responding_with_body("400 Bad Request", "application/json", body).await;
        let docr = client_at(server.url(), TOKEN);
        let called = calls::call(&docr, operation.id, &Subjects::default()).await;
        let error = called
            .unwrap_or_else(|| panic!("no method calls {}", operation.id))
            .unwrap_err();
        assert!(error.is_rejected(), "{error}");
        assert_names_its_call(&error, operation, &server);
    }
}

/// Reads a list to its end, and returns the error if it fails.
async fn read_to_end<T: Send + 'static>(list: List<T>) -> Option<Error> {
    list.all().await.err()
}

/// Reads the list of an operation; `None` for one without pages.
async fn read_list(docr: &Client, operation: &Operation) -> Option<Option<Error>> {
    let by_name = docr.registry(registry_name());
    let (legacy, name) = (docr.legacy_registry(), registry_name());
    let (repository, legacy_repository) = (
        by_name.repository(repository_name()),
        legacy.repository(&name, repository_name()),
    );
    Some(match operation.id {
        "certificates_list" => read_to_end(docr.certificates().list()).await,
        "registries_list_repositoriesV2" => read_to_end(by_name.repositories()).await,
        "registries_list_repositoryTags" => read_to_end(repository.tags()).await,
        "registries_list_repositoryManifests" => read_to_end(repository.manifests()).await,
        "registries_list_garbageCollections" => {
            read_to_end(by_name.garbage_collections().list()).await
        }
        "registry_list_repositories" => {
            read_to_end(legacy.repositories_with_latest_tag(&name)).await
        }
        "registry_list_repositoriesV2" => read_to_end(legacy.repositories(&name)).await,
        "registry_list_repositoryTags" => read_to_end(legacy_repository.tags()).await,
        "registry_list_repositoryManifests" => read_to_end(legacy_repository.manifests()).await,
        "registry_list_garbageCollections" => {
            read_to_end(legacy.garbage_collections(&name).list()).await
        }
        _ => return None,
    })
}

#[tokio::test]
async fn the_error_of_a_broken_list_names_the_call_that_was_made() {
    // The first page names itself as the next one.
    let body = r#"{"links":{"pages":{"next":"https://api.example/?page=1"}}}"#;
    let spec = docr_tests::spec();
    let mut lists = 0;
    for operation in operations::ALL {
        let server = RawServer::responding_with_body("200 OK", "application/json", body).await;
        let read = read_list(&client_at(server.url(), TOKEN), operation).await;
        let entry = &spec["paths"][operation.path][operation.method.to_lowercase()];
        let has_pages = entry["parameters"].to_string().contains("per_page");
        assert_eq!(read.is_some(), has_pages, "{}", operation.id);
        let Some(error) = read else {
            continue;
        };
        let error = error.unwrap_or_else(|| panic!("{} was read to its end", operation.id));
        assert!(error.is_unreadable(), "{error}");
        assert!(error.to_string().contains("the list is broken"), "{error}");
        assert_names_its_call(&error, operation, &server);
        lists += 1;
    }
    assert_eq!(lists, 10);
}
