//! Custom HTTP clients, proxies, certificates, headers and hooks don't weaken the client's security.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use docr::{Client, ClientBuilder, ManualClock, reqwest::header::HeaderValue};
use docr_sandbox::{Sandbox, ScriptedResponse};
use docr_tests::{
    connect_proxy::ConnectProxy,
    raw_server::RawServer,
    sandbox::{Checked, TOKEN, noon, start, start_with},
};

/// A sandbox with TLS, and its certificate.
async fn tls() -> (Checked, String) {
    let (sandbox, _) = start_with(|builder| builder.tls(true)).await;
    let pem = sandbox.certificate_pem().unwrap().to_owned();
    (sandbox, pem)
}

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    let clock = Arc::new(ManualClock::at(noon()));
    let builder = Client::builder().base_url(sandbox.url()).token(TOKEN);
    builder.clock(clock).max_attempts(1)
}

#[tokio::test]
async fn a_custom_root_certificate_is_trusted_and_without_it_nothing_is_sent() {
    let (sandbox, pem) = tls().await;
    let docr = builder(&sandbox).root_certificate(&pem).build().unwrap();
    docr.registries().options().await.unwrap();
    let error = builder(&sandbox)
        .build()
        .unwrap()
        .registries()
        .options()
        .await;
    let error = error.unwrap_err();
    assert!(error.is_connect() && !error.is_ambiguous(), "{error:?}");
    assert_eq!(sandbox.requests().len(), 1);

    for bad in [
        "",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "not PEM",
    ] {
        let error = builder(&sandbox).root_certificate(bad).build().unwrap_err();
        assert!(error.is_configuration(), "{error:?}");
        assert!(
            error.to_string().contains("root certificate") || bad.len() > 20,
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_configured_proxy_gets_the_connection_but_never_the_token() {
    let (sandbox, pem) = tls().await;
    let proxy = ConnectProxy::start().await;
    let url = proxy.url_with("user", "hunter2-of-the-proxy");
    let configured = builder(&sandbox).root_certificate(&pem).proxy(url);
    assert!(
        !format!("{configured:?}").contains("hunter2"),
        "{configured:?}"
    );
    let docr = configured.build().unwrap();
    docr.registries().options().await.unwrap();
    let heads = proxy.heads();
    let address = sandbox.addr();
    assert!(
        heads[0].starts_with(&format!("CONNECT {address} HTTP/1.1\r\n")),
        "{heads:?}"
    );
    assert!(
        heads[0]
            .to_lowercase()
            .contains("proxy-authorization: basic "),
        "{heads:?}"
    );
    assert!(!heads.concat().contains(TOKEN), "{heads:?}");
    assert_eq!(sandbox.requests().len(), 1);

    // A configured proxy is used for plain HTTP as well: that is the user's decision.
    let (plain, _) = start().await;
    let docr = builder(&plain).proxy(proxy.url()).build().unwrap();
    docr.registries().options().await.unwrap();
    assert_eq!(proxy.heads().len(), 2);
    let docr = builder(&plain)
        .proxy(proxy.url())
        .no_proxy()
        .build()
        .unwrap();
    docr.registries().options().await.unwrap();

    for bad in [
        "",
        "proxy.example.com",
        "http://",
        "ftp://proxy.example.com",
    ] {
        let error = builder(&plain).proxy(bad).build().unwrap_err();
        assert!(error.is_configuration(), "{bad}: {error:?}");
    }
    let error = builder(&plain)
        .proxy("//user:hunter2@")
        .build()
        .unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_custom_http_client_is_used_and_made_safe() {
    let (sandbox, pem) = tls().await;
    let proxy = ConnectProxy::start().await;
    let port = sandbox.addr().port();
    let http = docr::reqwest::Client::builder()
        .proxy(docr::reqwest::Proxy::all(proxy.url()).unwrap())
        .tls_certs_only([docr::reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()])
        .redirect(docr::reqwest::redirect::Policy::limited(5))
        .default_headers(
            [("x-own".parse().unwrap(), HeaderValue::from_static("yes"))]
                .into_iter()
                .collect(),
        )
        .timeout(Duration::from_nanos(1))
        .pool_max_idle_per_host(0);
    let docr = builder(&sandbox)
        .base_url(format!("https://localhost:{port}"))
        .http(http)
        .user_agent("acme/1")
        .build()
        .unwrap();
    docr.registries().options().await.unwrap();
    let request = sandbox.requests().remove(0);
    assert_eq!(request.headers["x-own"], "yes");
    assert!(request.headers["user-agent"].starts_with("acme/1 docr/"));
    assert!(proxy.heads()[0].starts_with(&format!("CONNECT localhost:{port} ")));

    // Redirects are not followed, and plain HTTP bypasses the proxy, which would see the token.
    let elsewhere = RawServer::responding("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let redirect = format!(
        "HTTP/1.1 307 Elsewhere\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url()
    );
    let server = RawServer::responding(redirect).await;
    let http = docr::reqwest::Client::builder()
        .proxy(docr::reqwest::Proxy::all(proxy.url()).unwrap())
        .redirect(docr::reqwest::redirect::Policy::limited(5));
    let docr = builder(&sandbox)
        .base_url(server.url())
        .http(http)
        .build()
        .unwrap();
    let error = docr.registries().options().await.unwrap_err();
    assert!(error.is_unexpected_status(), "{error:?}");
    assert_eq!(error.status(), Some(307));
    assert!(elsewhere.requests().is_empty());
    assert_eq!(proxy.heads().len(), 1);
}

#[tokio::test]
async fn custom_headers_are_sent_with_every_request_and_never_shown() {
    let (sandbox, _) = start().await;
    let value = "cf-secret-0123456789abcdef";
    let configured = builder(&sandbox).header("CF-Access-Client-Secret", value);
    assert!(!format!("{configured:?}").contains(value), "{configured:?}");
    let docr = configured.build().unwrap();
    docr.registries().options().await.unwrap();
    docr.request(docr::Method::GET, "/v2/registries")
        .send::<serde_json::Value>()
        .await
        .unwrap();
    for request in sandbox.requests() {
        assert_eq!(request.headers["cf-access-client-secret"], value);
    }
    // A gateway in front of the service may quote it.
    let refusal = ScriptedResponse::html(403, format!("<p>no access with {value}</p>"));
    sandbox
        .respond_next("registries_get_options", refusal)
        .unwrap();
    let error = docr.registries().options().await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains(value), "{error:?}");

    for (name, value, why) in [
        ("authorization", "Bearer x", "set by the client itself"),
        ("Host", "example.com", "set by the client itself"),
        ("x y", "1", "not a valid header name"),
        ("x-y", "a\nb", "only visible ASCII"),
    ] {
        let error = builder(&sandbox).header(name, value).build().unwrap_err();
        assert!(
            error.is_invalid_input() && error.to_string().contains(why),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_hook_sees_the_headers_of_each_attempt_but_not_the_token() {
    let (sandbox, _) = start().await;
    let outage = ScriptedResponse::status(503);
    sandbox
        .respond_next("registries_get_options", outage)
        .unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let docr = builder(&sandbox)
        .max_attempts(2)
        .on_request(move |headers| {
            let mut seen = notes.lock().unwrap();
            seen.push(format!("{headers:?}"));
            let number = HeaderValue::from(seen.len());
            headers.insert("traceparent", number);
            headers.insert("authorization", HeaderValue::from_static("Bearer stolen"));
        })
        .build()
        .unwrap();
    docr.registries().options().await.unwrap();
    assert!(!seen.lock().unwrap().concat().contains(TOKEN));
    let requests = sandbox.requests();
    let sent: Vec<_> = requests
        .iter()
        .map(|request| &*request.headers["traceparent"])
        .collect();
    assert_eq!(sent, ["1", "2"]);
    assert_eq!(requests[1].status, 200);
}
