//! The pages in a real browser.

use std::path::Path;
use std::time::Duration;

use docr_sandbox::{Clock, Image, Sandbox};

use super::driver::Browser;
use super::{VIEWS, fill};
use crate::Bench;
use crate::oci::Client;

/// Asserts that a page has no errors, and loads and runs nothing from elsewhere.
async fn assert_clean(browser: &Browser, bench: &Bench, view: &str) {
    assert_eq!(
        browser.eval("window.harmed").await,
        serde_json::Value::Null,
        "{view}"
    );
    assert_eq!(browser.complaints().await, [""; 0], "{view}");
    let host = bench.sandbox.addr().to_string();
    assert_eq!(
        browser.hosts().await.into_iter().collect::<Vec<_>>(),
        [host],
        "{view}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_view_renders_without_errors_and_fits_a_phone() {
    let bench = Bench::start().await;
    fill(&bench).await;
    let Some(browser) = Browser::open(&bench.sandbox).await else {
        return;
    };
    for view in VIEWS
        .into_iter()
        .chain(["/_docr/ui/requests?text=v2&status=4xx"])
    {
        browser.resize(1200, 900).await;
        browser.go(view).await;
        browser.until_live().await;
        // Everything collapsed is opened, since it takes space.
        browser
            .eval("document.querySelectorAll('details').forEach(one => one.open = true)")
            .await;
        let styled = "getComputedStyle(document.querySelector('header')).display";
        assert_eq!(browser.eval(styled).await, "flex", "{view}");
        for width in [1200, 400] {
            browser.resize(width, 900).await;
            let wide = browser.eval("document.documentElement.scrollWidth").await;
            assert!(
                wide.as_u64().unwrap() <= u64::from(width),
                "{view} is {wide} wide at {width}"
            );
        }
        // There each value has its heading beside it.
        let heads = "[...document.querySelectorAll('thead')].every(one => one.offsetWidth <= 1)";
        assert_eq!(browser.eval(heads).await, true, "{view}");
        let cells =
            "[...document.querySelectorAll('td > div')].every(one => one.offsetLeft >= 100)";
        assert_eq!(browser.eval(cells).await, true, "{view}");
        assert_clean(&browser, &bench, view).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_is_pushed_while_the_page_is_open_appears() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    client.image("shop/api", "v1", b"one").await;
    let Some(browser) = Browser::open(&bench.sandbox).await else {
        return;
    };
    let view = "/_docr/ui/registries/acme/repositories/shop/api";
    browser.go(view).await;
    browser.until_live().await;
    browser.eval("window.sameDocument = true").await;
    // Open, focused and scrolled elements are kept.
    browser.click("details > summary").await;
    browser
        .eval("document.body.style.minHeight = '3000px'")
        .await;
    let open = "document.querySelector('details[open]').id";
    let opened = browser.eval(open).await;
    browser.eval("window.scrollTo(0, 200)").await;

    client.image("shop/api", "pushed-meanwhile", b"two").await;
    browser.until_shown("pushed-meanwhile").await;
    bench
        .sandbox
        .push("acme", Image::new("shop/api").layer("x").tag("in-process"))
        .unwrap();
    browser.until_shown("in-process").await;

    assert_eq!(browser.eval("window.sameDocument").await, true);
    assert_eq!(browser.eval(open).await, opened);
    assert_eq!(
        browser
            .eval("document.activeElement.parentElement.id")
            .await,
        opened
    );
    assert_eq!(browser.eval("window.scrollY").await, 200);
    assert_clean(&browser, &bench, view).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_appears_in_the_open_log_and_opens_to_its_bodies() {
    let bench = Bench::with_registry("basic").await;
    let Some(browser) = Browser::open(&bench.sandbox).await else {
        return;
    };
    browser.go("/_docr/ui/requests").await;
    browser.until_live().await;
    browser.write("input[name=text]", "half-typed").await;
    bench.get("/v2/registry/subscription").await;
    browser.until_shown("/v2/registry/subscription").await;
    // Typed text is kept.
    let typed = "document.querySelector('input[name=text]').value";
    assert_eq!(browser.eval(typed).await, "half-typed");
    let focused = browser.eval("document.activeElement.name").await;
    assert_eq!(focused, "text");

    // Very many events at once neither stop the page nor get lost.
    for _ in 0..2000 {
        bench.get("/v2/registry").await;
    }
    bench.get("/v2/registry?the=last").await;
    browser.until_shown("the=last").await;

    browser.go("/_docr/ui/requests?text=post").await;
    browser.click("a[href='/_docr/ui/requests/1']").await;
    browser.until_shown("subscription_tier_slug").await;
    assert_clean(&browser, &bench, "requests").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_is_followed_while_the_clock_moves() {
    let bench = Bench::with_registry("basic").await;
    let Some(browser) = Browser::open(&bench.sandbox).await else {
        return;
    };
    browser.go("/_docr/ui/registries/acme").await;
    browser.until_live().await;
    bench
        .post(
            "/v2/registry/acme/garbage-collection",
            serde_json::json!({}),
        )
        .await;
    browser.until_shown("requested").await;
    bench.clock.advance(Duration::from_secs(10));
    browser.until_shown("waiting for write JWTs").await;
    bench.clock.advance(Duration::from_secs(600));
    browser.until_shown("succeeded").await;
    assert_clean(&browser, &bench, "registry").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_does_not_change_under_a_pressed_pointer() {
    let bench = Bench::with_registry("basic").await;
    let Some(browser) = Browser::open(&bench.sandbox).await else {
        return;
    };
    browser.go("/_docr/ui/registries/acme").await;
    browser.until_live().await;
    let point = |event: &str| {
        format!("document.dispatchEvent(new PointerEvent('{event}', {{ button: 0 }}))")
    };
    browser.until("!busy && !wanted").await;
    browser.eval("window.before = live()").await;
    browser.eval(&point("pointerdown")).await;
    bench
        .sandbox
        .push("acme", Image::new("pushed").layer("x"))
        .unwrap();
    browser.until("wanted && !busy").await;
    assert_eq!(browser.eval("live() === window.before").await, true);
    browser.eval(&point("pointerup")).await;
    browser.until_shown("pushed").await;
    browser.close().await;
}

/// Shows the sample. `DOCR_UPDATE_SCREENSHOT=1` updates the README's screenshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_of_the_sample_can_be_taken() {
    let clock = Clock::manual("2026-01-12T09:30:00Z".parse().unwrap());
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    sandbox.add_sample().unwrap();
    let Some(browser) = Browser::open(&sandbox).await else {
        return;
    };
    browser.resize(1000, 760).await;
    browser.dark(false).await;
    browser
        .go("/_docr/ui/registries/sample/repositories/shop/api")
        .await;
    browser.until_live().await;
    let light = browser.screenshot().await;
    browser.dark(true).await;
    assert_ne!(browser.screenshot().await, light);
    assert!(
        light.starts_with(b"\x89PNG") && light.len() < 200_000,
        "{}",
        light.len()
    );
    if std::env::var_os("DOCR_UPDATE_SCREENSHOT").is_some_and(|value| value == "1") {
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui.png");
        std::fs::write(picture, light).unwrap();
    }
    browser.close().await;
}
