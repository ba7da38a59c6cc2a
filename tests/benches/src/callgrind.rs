//! Counting instructions by callgrind.

use std::{
    env,
    ffi::OsStr,
    process::{Command, Stdio},
};

/// Whether there is valgrind.
///
/// # Panics
///
/// When there is none and `DOCR_REQUIRE_VALGRIND` asks for it.
pub fn is_there() -> bool {
    let found = Command::new("valgrind").arg("--version").output();
    let is_there = found.is_ok_and(|output| output.status.success());
    let is_required = env::var_os("DOCR_REQUIRE_VALGRIND").is_some();
    assert!(
        is_there || !is_required,
        "there is no valgrind, which DOCR_REQUIRE_VALGRIND asks for"
    );
    is_there
}

/// How many instructions a program takes within the functions whose name holds this, and all that they call.
///
/// # Panics
///
/// When the program fails, or has no such function.
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
