//! The pages as HTML.

use docr_sandbox::{Image, Sandbox};
use serde_json::json;

use super::{HOSTILE, VIEWS, fill};
use crate::oci::Client;
use crate::{Bench, Reply};

async fn page(bench: &Bench, path: &str) -> Reply {
    let reply = bench.get(&format!("/_docr/ui{path}")).await;
    assert_eq!(reply.status, 200, "{path}");
    reply
}

/// The text of a page, without its tags, in one line.
fn text(reply: &Reply) -> String {
    let mut text = String::new();
    for part in reply.text.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, after)| after));
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of the row that contains a word.
fn row(reply: &Reply, word: &str) -> String {
    let rows = reply.text.split("<tr>").skip(1);
    let mut rows = rows.filter_map(|row| Some(row.split_once("</tr>")?.0));
    let row = rows.find(|row| row.contains(word));
    let row = row.unwrap_or_else(|| panic!("no row has {word}: {}", text(reply)));
    text(&Reply {
        status: 200,
        headers: reply.headers.clone(),
        text: row.to_owned(),
    })
}

#[tokio::test]
async fn each_view_is_a_page_that_runs_nothing_but_its_own_script() {
    let bench = Bench::start().await;
    fill(&bench).await;
    for view in VIEWS {
        let reply = bench.get(view).await;
        assert_eq!(reply.status, 200, "{view}");
        assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-store");
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(reply.text.matches("<script").count(), 1, "{view}");
        for inline in [" style=", " onerror=window", " onclick="] {
            assert!(!reply.text.contains(&format!("{inline}\"")), "{view}");
        }
        assert!(!reply.text.contains("<img"), "{view}");
        assert!(!reply.text.contains("href=\"http"), "{view}");
    }
}

#[tokio::test]
async fn hostile_names_are_escaped_everywhere() {
    let bench = Bench::start().await;
    fill(&bench).await;
    let escaped = "&lt;script&gt;window.harmed";
    for view in [
        "/certificates",
        "/requests/3",
        "/registries/sample/repositories/signed",
    ] {
        let html = page(&bench, view).await.text;
        assert!(html.contains(escaped), "{view}");
        assert!(!html.contains("<script>"), "{view}");
    }
    let query = "text=%22%3E%3Cscript%3E&status=%22%3E%3Cscript%3E&operation=%22%3E%3Cscript%3E";
    let html = page(&bench, &format!("/requests?{query}")).await.text;
    assert_eq!(html.matches("&quot;&gt;&lt;script&gt;").count(), 5);
    assert!(!html.contains("<script>"));
    let unknown = bench.get("/_docr/ui/registries/%3Cscript%3E").await;
    assert_eq!(unknown.status, 404);
    assert!(!unknown.text.contains("<script>"));
}

#[tokio::test]
async fn no_page_shows_a_token_or_a_secret() {
    let bench = Bench::start().await;
    fill(&bench).await;
    let minted = crate::oci::secret(&bench, "?read_write=true").await;
    bench
        .post(
            "/v2/certificates",
            json!({ "name": "c", "type": "custom", "private_key": "-----BEGIN s3cret", "leaf_certificate": "x" }),
        )
        .await;
    let mut views: Vec<_> = VIEWS.map(str::to_owned).into();
    views.extend((1..=bench.sandbox.requests().len()).map(|n| format!("/_docr/ui/requests/{n}")));
    for view in views {
        let reply = bench.get(&view).await;
        assert_eq!(reply.status, 200, "{view}");
        for secret in [bench.sandbox.token(), &minted, "s3cret"] {
            assert!(!reply.text.contains(secret), "{view}");
        }
    }
}

#[tokio::test]
async fn pages_only_accept_reads() {
    let bench = Bench::with_registry("basic").await;
    let token = bench.sandbox.token();
    let head = bench.send("HEAD", "/_docr/ui/requests", token, None).await;
    assert_eq!((head.status, &*head.text), (200, ""));
    assert_eq!(head.header("content-type"), "text/html; charset=utf-8");
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let refused = bench.send(method, "/_docr/ui", token, None).await;
        assert_eq!(refused.status, 405, "{method}");
        assert_eq!(refused.header("allow"), "GET, HEAD");
    }
    // No token is needed, and nothing is rate limited or logged.
    let stranger = bench.send("GET", "/_docr/ui", "wrong", None).await;
    assert_eq!(stranger.status, 200);
    assert_eq!(bench.sandbox.requests().len(), 1);
}

