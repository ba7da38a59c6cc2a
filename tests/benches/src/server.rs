//! The server of the benchmarks, as a process beside the one that is measured.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// The server, until it is dropped.
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts the program, which a benchmark knows as `CARGO_BIN_EXE_bench-server`.
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

    /// Where it is.
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
