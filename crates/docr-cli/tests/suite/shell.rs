//! An isolated shell: no token, and an empty home directory.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use docr_sandbox::Sandbox;
use tempfile::TempDir;

pub(crate) const DOCR: &str = env!("CARGO_BIN_EXE_docr");

pub(crate) struct Shell {
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// The output and the exit code of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// With the URL and the token of a sandbox.
    pub(crate) fn at(sandbox: &Sandbox) -> Self {
        Self::new()
            .set("DIGITALOCEAN_API_URL", sandbox.url())
            .set("DIGITALOCEAN_TOKEN", sandbox.token())
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.home().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A command line of `docr`; its words may be in double quotes.
    pub(crate) fn command(&self, line: &str) -> Command {
        self.run_by(Command::new(DOCR), line)
    }

    /// A command line of another program.
    pub(crate) fn run_by(&self, mut command: Command, line: &str) -> Command {
        command
            .args(words(line))
            .env_clear()
            .env("HOME", self.home())
            .envs(self.variables.iter().cloned())
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Ended {
        let output = self.command(line).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let home = self.home().to_str().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            out: text(&output.stdout).replace(home, "~"),
            err: text(&output.stderr).replace(home, "~"),
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (out, err) = (self.out.trim_end(), self.err.trim_end());
        if !out.is_empty() {
            writeln!(f, "{out}")?;
        }
        if !err.is_empty() {
            writeln!(f, "--- stderr\n{err}")?;
        }
        match self.code {
            0 => Ok(()),
            code => writeln!(f, "--- exit code {code}"),
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace()
        .map(|word| word.trim_matches('"').to_owned())
        .collect()
}
