//! The environment of programs in the sandbox.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

use docr_sandbox::Sandbox;

use crate::account::{IN_SANDBOX_TOKEN, IN_SANDBOX_URL};

/// Variables that would choose another account.
const UNSET: [&str; 2] = ["DIGITALOCEAN_CONTEXT", "DOCR_PROFILE"];

pub(super) struct Environment(Vec<(&'static str, String)>);

impl Environment {
    /// The variables for a sandbox, with configurations in this directory.
    pub(super) fn of(sandbox: &Sandbox, directory: &Path) -> Self {
        let (url, token) = (sandbox.url().to_owned(), sandbox.token().to_owned());
        let place = |name: &str| directory.join(name).to_string_lossy().into_owned();
        Self(vec![
            ("DIGITALOCEAN_API_URL", url.clone()),
            ("DIGITALOCEAN_TOKEN", token.clone()),
            // doctl's.
            ("DIGITALOCEAN_ACCESS_TOKEN", token.clone()),
            (IN_SANDBOX_URL, url),
            (IN_SANDBOX_TOKEN, token),
            ("DOCR_CONFIG", place("docr.toml")),
            ("DOCKER_CONFIG", place("docker")),
        ])
    }

    pub(super) fn apply(&self, command: &mut Command) {
        command.envs(self.0.iter().map(|(name, value)| (name, value)));
        for name in UNSET {
            command.env_remove(name);
        }
        if let Some(path) = path_with_this_program() {
            command.env("PATH", path);
        }
    }
}

/// As commands of a shell.
impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = if cfg!(windows) { "set" } else { "export" };
        for (name, value) in &self.0 {
            writeln!(f, "{set} {name}={value}")?;
        }
        Ok(())
    }
}

/// `PATH` with the directory of this program, unless it has it.
fn path_with_this_program() -> Option<std::ffi::OsString> {
    let here = env::current_exe().ok()?.parent()?.to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let all: Vec<PathBuf> = env::split_paths(&path).collect();
    match all.contains(&here) {
        true => None,
        false => env::join_paths([here].into_iter().chain(all)).ok(),
    }
}
