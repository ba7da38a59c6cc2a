//! A Redis or Valkey server for one test, if one is installed.

use std::{env, io, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::raw_server::RefusingPort;

/// A server on the loopback that writes nothing to disk. Dropping it stops the server.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    /// Stays bound while the server is down.
    port: RefusingPort,
    directory: TempDir,
    process: Child,
}

impl RedisServer {
    /// Starts a server. If none is installed, prints so and returns `None`, or panics with `DOCR_REQUIRE_REDIS=1`.
    pub async fn start() -> Option<Self> {
        let Some(program) = find(&["redis-server", "valkey-server"]) else {
            skip();
            return None;
        };
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = RefusingPort::take();
        let process = spawn(&program, port.address(), &directory).expect("an executable program");
        let server = Self {
            program,
            port,
            directory,
            process,
        };
        server.ready().await;
        Some(server)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.port.address())
    }

    /// Kills it; its data is lost.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("a child process");
    }

    /// Restarts it, empty, at the same address.
    pub async fn start_again(&mut self) {
        self.kill().await;
        self.process =
            spawn(&self.program, self.port.address(), &self.directory).expect("it ran before");
        self.ready().await;
    }

    #[allow(clippy::disallowed_methods, reason = "waits for another process")]
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

fn spawn(program: &PathBuf, address: SocketAddr, directory: &TempDir) -> io::Result<Child> {
    Command::new(program)
        .args(["--bind", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// The first of these programs that is installed.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let directories: Vec<_> = env::split_paths(&path).collect();
    let mut files = names.iter().flat_map(|name| {
        directories
            .iter()
            .map(move |directory| directory.join(name))
    });
    files.find(|file| file.is_file())
}

#[allow(clippy::print_stdout, reason = "reports what is skipped")]
fn skip() {
    let required = env::var_os("DOCR_REQUIRE_REDIS").is_some_and(|value| value == "1");
    assert!(
        !required,
        "neither redis-server nor valkey-server is installed"
    );
    println!("skipped: neither redis-server nor valkey-server is installed");
}
