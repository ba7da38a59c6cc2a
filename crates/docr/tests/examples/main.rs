//! The examples do what they say. Cargo builds them beside the tests.

mod focused;
mod telemetry;
mod tour;

use std::process::Command;

/// The example of this name, to be run.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let target = test
        .ancestors()
        .nth(2)
        .expect("a test stands in target/<profile>/deps");
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Command::new(target.join("examples").join(file))
}
