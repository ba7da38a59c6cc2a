//! The command: how it stops, and its errors if it can't start.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::port::ReservedPort;

const PROGRAM: &str = env!("CARGO_BIN_EXE_docr-sandbox");

struct Running {
    child: Child,
    addr: SocketAddr,
    /// The reader of its output, if there is one.
    _output: Option<BufReader<ChildStdout>>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        let command = command.args(["--token", "local"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let url = line.split(' ').find_map(|word| word.split_once("://"));
        let addr = url.unwrap().1.parse().unwrap();
        Self {
            child,
            addr,
            _output: Some(output),
        }
    }

    /// Starts it without a reader of its output; it is found by its port.
    fn start_unheard(output: &dyn Fn() -> Stdio) -> Self {
        let port = ReservedPort::new();
        let addr = port.addr();
        let mut command = Command::new(PROGRAM);
        command.args(["--token", "local", "--sample", "--port"]);
        command.arg(port.number().to_string()).stdout(output());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        while TcpStream::connect(addr).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "it ended");
            std::thread::yield_now();
        }
        Self {
            child,
            addr,
            _output: None,
        }
    }

    fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// Sends a request with a body and returns the response, after which the connection is closed.
    fn ask(&self, line: &str, body: &[u8]) -> String {
        let mut stream = self.connect(&request(line, body.len()));
        stream.write_all(body).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// The exit status, once it has exited.
    fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has exited, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    let sent = kill.args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// The head of a request, authenticated for the API or the registry's protocol.
fn request(line: &str, length: usize) -> Vec<u8> {
    let authorization = match line.contains("/v2/acme/") {
        true => "Basic eDpsb2NhbA==",
        false => "Bearer local",
    };
    format!(
        "{line} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n"
    )
    .into()
}

fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn a_signal_ends_it_at_once_and_cleanly_whatever_its_clients_are_doing() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().to_str().unwrap();
    for (signals, arguments) in [
        (&["TERM"][..], &["--sample"][..]),
        (&["INT"], &["--data", data, "--sample"]),
        (&["TERM", "TERM"], &["--data", data]),
        (&["INT", "TERM"], &[]),
    ] {
        let running = Running::start(arguments);
        let _silent = running.connect(b"");
        let _half_a_head = running.connect(b"GET /v2/regis");
        let _half_a_body = running.connect(&request("POST /v2/registries", 1000));
        let body = br#"{"name":"acme","subscription_tier_slug":"professional"}"#;
        let created = running.ask("POST /v2/registries", body);
        assert!(created.starts_with("HTTP/1.1 "), "{created}");
        // 1 MiB is more than is kept in memory of an upload.
        let digest = crate::oci::sha256(b"");
        let line = format!("POST /v2/acme/a/blobs/uploads/?digest={digest}");
        let mut upload = request(&line, 1 << 40);
        upload.resize(upload.len() + (1 << 20), 0);
        let _half_an_upload = running.connect(&upload);
        for name in signals {
            running.signal(name);
        }
        assert_eq!(running.ended(), Some(0), "{signals:?} {arguments:?}");
    }
}

#[test]
fn a_signal_ends_a_long_download() {
    let running = Running::start(&[]);
    let body = br#"{"name":"acme","subscription_tier_slug":"professional"}"#;
    let created = running.ask("POST /v2/registries", body);
    assert!(created.starts_with("HTTP/1.1 201 "), "{created}");
    let blob = vec![7; 64 << 20];
    let digest = crate::oci::sha256(&blob);
    let line = format!("POST /v2/acme/a/blobs/uploads/?digest={digest}");
    let pushed = running.ask(&line, &blob);
    assert!(pushed.starts_with("HTTP/1.1 201 "), "{pushed}");
    let mut download = running.connect(&request(&format!("GET /v2/acme/a/blobs/{digest}"), 0));
    let mut begin = [0; 12];
    download.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    running.signal("TERM");
    assert_eq!(running.ended(), Some(0));
}

#[test]
fn the_sample_exists_before_the_address_is_printed() {
    let running = Running::start(&["--sample"]);
    let list = running.ask("GET /v2/registries", b"");
    let (_, list) = list.split_once("\r\n\r\n").unwrap();
    let list: Value = serde_json::from_str(list).unwrap();
    assert!(list["registries"][0]["name"].is_string(), "{list}");
}

#[test]
fn acknowledged_changes_survive_a_signal() {
    let folder = TempDir::new().unwrap();
    let data = ["--data", folder.path().to_str().unwrap()];
    let running = Running::start(&data);
    let body = br#"{"name":"acme","subscription_tier_slug":"basic"}"#;
    let created = running.ask("POST /v2/registries", body);
    assert!(created.starts_with("HTTP/1.1 201 "), "{created}");
    running.signal("TERM");
    assert_eq!(running.ended(), Some(0));
    let running = Running::start(&data);
    let found = running.ask("GET /v2/registries/acme", b"");
    assert!(found.starts_with("HTTP/1.1 200 "), "{found}");
    running.signal("INT");
    assert_eq!(running.ended(), Some(0));
}

#[test]
fn a_busy_port_is_named_with_the_option_to_use_and_has_a_status_of_its_own() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, said) = refused(&["--port", &port]);
    assert_eq!(status, Some(3));
    assert_eq!(
        said,
        format!(
            "docr-sandbox: port {port} of 127.0.0.1 is in use; choose another one with --port, or a free one with \
             --port 0\n"
        )
    );
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (file, below) = (path(&file), path(&file.join("below")));
    for data in [&file, &below] {
        let (status, said) = refused(&["--data", data]);
        assert_eq!(status, Some(1));
        let begin = format!("docr-sandbox: the data directory {data} can't be used: ");
        assert!(said.starts_with(&begin), "{said}");
    }
    let (status, said) = refused(&["--tls", "--tls-cert", &below]);
    assert_eq!(status, Some(1));
    assert!(
        said.contains(&below) && said.contains("--tls-cert"),
        "{said}"
    );

    let state = folder.path().join("state.json");
    std::fs::write(&state, "[]").unwrap();
    let (status, said) = refused(&["--data", &path(folder.path())]);
    assert_eq!(status, Some(1));
    assert!(
        said.contains("its state.json is not the state of a sandbox"),
        "{said}"
    );
}

#[test]
fn it_keeps_serving_when_its_output_is_not_read_or_cannot_be_written() {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let full = || match File::options().write(true).open("/dev/full") {
        Ok(full) => Stdio::from(full),
        Err(_) => Stdio::null(),
    };
    for output in [&closed as &dyn Fn() -> Stdio, &full] {
        let running = Running::start_unheard(output);
        let found = running.ask("GET /v2/registry/options", b"");
        assert!(found.starts_with("HTTP/1.1 200 "), "{found}");
        running.signal("TERM");
        assert_eq!(running.ended(), Some(0));
    }
}
