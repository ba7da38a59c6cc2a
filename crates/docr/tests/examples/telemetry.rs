//! The spans and counts that the example exports.

use crate::example;

#[test]
fn spans_are_exported_by_the_conventions_and_attempts_are_counted() {
    let output = example("telemetry").output();
    let output = output.expect("the example starts");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    for exported in [
        "Name         : GET /v2/registries/options",
        "Kind         : Client",
        "http.request.method: String(Owned(\"GET\"))",
        "url.template: String(Owned(\"/v2/registries/options\"))",
        "server.address: String(Owned(\"127.0.0.1\"))",
        "server.port: I64(",
        "http.response.status_code: I64(503)",
        "http.response.status_code: I64(200)",
        "error.type: String(Owned(\"503\"))",
        "http.request.resend_count: I64(1)",
        "docr.attempts",
        "outcome",
    ] {
        assert!(text.contains(exported), "{exported}\n{text}");
    }
}
