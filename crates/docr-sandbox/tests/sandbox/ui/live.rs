//! The stream of events that makes pages refresh.

use docr_sandbox::Image;

use crate::Bench;

async fn listen(bench: &Bench) -> reqwest::Response {
    let url = format!("{}/_docr/ui/events", bench.sandbox.url());
    let response = bench.http.get(url).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response
}

/// The data of the next event.
async fn next(stream: &mut reqwest::Response) -> String {
    let chunk = stream.chunk().await.unwrap().unwrap();
    String::from_utf8(chunk.into()).unwrap()
}

#[tokio::test]
async fn a_page_is_notified_of_changes_and_requests() {
    let bench = Bench::with_registry("basic").await;
    let mut stream = listen(&bench).await;
    let image = Image::new("a").layer("x").tag("v1");
    bench.sandbox.push("acme", image).unwrap();
    assert_eq!(next(&mut stream).await, "data: world\n\n");
    bench.get("/v2/registry").await;
    assert_eq!(next(&mut stream).await, "data: requests\n\n");
    // Concurrent changes are reported as one event.
    for _ in 0..10_000 {
        bench.sandbox.add_account();
    }
    bench.get("/v2/registry").await;
    let mut told = vec![next(&mut stream).await];
    while !told.iter().any(|event| event.contains("requests")) {
        told.push(next(&mut stream).await);
    }
    assert!(told.len() <= 2, "{told:?}");
}

#[tokio::test]
async fn the_stream_ends_with_the_sandbox() {
    let mut bench = Bench::start().await;
    let mut stream = listen(&bench).await;
    let other = docr_sandbox::Sandbox::start().await.unwrap();
    std::mem::replace(&mut bench.sandbox, other).stop().await;
    assert_eq!(stream.chunk().await.unwrap(), None);

    let mut stream = listen(&bench).await;
    let another = docr_sandbox::Sandbox::start().await.unwrap();
    drop(std::mem::replace(&mut bench.sandbox, another));
    assert_eq!(stream.chunk().await.unwrap(), None);
}
