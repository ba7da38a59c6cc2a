//! The web pages.

#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod driver;
mod live;
mod pages;

use std::time::Duration;

use docr_sandbox::{CertificateSeed, Image};

use crate::Bench;

/// Text that would run, or break out of its element, if it weren't escaped.
const HOSTILE: &str = r#""'><script>window.harmed=1</script><img src=x onerror=window.harmed=1>"#;

/// Adds the sample, and more: a garbage collection, credentials, referrers, hostile names.
/// Returns the digests of an index and of its first image.
async fn fill(bench: &Bench) -> (String, String) {
    let sandbox = &bench.sandbox;
    sandbox.add_sample().unwrap();
    let part = |architecture: &str| {
        Image::new("signed")
            .platform("linux", architecture)
            .layer(architecture)
    };
    let index = Image::index("signed")
        .child(part("amd64"))
        .child(part("arm64"))
        .tag("v1");
    let (digest, child) = (index.digest(), part("amd64").digest());
    let about = |ending: &str| format!("{}{ending}", digest.replace(':', "-"));
    let hostile = format!(
        r#"{{"schemaVersion":2,"artifactType":{0:?},"manifests":[{{"digest":{0:?},"platform":{{"os":{0:?}}}}}]}}"#,
        HOSTILE
    );
    for image in [
        index.clone(),
        Image::new("signed").layer("a").tag(about(".sig")),
        Image::new("signed").layer("b").tag(about(".att")),
        Image::new("signed").layer("c").tag(about(".sbom")),
        Image::new("signed").layer("d").subject(&child),
        Image::raw("signed", hostile),
    ] {
        sandbox.push("sample", image).unwrap();
    }
    sandbox.add_certificate(CertificateSeed::custom(HOSTILE, [HOSTILE]).in_use());
    let path = "/v2/registries/sample/docker-credentials?expiry_seconds=600";
    assert_eq!(bench.get(path).await.status, 200);
    let path = "/v2/registries/sample/garbage-collection";
    assert_eq!(bench.post(path, serde_json::json!({})).await.status, 201);
    let hostile = bench
        .http
        .get(format!("{}/v2/registry?q={HOSTILE}", sandbox.url()))
        .header("user-agent", HOSTILE)
        .send();
    assert_eq!(hostile.await.unwrap().status(), 401);
    bench.clock.advance(Duration::from_secs(11));
    (digest, child)
}

/// Each view of what [`fill`] has added.
const VIEWS: [&str; 8] = [
    "/_docr/ui",
    "/_docr/ui/registries/sample",
    "/_docr/ui/registries/sample/repositories/shop/api",
    "/_docr/ui/registries/sample/repositories/signed",
    "/_docr/ui/credentials",
    "/_docr/ui/certificates",
    "/_docr/ui/requests",
    "/_docr/ui/requests/3",
];
