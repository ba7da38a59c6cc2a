use docr_sandbox::recording::{Body, Origin, Recorder, Recording};
use docr_sandbox::{Clock, Sandbox};
use serde_json::{Value, json};

const TOKEN: &str = "dop_v1_of_a_person";

/// Creates a registry, mints credentials and requests something missing.
async fn flow(url: &str, token: &str, name: &str) -> Vec<(u16, String)> {
    let http = reqwest::Client::new();
    let create = json!({"name": name, "subscription_tier_slug": "basic"});
    let calls = [
        http.post(format!("{url}/v2/registry")).json(&create),
        http.get(format!(
            "{url}/v2/registry/docker-credentials?read_write=true"
        )),
        http.get(format!("{url}/v2/nowhere?page=2")),
    ];
    let mut responses = Vec::new();
    for call in calls {
        let response = call.bearer_auth(token).send().await.unwrap();
        responses.push((response.status().as_u16(), response.text().await.unwrap()));
    }
    responses
}

async fn recorded() -> Recording {
    let clock = Clock::manual("2026-01-12T23:30:00Z".parse().unwrap());
    let builder = Sandbox::builder().token(TOKEN).clock(clock);
    let sandbox = builder.start().await.unwrap();
    let recorder = Recorder::sandbox(&sandbox).replace("docr-1f", "acme-images");
    let recorder = recorder.start().await.unwrap();
    let responses = flow(recorder.url(), TOKEN, "docr-1f").await;
    // Only the recording is scrubbed, not the traffic.
    assert_eq!(
        [responses[0].0, responses[1].0, responses[2].0],
        [201, 200, 404]
    );
    assert!(responses[0].1.contains("docr-1f") && !responses[1].1.contains("redacted"));
    recorder.finish("first").await.unwrap()
}

#[tokio::test]
async fn a_recording_contains_the_flow_and_no_secret() {
    let recording = recorded().await;
    assert_eq!(recording.recorded_from, Origin::Sandbox);
    assert_eq!(recording.recorded_on.to_string(), "2026-01-12");
    let text = recording.to_json();
    assert!(!text.contains(TOKEN) && !text.contains("docr-1f"), "{text}");
    assert_eq!(recording.suspects(), Vec::<String>::new());

    let [create, credentials, nowhere] = &recording.exchanges[..] else {
        panic!("{text}")
    };
    assert_eq!(create.operation.as_deref(), Some("registry_create"));
    assert_eq!(create.request.headers["authorization"], "Bearer [redacted]");
    let body = json!({"name": "acme-images", "subscription_tier_slug": "basic"});
    assert_eq!(create.request.body, Body::Json(body));
    assert_eq!(
        credentials.request.query.as_deref(),
        Some("read_write=true")
    );
    let auths = json!({"registry.digitalocean.com": {"auth": "[redacted]"}});
    assert_eq!(
        credentials.response.body,
        Body::Json(json!({"auths": auths}))
    );
    assert_eq!(
        (nowhere.operation.as_deref(), nowhere.response.status),
        (None, 404)
    );
}