#[tokio::test]
async fn an_unknown_page_says_so_and_leads_back() {
    let bench = Bench::with_registry("basic").await;
    for unknown in [
        "/nothing",
        "/registries",
        "/registries/other",
        "/registries/acme/repositories",
        "/registries/acme/repositories/none",
        "/requests/x",
        "/requests/0",
        "/requests/99",
        "/requests/18446744073709551616",
    ] {
        let reply = bench.get(&format!("/_docr/ui{unknown}")).await;
        assert_eq!(reply.status, 404, "{unknown}");
        assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
        let link = r#"<a href="/_docr/ui">Back to the overview</a>"#;
        assert!(reply.text.contains(link), "{unknown}");
    }
}

#[tokio::test]
async fn the_assets_of_pages_exist() {
    let bench = Bench::start().await;
    for (path, content_type) in [
        ("/style.css", "text/css; charset=utf-8"),
        ("/script.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let reply = page(&bench, path).await;
        assert_eq!(reply.header("content-type"), content_type);
        assert!(!reply.text.is_empty());
        let html = page(&bench, "").await.text;
        assert!(html.contains(&format!("\"/_docr/ui{path}\"")));
    }
}

#[tokio::test]
async fn an_empty_page_says_what_to_do_with_the_visitors_host_name() {
    let bench = Bench::start().await;
    let said = |path: &'static str| {
        let url = format!("{}/_docr/ui{path}", bench.sandbox.url());
        let request = bench.http.get(url).header("host", "box.test:81");
        async { text(&Reply::read(request).await) }
    };
    let overview = said("").await;
    assert!(overview.contains("curl -X POST http://box.test:81/v2/registries"));
    assert!(
        said("/credentials")
            .await
            .contains("They need a registry. Create one first.")
    );
    assert!(
        said("/certificates")
            .await
            .contains("http://box.test:81/v2/certificates")
    );
    assert!(said("/requests").await.contains("No requests yet."));
    let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let registry = said("/registries/acme").await;
    assert!(registry.contains("docker push box.test:81/acme/&lt;repository&gt;:&lt;tag&gt;"));
    assert!(registry.contains("No garbage collections yet. Start one:"));
}

/// Runs the command that an empty page suggests.
async fn follow(bench: &Bench, path: &str) {
    let html = page(bench, path).await.text;
    let command = html.split_once("<code>curl ").unwrap().1;
    let command = command
        .split_once("</code>")
        .unwrap()
        .0
        .replace("&quot;", "\"");
    let url = command
        .split([' ', '\''])
        .find(|word| word.starts_with("http"));
    let path = url.unwrap().strip_prefix(bench.sandbox.url()).unwrap();
    let reply = match command.contains("-X POST") {
        true => {
            let body = command
                .split_once("-d '")
                .map(|(_, body)| body.trim_end_matches('\''));
            let body = body.map(str::to_owned);
            bench.send("POST", path, bench.sandbox.token(), body).await
        }
        false => bench.get(path).await,
    };
    assert!(
        matches!(reply.status, 200..=202),
        "{command}: {}",
        reply.text
    );
}

#[tokio::test]
async fn the_instructions_on_a_page_work() {
    let bench = Bench::start().await;
    for path in [
        "/requests",
        "",
        "/registries/acme",
        "/credentials",
        "/certificates",
    ] {
        follow(&bench, path).await;
        let html = page(&bench, path).await.text;
        assert!(!html.contains("<code>curl "), "{path}");
    }
    let registry = page(&bench, "/registries/acme").await;
    assert!(row(&registry, "requested").contains("unreferenced blobs only"));
}

#[tokio::test]
async fn the_overview_shows_each_account_and_what_its_tier_includes() {
    let bench = Bench::start().await;
    fill(&bench).await;
    bench.sandbox.add_account();
    let overview = page(&bench, "").await;
    let said = text(&overview);
    assert!(said.contains("Tier Professional"), "{said}");
    assert!(said.contains("458.0 MiB of 100.0 GiB"), "{said}");
    assert!(said.contains("Repositories 4, unlimited"), "{said}");
    assert!(said.contains("Registries 1 of 10"), "{said}");
    assert!(said.contains("Credentials 1 minted, 1 valid"), "{said}");
    assert!(said.contains("Account 2"), "{said}");
    assert!(said.contains("Tier none yet: it comes with the first registry"));
    let registry = row(&overview, "registries/sample");
    assert!(registry.contains("garbage collection: waiting for write JWTs to expire"));
    let end = &bench.sandbox.token()[bench.sandbox.token().len() - 4..];
    assert!(said.contains(&format!("Token …{end}")));
}

