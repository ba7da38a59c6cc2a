use serde_json::json;

use super::{Client, refused};
use crate::Bench;

const LIST: &str = "/v2/acme/shop/api/tags/list";

#[tokio::test]
async fn tags_are_listed_in_order_and_in_pages() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (_, text) = client.image("shop/api", "b", b"layer").await;
    for tag in ["a", "c", "B", "1.0"] {
        client.put_manifest("shop/api", tag, &text).await;
    }
    let all = client.get(LIST).await;
    assert_eq!(
        all.json(),
        json!({ "name": "acme/shop/api", "tags": ["1.0", "B", "a", "b", "c"] })
    );
    assert!(!all.headers.contains_key("link"));

    let (mut at, mut seen) = (format!("{LIST}?n=2"), Vec::new());
    loop {
        let page = client.get(&at).await;
        let tags = page.json()["tags"].as_array().unwrap().clone();
        assert!(tags.len() <= 2);
        seen.extend(tags);
        let Some(link) = page.headers.get("link") else {
            break;
        };
        let link = link.to_str().unwrap();
        let next = link.strip_suffix(">; rel=\"next\"").unwrap();
        at = next.strip_prefix('<').unwrap().to_owned();
    }
    assert_eq!(seen, ["1.0", "B", "a", "b", "c"]);
}

#[tokio::test]
async fn a_list_begins_after_the_last_tag_even_if_it_does_not_exist() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (_, text) = client.image("shop/api", "a", b"layer").await;
    client.put_manifest("shop/api", "c", &text).await;
    for (query, expected) in [
        ("last=a", json!(["c"])),
        ("last=b", json!(["c"])),
        ("last=c", json!([])),
        ("n=1&last=%20", json!(["a"])),
        ("n=0", json!([])),
        ("n=2", json!(["a", "c"])),
        ("n=18446744073709551615", json!(["a", "c"])),
    ] {
        let list = client.get(&format!("{LIST}?{query}")).await;
        assert_eq!(list.json()["tags"], expected, "{query}");
        assert_eq!(list.headers.contains_key("link"), query.contains("n=1&"));
    }
    for query in ["n=-1", "n=x", "n="] {
        let list = client.get(&format!("{LIST}?{query}")).await;
        refused(&list, 400, "PAGINATION_NUMBER_INVALID");
    }
}

#[tokio::test]
async fn an_unknown_repository_has_no_list_and_one_without_tags_has_an_empty_one() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    refused(&client.get(LIST).await, 404, "NAME_UNKNOWN");
    client.image("shop/api", "v1", b"layer").await;
    let tag = "/v2/acme/shop/api/manifests/v1";
    assert_eq!(client.send("DELETE", tag, "").await.status, 202);
    assert_eq!(client.get(LIST).await.json()["tags"], json!([]));
    refused(&client.send("POST", LIST, "").await, 405, "UNSUPPORTED");
}
