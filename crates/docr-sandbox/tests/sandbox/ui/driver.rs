//! A headless browser: Debian's chromium, driven by chromedriver. With `DOCR_REQUIRE_BROWSER=1` tests fail if it is
//! missing.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use docr_sandbox::Sandbox;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// How long something may take to appear; nothing waits longer than it must.
const PATIENCE: Duration = Duration::from_secs(60);

/// One at a time: a browser needs much of a small machine.
static TURN: Mutex<()> = Mutex::const_new(());

pub(super) struct Browser {
    client: Client,
    base: String,
    _driver: Driver,
    _turn: MutexGuard<'static, ()>,
}

/// The driver of the browser and its directory. Dropping it stops and deletes both.
struct Driver {
    process: Child,
    _folder: TempDir,
}

impl Driver {
    /// Starts it and returns its address.
    fn start(folder: TempDir) -> (Self, String) {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let this = Self {
            process,
            _folder: folder,
        };
        let said = BufReader::new(output).lines().map_while(Result::ok);
        let port = said.filter_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = { port }.next().expect("chromedriver says where it listens");
        (this, format!("http://127.0.0.1:{port}"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The browser would outlive its driver.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

impl Browser {
    /// Opens a browser for a sandbox. `None`, with a note, if it isn't installed.
    pub(super) async fn open(sandbox: &Sandbox) -> Option<Self> {
        let is_there = |program: &str| {
            let found = Command::new(program).arg("--version").output();
            found.is_ok_and(|output| output.status.success())
        };
        for program in ["chromium", "chromedriver"] {
            if !is_there(program) {
                leave_out(program);
                return None;
            }
        }
        let turn = TURN.lock().await;
        let folder = TempDir::new().unwrap();
        let profile = format!("--user-data-dir={}", folder.path().display());
        let options = json!({
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-breakpad", "--disable-crash-reporter",
                "--disable-component-update", "--hide-scrollbars",
                // Resolves nothing but the loopback.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                profile,
            ] },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let (driver, address) = Driver::start(folder);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(options.as_object().unwrap().clone())
            .connect(&address)
            .await
            .unwrap();
        let browser = Self {
            client,
            base: sandbox.url().to_owned(),
            _driver: driver,
            _turn: turn,
        };
        browser.resize(1200, 900).await;
        Some(browser)
    }

    pub(super) async fn resize(&self, width: u32, height: u32) {
        // A window can't be as narrow as a phone.
        self.command(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        )
        .await;
    }

    pub(super) async fn dark(&self, yes: bool) {
        let value = if yes { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.command(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    pub(super) async fn go(&self, path: &str) {
        self.client
            .goto(&format!("{}{path}", self.base))
            .await
            .unwrap();
    }

    /// Waits until the page is connected to the event stream.
    pub(super) async fn until_live(&self) {
        self.until("document.getElementById('status').textContent === 'Live'")
            .await;
    }

    /// Waits until an expression is true.
    #[allow(clippy::disallowed_methods, reason = "a browser lives in real time")]
    pub(super) async fn until(&self, expression: &str) {
        let holds = async {
            while self.eval(expression).await != true {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, holds).await.is_err() {
            let page = self.eval("document.body.innerText").await;
            panic!("it never came true that {expression}: {page}");
        }
    }

    pub(super) async fn until_shown(&self, text: &str) {
        let text = json!(text);
        self.until(&format!(
            "document.querySelector('main').innerText.includes({text})"
        ))
        .await;
    }

    pub(super) async fn eval(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        self.client.execute(&script, Vec::new()).await.unwrap()
    }

    pub(super) async fn click(&self, css: &str) {
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        element.click().await.unwrap();
    }

    pub(super) async fn write(&self, css: &str, text: &str) {
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    pub(super) async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.unwrap()
    }

    /// The messages of the console and the browser since the last call.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let entries = self.log("browser").await.into_iter();
        let text = entries.filter_map(|entry| entry["message"].as_str().map(str::to_owned));
        text.collect()
    }

    /// The hosts that were contacted since the last call.
    pub(super) async fn hosts(&self) -> BTreeSet<String> {
        let entries = self.log("performance").await.into_iter();
        let events = entries.filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            let url = event["params"]["request"]["url"].as_str()?.to_owned();
            is_request.then_some(url)
        });
        // The browser's start page doesn't belong to the page.
        let urls = events.filter(|url| !url.starts_with("data:") && !url.starts_with("chrome:"));
        let hosts = urls.map(|url| Url::parse(&url).unwrap().authority().to_owned());
        hosts.collect()
    }

    /// Closes it. After a failed test its driver does.
    pub(super) async fn close(self) {
        self.client.close().await.unwrap();
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.issue("se/log", json!({ "type": kind })).await;
        entries.as_array().unwrap().clone()
    }

    async fn command(&self, name: &str, parameters: Value) {
        let body = json!({ "cmd": name, "params": parameters });
        self.issue("goog/cdp/execute", body).await;
    }

    async fn issue(&self, path: &'static str, body: Value) -> Value {
        self.client
            .issue_cmd(Extension { path, body })
            .await
            .unwrap()
    }
}

/// Commands of chromedriver beyond the standard.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or(""), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

#[allow(clippy::print_stdout, reason = "a test says what it leaves out")]
fn leave_out(program: &str) {
    let required = std::env::var_os("DOCR_REQUIRE_BROWSER").is_some_and(|value| value == "1");
    assert!(!required, "{program} is not installed");
    println!("left out, since it is not installed: {program}");
}
