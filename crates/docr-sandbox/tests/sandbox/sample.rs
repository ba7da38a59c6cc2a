//! The sample content.

use super::Bench;

#[tokio::test]
async fn the_sample_has_something_of_everything() {
    let bench = Bench::start().await;
    let sample = bench.sandbox.add_sample().unwrap();
    let repositories = bench
        .get("/v2/registries/sample/repositoriesV2")
        .await
        .json();
    assert_eq!(repositories["meta"]["total"], 3);
    let digests = bench
        .get("/v2/registries/sample/repositories/shop%2Fapi/digests")
        .await
        .json();
    let manifests = digests["manifests"].as_array().unwrap();
    assert!(
        manifests
            .iter()
            .any(|manifest| manifest["tags"].as_array().unwrap().is_empty())
    );
    let certificate = bench
        .get(&format!("/v2/certificates/{}", sample.certificate))
        .await;
    assert_eq!(certificate.status, 200);
    assert!(bench.sandbox.cluster_registries(&sample.cluster).is_empty());

    // Called again, it finds the registry and pushes the same images.
    bench.sandbox.add_sample().unwrap();
    let again = bench
        .get("/v2/registries/sample/repositoriesV2")
        .await
        .json();
    assert_eq!(again["meta"]["total"], 3);
}