#[tokio::test]
async fn a_limit_is_shown_as_a_bar() {
    let bench = Bench::with_registry("basic").await;
    let image = Image::new("a").sized_layer(1, 1 << 30).tag("v1");
    bench.sandbox.push("acme", image).unwrap();
    let html = page(&bench, "").await.text;
    let bar = r#"<meter min="0" max="5" high="4" optimum="0" value="1" aria-label="1 of 5""#;
    assert!(html.contains(bar), "{html}");
    assert!(
        html.contains(r#"aria-label="1.0 GiB of 5.0 GiB""#),
        "{html}"
    );
}

#[tokio::test]
async fn a_collection_progresses_while_it_is_watched() {
    let bench = Bench::start().await;
    fill(&bench).await;
    let registry = || page(&bench, "/registries/sample");
    let waiting = registry().await;
    assert!(waiting.text.contains(r#"<progress value="1" max="4""#));
    assert!(waiting.text.contains(r#"data-after="1000""#));
    bench.clock.advance(std::time::Duration::from_secs(3600));
    let done = registry().await;
    assert!(row(&done, "succeeded").contains("blobs"));
    assert!(done.text.contains(r#"<progress value="4" max="4""#));
    assert!(!done.text.contains("data-after"));
}

#[tokio::test]
async fn a_registry_shows_its_repositories_and_uploads_in_progress() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    client.image("shop/api", "v1", b"layer").await;
    let upload = client.begin("shop/web").await;
    let path = upload.strip_prefix(bench.sandbox.url()).unwrap_or(&upload);
    client.send("PATCH", path, vec![1; 2048]).await;
    let registry = page(&bench, "/registries/acme").await;
    let repository = row(&registry, "shop/api");
    assert!(
        repository.starts_with("shop/api 1 1 7 B 100 %"),
        "{repository}"
    );
    assert!(row(&registry, "shop/web").contains("2.0 KiB"));
    assert!(text(&page(&bench, "").await).contains("1 upload"));
}

#[tokio::test]
async fn a_repository_shows_images_below_their_index_and_their_referrers() {
    let bench = Bench::start().await;
    let (index, child) = fill(&bench).await;
    let html = page(&bench, "/registries/sample/repositories/signed")
        .await
        .text;
    let at = |what: &str| {
        html.find(what)
            .unwrap_or_else(|| panic!("no {what} in {html}"))
    };
    let place = |digest: &str| at(&format!("id=\"m-{digest}\""));
    assert!(place(&index) < place(&format!("{index}-{child}")));
    for word in ["signature", "attestation", "SBOM"] {
        assert!(place(&index) < at(&format!(">{word}<")), "{word}");
    }
    assert!(html.contains("<strong>linux/amd64</strong>"));
    let referrer = html
        .split(&format!("id=\"m-{index}-{child}-sha256:"))
        .nth(1);
    assert!(
        referrer
            .unwrap()
            .contains("the manifest above, its subject")
    );
    assert!(html.contains(">untagged<"));
    assert!(html.contains("not in the repository"));
    assert!(html.contains("application/vnd.oci.image.layer.v1.tar+gzip"));
}

#[tokio::test]
async fn credentials_are_valid_until_they_expire_or_are_revoked() {
    let bench = Bench::with_registry("basic").await;
    for query in ["?expiry_seconds=60", "?read_write=true"] {
        crate::oci::secret(&bench, query).await;
    }
    let credentials = || page(&bench, "/credentials");
    let before = credentials().await;
    assert!(before.text.contains(r#"data-after="60000""#));
    assert!(row(&before, "read-only").ends_with("2026-01-12 09:31:00 UTC valid"));
    assert!(row(&before, "read-write").ends_with("never valid"));
    bench.clock.advance(std::time::Duration::from_secs(60));
    let revoked = crate::oci::secret(&bench, "?read_write=true&expiry_seconds=9999").await;
    let path = "/v1/oauth/revoke";
    let revoking = bench.http.post(format!("{}{path}", bench.sandbox.url()));
    let form = format!("token={revoked}");
    let revoking = revoking
        .header("content-type", "application/x-www-form-urlencoded")
        .bearer_auth(&revoked)
        .body(form);
    assert_eq!(Reply::read(revoking).await.status, 200);
    let after = credentials().await;
    assert!(row(&after, "read-only").ends_with("expired"));
    assert!(row(&after, "revoked").contains("read-write"));
}

#[tokio::test]
async fn certificates_show_their_names_state_and_use() {
    let bench = Bench::start().await;
    fill(&bench).await;
    let body = json!({ "name": "new", "type": "lets_encrypt", "dns_names": ["new.example.com"] });
    assert_eq!(bench.post("/v2/certificates", body).await.status, 201);
    let all = page(&bench, "/certificates").await;
    let issued = row(&all, "shop-front");
    assert!(
        issued.contains("verified no shop.example.com lets_encrypt"),
        "{issued}"
    );
    assert!(issued.ends_with("UTC"), "{issued}");
    assert!(row(&all, "harmed").contains("verified yes"));
    assert!(row(&all, "new.example.com").ends_with("not issued"));
    assert!(all.text.contains(r#"data-after="1000""#));
}

#[tokio::test]
async fn the_log_is_filtered_by_text_status_and_operation() {
    let bench = Bench::with_registry("basic").await;
    bench.get("/v2/registry").await;
    bench.get("/v2/unknown?a=b").await;
    Client::new(&bench).await.get("/v2/acme/a/tags/list").await;
    let shown = async |query: &str| {
        let html = page(&bench, &format!("/requests?{query}")).await.text;
        let numbers = html.split("aria-label=\"Request ").skip(1);
        let numbers = numbers.map(|at| at.split('"').next().unwrap().parse::<u32>().unwrap());
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(shown("").await, [5, 4, 3, 2, 1]);
    assert_eq!(shown("status=2xx").await, [4, 2, 1]);
    assert_eq!(shown("status=201").await, [1]);
    assert_eq!(shown("status=4xx&text=TAGS").await, [5]);
    assert_eq!(shown("text=%3Fa%3Db").await, [3]);
    assert_eq!(shown("text=post+/v2").await, [1]);
    assert_eq!(shown("operation=registry_get").await, [2]);
    assert!(shown("status=5xx").await.is_empty());
    let none = page(&bench, "/requests?text=zzz").await;
    assert!(text(&none).contains("No matching requests. Show all"));
}

#[tokio::test]
async fn a_request_opens_to_headers_and_bodies() {
    let bench = Bench::with_registry("basic").await;
    bench.get("/v2/registry/docker-credentials").await;
    let first = page(&bench, "/requests/1").await;
    let said = text(&first);
    assert!(said.contains("authorization Bearer [redacted]"), "{said}");
    assert!(
        said.contains("&quot;name&quot;: &quot;acme&quot;"),
        "{said}"
    );
    assert!(
        said.contains("Operation registry_create , /v2/registry"),
        "{said}"
    );
    assert!(said.contains("ratelimit-limit"), "{said}");
    let link = r#"<a href="/_docr/ui/requests/2">Next</a>"#;
    assert!(first.text.contains(link));
    let second = page(&bench, "/requests/2").await;
    assert!(text(&second).contains("&quot;auth&quot;: &quot;[redacted]&quot;"));
}

#[tokio::test]
async fn long_lists_are_paged() {
    let bench = Bench::with_registry("professional").await;
    let many = (0..100_000).map(|n| format!("t{n}"));
    let image = Image::new("many").layer("x");
    bench.sandbox.push_tags("acme", image, many).unwrap();
    for n in 0..453 {
        let image = Image::new(format!("r{n:03}")).layer("x").tag("v1");
        bench.sandbox.push("acme", image).unwrap();
    }
    let tags = page(
        &bench,
        "/registries/acme/repositories/many?tags=500&manifests=1",
    )
    .await;
    let said = text(&tags);
    assert!(said.contains("Page 500 of 500, 100000 in all"), "{said}");
    assert!(said.contains("and 99980 more tags"), "{said}");
    assert_eq!(tags.text.matches("<tr>").count(), 1 + 200 + 3);
    assert!(tags.text.len() < 200_000, "{}", tags.text.len());
    let before = "/_docr/ui/registries/acme/repositories/many?manifests=1&amp;tags=499";
    assert!(tags.text.contains(before));

    let last = page(&bench, "/registries/acme?page=3").await;
    assert!(text(&last).contains("Page 3 of 3, 454 in all"));
    assert!(last.text.contains(">r452<") && !last.text.contains(">r000<"));
    let beyond = page(&bench, "/registries/acme?page=99").await;
    assert!(beyond.text.contains("page=3\">Previous"));
    for odd in ["0", "-1", "x", "18446744073709551615"] {
        page(&bench, &format!("/registries/acme?page={odd}")).await;
    }
}

#[tokio::test]
async fn a_sandbox_that_keeps_no_requests_says_how_to_start_one_that_does() {
    let sandbox = Sandbox::builder().keep_requests(0).start().await.unwrap();
    let url = format!("{}/_docr/ui/requests", sandbox.url());
    let html = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(html.contains("No requests yet."));
}

#[test]
fn the_hostile_corpus_is_hostile() {
    assert!(HOSTILE.contains("<script>") && HOSTILE.contains("onerror="));
}
