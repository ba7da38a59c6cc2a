//! The paths named in the contributors' pages exist.

use std::{fs, path::Path};

/// The tokens in backticks that are paths.
fn paths(text: &str) -> Vec<&str> {
    let tokens = text.split('`').skip(1).step_by(2);
    let is_path = |token: &&str| {
        !token.contains([' ', '(', '!'])
            && (token.contains('/') || token.ends_with(".rs") || token.ends_with(".yaml"))
    };
    tokens.filter(is_path).collect()
}

#[test]
fn each_path_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // A path is relative to the root, or to the crate that its table or row is about.
    let bases = ["", "crates/docr/src", "crates/docr-api", "xtask/src"];
    let exists = |path: &&&str| {
        bases
            .iter()
            .any(|base| root.join(base).join(**path).exists())
    };
    for (page, least) in [
        ("ARCHITECTURE.md", 30),
        ("CONTRIBUTING.md", 10),
        ("RELIABILITY.md", 5),
        ("SECURITY.md", 10),
    ] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let paths = paths(&text);
        assert!(paths.len() >= least, "{page}: {paths:?}");
        let missing: Vec<_> = paths.iter().filter(|path| !exists(path)).collect();
        assert!(missing.is_empty(), "{page}: {missing:?}");
    }
}