#[tokio::test]
async fn a_recording_survives_its_file() {
    let recording = recorded().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("first.json");
    recording.save(&file).unwrap();
    assert_eq!(Recording::load(&file).unwrap(), recording);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_recording_with_a_likely_secret_is_not_written() {
    let mut recording = recorded().await;
    recording.exchanges[0].request.query = Some(format!("owner={TOKEN}"));
    let directory = tempfile::tempdir().unwrap();
    let error = recording.save(directory.path().join("a.json")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not written, because this looks like a secret: exchanges[0].request.query looks like an API token"
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_with_other_content_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.json");
    assert!(
        Recording::load(&file)
            .unwrap_err()
            .to_string()
            .contains("a.json")
    );
    std::fs::write(&file, r#"{"name": "a", "surprise": 1}"#).unwrap();
    let error = Recording::load(&file).unwrap_err().to_string();
    assert!(
        error.contains("a.json is not a recording: unknown field `surprise`"),
        "{error}"
    );
}

#[tokio::test]
async fn recorded_requests_get_recorded_responses() {
    let replay = recorded().await.replay().await.unwrap();
    let responses = flow(replay.url(), replay.token(), "acme-images").await;
    assert_eq!(
        [responses[0].0, responses[1].0, responses[2].0],
        [201, 200, 404]
    );
    let created: Value = serde_json::from_str(&responses[0].1).unwrap();
    assert_eq!(created["registry"]["name"], "acme-images");
    assert_eq!(replay.requests().len(), 3);
    replay.finish().await.unwrap();
}

#[tokio::test]
async fn a_single_different_byte_is_reported_to_the_client_and_the_test() {
    let replay = recorded().await.replay().await.unwrap();
    let responses = flow(replay.url(), replay.token(), "acme-imagez").await;
    assert_eq!(
        [responses[0].0, responses[1].0, responses[2].0],
        [418, 418, 418]
    );
    let mismatch = replay.finish().await.unwrap_err();
    let text = mismatch.to_string();
    for line in [
        "-  \"name\": \"acme-images\",",
        "+  \"name\": \"acme-imagez\",",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(
        text.starts_with("recording first: request 1 is not the recorded one"),
        "{text}"
    );
    let told: Value = serde_json::from_str(&responses[0].1).unwrap();
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains("+  \"name\": \"acme-imagez\"")
    );
    assert_eq!(mismatch.missing.len(), 3);
}

#[tokio::test]
async fn a_request_without_its_token_is_a_difference() {
    let replay = recorded().await.replay().await.unwrap();
    let http = reqwest::Client::new();
    let body = json!({"name": "acme-images", "subscription_tier_slug": "basic"});
    let sent = http
        .post(format!("{}/v2/registry", replay.url()))
        .json(&body)
        .send();
    assert_eq!(sent.await.unwrap().status(), 418);
    let text = replay.finish().await.unwrap_err().to_string();
    assert!(text.contains("-authorization: Bearer [redacted]"), "{text}");
}

#[tokio::test]
async fn extra_and_missing_requests_are_reported() {
    let mut recording = recorded().await;
    recording.exchanges.truncate(2);
    let replay = recording.clone().replay().await.unwrap();
    let responses = flow(replay.url(), replay.token(), "acme-images").await;
    assert_eq!(responses[2].0, 418);
    let text = replay.finish().await.unwrap_err().to_string();
    assert!(
        text.contains("nothing more is expected, but this came\nGET /v2/nowhere?page=2"),
        "{text}"
    );

    let replay = recording.replay().await.unwrap();
    let text = replay.finish().await.unwrap_err().to_string();
    assert!(
        text.contains("this request is missing\nPOST /v2/registry\n"),
        "{text}"
    );
}

#[tokio::test]
#[should_panic(expected = "this request is missing")]
async fn an_unfinished_replay_fails_its_test() {
    let _replay = recorded().await.replay().await.unwrap();
}

#[tokio::test]
async fn in_any_order_each_exchange_is_used_once() {
    let mut recording = recorded().await;
    recording.exchanges.reverse();
    let replay = recording.clone().replay_in_any_order().await.unwrap();
    let responses = flow(replay.url(), replay.token(), "acme-images").await;
    assert_eq!(
        [responses[0].0, responses[1].0, responses[2].0],
        [201, 200, 404]
    );
    // A repeated request is one too many.
    let responses = flow(replay.url(), replay.token(), "acme-images").await;
    assert_eq!(responses[0].0, 418);
    assert!(replay.finish().await.is_err());
    // In the recorded order the first request differs.
    let replay = recording.replay().await.unwrap();
    let responses = flow(replay.url(), replay.token(), "acme-images").await;
    assert_eq!(responses[0].0, 418);
    assert!(replay.finish().await.is_err());
}

#[tokio::test]
async fn a_request_without_a_response_invalidates_the_recording() {
    // Nothing listens on the discard port.
    let recorder = Recorder::live("http://127.0.0.1:9").start().await.unwrap();
    let url = format!("{}/v2/registry", recorder.url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 502);
    let error = recorder.finish("hole").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "request 1, GET /v2/registry, got no response"
    );
}

#[tokio::test]
async fn an_impossible_response_is_refused_when_it_is_scripted() {
    let mut recording = recorded().await;
    recording.exchanges[1].response.status = 42;
    let error = recording.replay().await.unwrap_err().to_string();
    assert_eq!(
        error,
        "recording first: 42 is not the status of a final response"
    );
}
