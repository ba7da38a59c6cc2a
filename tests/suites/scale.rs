//! No job grows faster than what it is about: instructions at a size and at four times that size, counted by callgrind.

use std::{
    env,
    process::{Command, Stdio},
};

use docr_tests::plans::SHAPES;

const SMALL: u64 = 100;
/// Four times as many, and the logarithm of sorting.
const MOST: f64 = 4.6;

#[test]
fn four_times_as_much_takes_about_four_times_the_instructions() {
    let found = Command::new("valgrind").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        let is_required = env::var_os("DOCR_REQUIRE_VALGRIND").is_some();
        assert!(
            !is_required,
            "there is no valgrind, which DOCR_REQUIRE_VALGRIND asks for"
        );
        eprintln!("left out, since there is no valgrind: how jobs grow");
        return;
    }
    let jobs = SHAPES.iter().map(|(name, _)| (*name, "plan"));
    let jobs = jobs.chain([("pushes of tags", "pushes")]);
    let grown: Vec<_> = jobs
        .map(|(job, function)| {
            let [small, large] = [SMALL, 4 * SMALL].map(|size| instructions(job, function, size));
            (job, large as f64 / small as f64)
        })
        .collect();
    let too_much: Vec<_> = grown.iter().filter(|(_, ratio)| *ratio > MOST).collect();
    assert!(too_much.is_empty(), "{too_much:?} of {grown:?}");
}

/// How many instructions a job takes, without what it is about being made.
fn instructions(job: &str, function: &str, size: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    let output = valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=*counted_{function}*"))
        .arg(env!("CARGO_BIN_EXE_scale"))
        .args([job, &size.to_string()])
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{job}: {text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count
        .filter(|count| *count > 0)
        .unwrap_or_else(|| panic!("{job}: {text}"))
}
