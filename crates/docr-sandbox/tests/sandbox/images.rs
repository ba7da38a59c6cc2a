use std::time::Duration;

use docr_sandbox::{Image, PushError};
use serde_json::{Value, json};

use crate::Bench;

const REPOSITORIES: &str = "/v2/registries/acme/repositories";

fn names(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().unwrap();
    let text = |item: &Value| item[field].as_str().unwrap().to_owned();
    items.iter().map(text).collect()
}

async fn storage(bench: &Bench) -> u64 {
    let registry = bench.get("/v2/registries/acme").await.json();
    registry["registry"]["storage_usage_bytes"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn a_pushed_image_is_listed_with_its_digest_and_blobs() {
    let bench = Bench::with_registry("basic").await;
    let image = Image::new("shop/api").tag("v1").layer("hello");
    let pushed = bench.sandbox.push("acme", image).unwrap();
    let manifest: Value = serde_json::from_str(&pushed.manifest).unwrap();
    assert_eq!(
        manifest["layers"][0]["digest"],
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );

    let tags = bench
        .get(&format!("{REPOSITORIES}/shop%2Fapi/tags"))
        .await
        .json();
    assert_eq!(tags["tags"][0]["tag"], "v1");
    assert_eq!(tags["tags"][0]["manifest_digest"], pushed.digest);
    assert_eq!(
        (&tags["links"], &tags["meta"]["total"]),
        (&json!({}), &json!(1))
    );
    let digests = bench
        .get(&format!("{REPOSITORIES}/shop%2Fapi/digests"))
        .await
        .json();
    let listed = &digests["manifests"][0];
    assert_eq!(listed["digest"], pushed.digest);
    assert_eq!(listed["tags"], json!(["v1"]));
    assert_eq!(listed["blobs"].as_array().unwrap().len(), 2);
    assert_eq!(listed["compressed_size_bytes"], storage(&bench).await);

    let old = bench.get("/v2/registry/acme/repositories").await.json();
    assert_eq!(old["repositories"][0]["latest_tag"], tags["tags"][0]);
    let new = bench.get("/v2/registries/acme/repositoriesV2").await.json();
    assert_eq!(&new["repositories"][0]["latest_manifest"], listed);
    assert_eq!(new["repositories"][0]["manifest_count"], 1);
}

#[tokio::test]
async fn a_tag_that_is_pushed_again_moves_and_shared_layers_are_stored_once() {
    let bench = Bench::with_registry("basic").await;
    let push = |image| bench.sandbox.push("acme", image).unwrap().digest;
    let image = || Image::new("api").tag("latest").sized_layer(1, 1_000_000);
    let first = push(image());
    let before = storage(&bench).await;
    bench.clock.advance(Duration::from_secs(1));
    let second = push(image().layer("more"));
    let grown = storage(&bench).await - before;
    assert!(grown < 1_000, "{grown}");

    let tags = bench.get(&format!("{REPOSITORIES}/api/tags")).await.json();
    assert_eq!(names(&tags["tags"], "manifest_digest"), [second.as_str()]);
    let all = bench
        .get(&format!("{REPOSITORIES}/api/digests"))
        .await
        .json();
    assert_eq!(
        names(&all["manifests"], "digest"),
        [second.as_str(), first.as_str()]
    );
    assert_eq!(all["manifests"][1]["tags"], json!([]));
}

#[tokio::test]
async fn the_children_of_an_index_look_untagged() {
    let bench = Bench::with_registry("basic").await;
    let index = Image::index("api")
        .tag("v1")
        .child(Image::new("api").layer("a"))
        .child(Image::new("api").platform("linux", "arm64").layer("b"));
    let pushed = bench.sandbox.push("acme", index).unwrap();
    assert_eq!(pushed.children.len(), 2);
    let all = bench
        .get(&format!("{REPOSITORIES}/api/digests"))
        .await
        .json();
    for manifest in all["manifests"].as_array().unwrap() {
        let is_index = manifest["digest"] == pushed.digest;
        assert_eq!(
            manifest["tags"].as_array().unwrap().len(),
            usize::from(is_index)
        );
    }
    let new = bench.get("/v2/registries/acme/repositoriesV2").await.json();
    let latest = &new["repositories"][0]["latest_manifest"];
    assert_eq!(latest["digest"], pushed.digest);

    // What was pushed later without a tag is newer than what has one.
    bench.clock.advance(Duration::from_secs(1));
    let newer = Image::new("api").layer("c");
    let newer = bench.sandbox.push("acme", newer).unwrap();
    let new = bench.get("/v2/registries/acme/repositoriesV2").await.json();
    let latest = &new["repositories"][0]["latest_manifest"];
    assert_eq!(latest["digest"], newer.digest);
}

#[tokio::test]
async fn links_lead_through_all_pages_and_keep_the_escapes() {
    let bench = Bench::with_registry("basic").await;
    let tags = ["a", "b", "c", "d", "e"];
    let image = Image::new("shop/api");
    bench.sandbox.push_tags("acme", image, tags).unwrap();
    let path = format!("{REPOSITORIES}/shop%2Fapi/tags");
    let page = |number: u32| format!("{}{path}?page={number}&per_page=2", bench.sandbox.url());

    let middle = bench.get(&format!("{path}?page=2&per_page=2")).await.json();
    assert_eq!(names(&middle["tags"], "tag"), ["c", "d"]);
    let expected = json!({ "first": page(1), "prev": page(1), "next": page(3), "last": page(3) });
    assert_eq!(middle["links"]["pages"], expected);
    let first = bench.get(&format!("{path}?per_page=2")).await.json();
    assert_eq!(
        first["links"]["pages"],
        json!({ "next": page(2), "last": page(3) })
    );
    let beyond = bench
        .get(&format!("{path}?page=18446744073709551615&per_page=2"))
        .await;
    assert_eq!((beyond.status, &beyond.json()["tags"]), (200, &json!([])));
    let beyond = bench
        .get(&format!("{path}?page=18446744073709551616&per_page=2"))
        .await;
    assert_eq!((beyond.status, &beyond.json()["tags"]), (200, &json!([])));
    let first = bench.get(&format!("{path}?per_page=2&per_page=x")).await;
    assert_eq!(first.status, 200, "the first of a repeated one counts");
    for query in [
        "page=0",
        "page=-1",
        "page=",
        "page=1.5",
        "per_page=0",
        "per_page=201",
        "per_page=18446744073709551616",
        "page=x",
    ] {
        bench
            .get(&format!("{path}?{query}"))
            .await
            .refused(422, "unprocessable_entity");
    }
    let largest = bench.get(&format!("{path}?per_page=200")).await.json();
    assert_eq!(largest["links"], json!({}));
}

#[tokio::test]
async fn a_page_token_leads_to_the_next_page_and_an_invalid_one_is_refused() {
    let bench = Bench::with_registry("professional").await;
    for name in ["c", "a", "b"] {
        bench.sandbox.push("acme", Image::new(name)).unwrap();
    }
    for path in [
        "/v2/registries/acme/repositoriesV2",
        "/v2/registry/acme/repositoriesV2",
    ] {
        let first = bench.get(&format!("{path}?per_page=2")).await.json();
        assert_eq!(names(&first["repositories"], "name"), ["a", "b"]);
        let next = first["links"]["pages"]["next"].as_str().unwrap();
        assert!(next.contains("page=2&") && next.contains("&page_token="));
        let next = next.strip_prefix(bench.sandbox.url()).unwrap();
        // The token takes precedence over the page.
        let second = bench.get(&next.replace("page=2&", "page=1&")).await.json();
        assert_eq!(names(&second["repositories"], "name"), ["c"]);
        assert!(second["links"]["pages"].get("next").is_none());
        bench
            .get(&format!("{path}?page_token=nonsense"))
            .await
            .refused(400, "bad_request");
    }
}

#[tokio::test]
async fn hundreds_of_thousands_of_tags_can_be_paged_through() {
    let bench = Bench::with_registry("basic").await;
    let tags = (0..200_000).map(|number| format!("t{number:06}"));
    let image = Image::new("many").layer("x");
    let pushed = bench.sandbox.push_tags("acme", image, tags).unwrap();
    let path = format!("{REPOSITORIES}/many/tags?per_page=200&page=1000");
    let last = bench.get(&path).await.json();
    assert_eq!(last["meta"]["total"], 200_000);
    assert_eq!(last["tags"][199]["tag"], "t199999");

    let path = format!("{REPOSITORIES}/many/digests/{}", pushed.digest);
    assert_eq!(bench.delete(&path).await.status, 204);
    let listed = bench.get("/v2/registry/acme/repositories").await.json();
    assert_eq!(listed["repositories"][0]["tag_count"], 0);
}

#[tokio::test]
async fn deleting_tags_and_manifests_leaves_the_repository_and_only_its_deletion_frees_the_slot() {
    let bench = Bench::with_registry("starter").await;
    let pushed = bench
        .sandbox
        .push("acme", Image::new("shop/api").tag("v1").tag("v2"))
        .unwrap();
    let at = format!("{REPOSITORIES}/shop%2Fapi");
    assert_eq!(bench.delete(&format!("{at}/tags/v1")).await.status, 204);
    assert_eq!(bench.delete(&format!("{at}/tags/v1")).await.status, 204);
    let manifest = format!("{at}/digests/{}", pushed.digest);
    assert_eq!(bench.delete(&manifest).await.status, 204);
    let tags = bench.get(&format!("{at}/tags")).await.json();
    assert_eq!(tags["tags"], json!([]), "a manifest takes its tags with it");
    bench.delete(&manifest).await.refused(404, "not_found");

    let listed = bench.get("/v2/registries/acme/repositoriesV2").await.json();
    let repository = &listed["repositories"][0];
    assert_eq!(
        (&repository["tag_count"], &repository["manifest_count"]),
        (&json!(0), &json!(0))
    );
    assert!(repository.get("latest_manifest").is_none());
    let legacy = bench.get("/v2/registry/acme/repositories").await.json();
    assert_eq!(legacy["repositories"][0]["latest_tag"], json!({}));
    assert_eq!(
        bench.sandbox.push("acme", Image::new("web")),
        Err(PushError::OverRepositoryLimit)
    );

    assert_eq!(bench.delete(&at).await.status, 204);
    for path in [at.clone(), manifest] {
        let refused = bench.delete(&path).await.refused(404, "not_found");
        assert_eq!(refused, "repository not found");
    }
    assert_eq!(bench.delete(&format!("{at}/tags/v1")).await.status, 204);
    bench
        .get(&format!("{at}/tags"))
        .await
        .refused(404, "not_found");
    bench.sandbox.push("acme", Image::new("web")).unwrap();
}

#[tokio::test]
async fn the_tags_of_a_deleted_manifest_are_deleted_or_dangle() {
    for stay in [false, true] {
        let bench = Bench::with(|builder| builder.manifests_leave_tags(stay)).await;
        let wanted = json!({ "name": "acme", "subscription_tier_slug": "basic" });
        bench.post("/v2/registry", wanted).await;
        let image = || Image::new("api").tag("v1");
        let digest = bench.sandbox.push("acme", image()).unwrap().digest;
        let manifests = format!("{REPOSITORIES}/api/digests");
        let tags = format!("{REPOSITORIES}/api/tags");
        let manifest = format!("{manifests}/{digest}");
        assert_eq!(bench.delete(&manifest).await.status, 204);
        let listed = bench.get(&tags).await.json();
        let left: Vec<_> = listed["tags"].as_array().unwrap().iter().collect();
        assert_eq!(left.len(), usize::from(stay), "{listed}");
        assert!(left.iter().all(|tag| tag["manifest_digest"] == *digest));
        assert_eq!(
            bench.get(&manifests).await.json()["manifests"],
            json!([]),
            "the manifest is gone either way"
        );

        // Pushed again, the manifest has the tag that was kept.
        let untagged = Image::new("api");
        assert_eq!(bench.sandbox.push("acme", untagged).unwrap().digest, digest);
        let listed = bench.get(&manifests).await.json();
        let expected = if stay { json!(["v1"]) } else { json!([]) };
        assert_eq!(listed["manifests"][0]["tags"], expected);
        assert_eq!(bench.delete(&manifest).await.status, 204);
        assert_eq!(bench.delete(&format!("{tags}/v1")).await.status, 204);
        assert_eq!(bench.get(&tags).await.json()["tags"], json!([]));
    }
}

#[tokio::test]
async fn a_push_that_the_tier_or_a_name_forbids_stores_nothing() {
    let bench = Bench::with_registry("starter").await;
    let push = |registry, image| bench.sandbox.push(registry, image).unwrap_err();
    let image = || Image::new("api").sized_layer(1, 524_288_001);
    assert_eq!(push("acme", image()), PushError::OverStorageLimit);
    assert!(matches!(
        push("none", image()),
        PushError::UnknownRegistry(_)
    ));
    assert!(matches!(
        push("acme", Image::new("API")),
        PushError::InvalidName(_)
    ));
    assert!(matches!(
        push("acme", image().tag("-")),
        PushError::InvalidName(_)
    ));
    assert_eq!(storage(&bench).await, 0);
    let listed = bench.get("/v2/registry/acme/repositories").await.json();
    assert_eq!(listed["meta"]["total"], 0);
}

#[tokio::test]
async fn links_in_both_directions_have_a_token_and_an_empty_one_counts_as_none() {
    let bench = Bench::with_registry("professional").await;
    for name in ["a", "b", "c"] {
        bench.sandbox.push("acme", Image::new(name)).unwrap();
    }
    let path = "/v2/registries/acme/repositoriesV2?per_page=1&page_token=";
    let first = bench.get(path).await.json();
    assert_eq!(first["repositories"][0]["name"], "a");
    let next = first["links"]["pages"]["next"].as_str().unwrap();
    let second = bench
        .get(next.strip_prefix(bench.sandbox.url()).unwrap())
        .await
        .json();
    assert_eq!(second["repositories"][0]["name"], "b");
    let previous = second["links"]["pages"]["prev"].as_str().unwrap();
    assert!(previous.contains("page_token="), "{previous}");
    let back = bench
        .get(previous.strip_prefix(bench.sandbox.url()).unwrap())
        .await;
    assert_eq!(back.json()["repositories"][0]["name"], "a");
}

#[tokio::test]
async fn an_image_is_larger_unpacked_than_it_is_stored() {
    let bench = Bench::with_registry("professional").await;
    let part = |seed| Image::new("api").sized_layer(seed, 1_000_000);
    bench.sandbox.push("acme", part(1).tag("v1")).unwrap();
    let both = Image::index("api").child(part(1)).child(part(2));
    bench.sandbox.push("acme", both.tag("all")).unwrap();
    let tags = bench.get(&format!("{REPOSITORIES}/api/tags")).await.json();
    let digests = bench
        .get(&format!("{REPOSITORIES}/api/digests"))
        .await
        .json();
    let tags = tags["tags"].as_array().unwrap();
    let manifests = digests["manifests"].as_array().unwrap();
    let mut layers = Vec::new();
    for listed in tags.iter().chain(manifests) {
        let size = |field: &str| listed[field].as_u64().unwrap();
        layers.push(size("size_bytes") - size("compressed_size_bytes"));
    }
    layers.sort_unstable();
    let (one, two) = (1_000_000, 2_000_000);
    assert_eq!(layers, [one, one, one, two, two]);
}
