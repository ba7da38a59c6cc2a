//! The server of the benchmarks, in a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// The server; dropping it stops it.
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts the program at `CARGO_BIN_EXE_bench-server`.
    pub fn start(program: &str) -> Self {
        let mut command = Command::new(program);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("the address that it prints");
        let url = format!("http://{}", line.trim());
        Self { child, url }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
