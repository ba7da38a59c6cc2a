//! Fails the build if the bindings are older than the spec. A packaged crate has no spec beside it, and
//! nothing is checked.

#[path = "build/stamp.rs"]
mod stamp;

use std::{fs, path::Path};

/// Paths from the crate's directory, where a build script runs: a compiled script may be used for another checkout.
const SPEC: &str = "../../openapi/docr.yaml";
const BINDINGS: &str = "src/generated.rs";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/stamp.rs");
    if !Path::new(SPEC).is_file() {
        return;
    }
    println!("cargo::rerun-if-changed={SPEC}");
    println!("cargo::rerun-if-changed={BINDINGS}");

    let (Ok(spec), Ok(generated)) = (fs::read_to_string(SPEC), fs::read_to_string(BINDINGS)) else {
        println!(
            "cargo::error=openapi/docr.yaml or src/generated.rs cannot be read; run `{}`",
            stamp::MEND
        );
        return;
    };
    if stamp_of_bindings(&generated) != Some(&stamp::of_spec(&spec)) {
        println!(
            "cargo::error=the bindings are older than openapi/docr.yaml; run `{}`",
            stamp::MEND
        );
    }
}

/// The stamp in the header of a generated file, if it has one.
fn stamp_of_bindings(generated: &str) -> Option<&str> {
    generated
        .lines()
        .take(10)
        .find_map(|line| line.strip_prefix(stamp::MARK))
        .map(str::trim)
}
