//! Counting instructions with callgrind.

use std::{
    env,
    ffi::OsStr,
    process::{Command, Stdio},
};

/// Whether valgrind is installed.
///
/// # Panics
///
/// If it is not, and `DOCR_REQUIRE_VALGRIND` is set.
pub fn is_available() -> bool {
    let found = Command::new("valgrind").arg("--version").output();
    let is_available = found.is_ok_and(|output| output.status.success());
    let is_required = env::var_os("DOCR_REQUIRE_VALGRIND").is_some();
    assert!(
        is_available || !is_required,
        "valgrind is not installed, and DOCR_REQUIRE_VALGRIND is set"
    );
    is_available
}

/// How many instructions a program takes in functions with `function` in their name and in what they call.
///
/// # Panics
///
/// If the program fails or has no such function.
pub fn instructions(program: impl AsRef<OsStr>, function: &str, arguments: &[&str]) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=*{function}*"))
        .arg(program)
        .args(arguments)
        .stdout(Stdio::null())
        .output()
        .expect("valgrind");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count
        .filter(|count| *count > 0)
        .unwrap_or_else(|| panic!("{arguments:?}: {text}"))
}
