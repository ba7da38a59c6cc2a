//! Fails the build if the bindings are older than the spec. A packaged crate has no spec beside it, and
//! nothing is checked.

#[path = "build/stamp.rs"]
mod stamp;

use std::{fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/stamp.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let spec_path = root.join("../../openapi/docr.yaml");
    if !spec_path.is_file() {
        return;
    }
    println!("cargo::rerun-if-changed={}", spec_path.display());
    println!("cargo::rerun-if-changed=src/generated.rs");

    let (Ok(spec), Ok(generated)) = (
        fs::read_to_string(&spec_path),
        fs::read_to_string(root.join("src/generated.rs")),
    ) else {
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
