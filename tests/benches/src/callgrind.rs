//! Counting instructions with callgrind.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::Path,
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
    let options = [
        "--callgrind-out-file=/dev/null".to_owned(),
        format!("--toggle-collect=*{function}*"),
    ];
    let text = run(&options, program.as_ref(), arguments);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count
        .filter(|count| *count > 0)
        .unwrap_or_else(|| panic!("{arguments:?}: {text}"))
}

/// How many instructions each call of the function with this full name takes, in the order of the calls. Starting callgrind
/// takes longer than many of them. Files are written to an empty directory.
///
/// # Panics
///
/// If the program fails, or the directory can't be used.
pub fn instructions_of_calls(
    program: impl AsRef<OsStr>,
    function: &str,
    arguments: &[&str],
    directory: &Path,
) -> Vec<u64> {
    let file = directory.join("calls");
    let options = [
        format!("--callgrind-out-file={}", file.display()),
        // Options for the same pattern replace each other, those for the same name don't.
        format!("--dump-after={function}"),
        format!("--toggle-collect={function}"),
    ];
    run(&options, program.as_ref(), arguments);
    (1..)
        .map_while(|call| fs::read_to_string(directory.join(format!("calls.{call}"))).ok())
        .map(|text| {
            let summary = text.lines().find_map(|line| line.strip_prefix("summary: "));
            let count = summary.and_then(|count| count.trim().parse().ok());
            count.unwrap_or_else(|| panic!("{arguments:?}: {text}"))
        })
        .collect()
}

/// Runs a program with callgrind; returns what that reports.
fn run(options: &[String], program: &OsStr, arguments: &[&str]) -> String {
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .args(options)
        .arg(program)
        .args(arguments)
        .stdout(Stdio::null())
        .output()
        .expect("valgrind");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}
