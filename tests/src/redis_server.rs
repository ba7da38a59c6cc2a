//! A Redis or Valkey of a test's own, where one is installed.

use std::{env, io, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::raw_server::RefusingPort;

/// A server on the loopback, which keeps nothing on the disk. It ends when it is dropped.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    /// Is kept while the server is down.
    port: RefusingPort,
    folder: TempDir,
    process: Child,
}

impl RedisServer {
    /// Starts a server; `None`, with a line on it, if none is installed. With `DOCR_REQUIRE_REDIS=1` that is a
    /// failure.
    pub async fn start() -> Option<Self> {
        let Some(program) = find(&["redis-server", "valkey-server"]) else {
            leave_out();
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let port = RefusingPort::take();
        let process = spawn(&program, port.address(), &folder).expect("a server that can be run");
        let server = Self {
            program,
            port,
            folder,
            process,
        };
        server.ready().await;
        Some(server)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://{}", self.port.address())
    }

    /// Kills it, and with it all it knows.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("a process of this one's");
    }

    /// Starts it anew at the same address.
    pub async fn start_again(&mut self) {
        self.kill().await;
        self.process =
            spawn(&self.program, self.port.address(), &self.folder).expect("it ran before");
        self.ready().await;
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a process of another make is waited for"
    )]
    async fn ready(&self) {
        for _ in 0..500 {
            if TcpStream::connect(self.port.address()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} does not listen", self.program.display());
    }
}

fn spawn(program: &PathBuf, address: SocketAddr, folder: &TempDir) -> io::Result<Child> {
    Command::new(program)
        .args(["--bind", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// The first of these programs that is installed.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<_> = env::split_paths(&path).collect();
    let places =
        { names.iter() }.flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

#[allow(clippy::print_stdout, reason = "a test says what it leaves out")]
fn leave_out() {
    let required = env::var_os("DOCR_REQUIRE_REDIS").is_some_and(|value| value == "1");
    assert!(
        !required,
        "neither redis-server nor valkey-server is installed"
    );
    println!("left out, since neither is installed: redis-server, valkey-server");
}
