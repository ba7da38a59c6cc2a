//! Dependencies have licences that deny.toml allows and build with the declared Rust version; packages hold sources.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    rust_version: Option<String>,
    /// The registry; none for a package of the workspace.
    source: Option<String>,
    /// The registries to publish to: empty for `publish = false`.
    publish: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

/// The workspace and its dependencies on every platform.
static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(|| {
    let text = cargo(&["metadata", "--format-version", "1", "--locked"]);
    serde_json::from_str::<Metadata>(&text).unwrap().packages
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root())
        .args(arguments)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {message}");
    String::from_utf8(output.stdout).unwrap()
}

fn is_allowed(license: &str, allowed: &[String]) -> bool {
    // Older crates write `MIT/Apache-2.0`.
    let expression = Expression::parse_mode(license, ParseMode::LAX).unwrap();
    let allowed: Vec<_> = allowed
        .iter()
        .map(|id| Licensee::parse(id).unwrap())
        .collect();
    expression.evaluate(|needed| allowed.iter().any(|licensee| licensee.satisfies(needed)))
}

/// What deny.toml says of licences.
fn licenses() -> Licenses {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    toml::from_str::<Deny>(&text).unwrap().licenses
}

#[test]
fn each_dependency_has_an_allowed_licence_and_each_exception_is_needed() {
    let Licenses { allow, exceptions } = licenses();
    let mut needed = BTreeSet::new();
    let mut refused = Vec::new();
    for package in PACKAGES.iter() {
        let license = package.license.as_deref().unwrap_or_default();
        if is_allowed(license, &allow) {
            continue;
        }
        let exception = exceptions.iter().find(|one| one.name == package.name);
        match exception {
            Some(exception) if is_allowed(license, &exception.allow) => {
                needed.insert(&exception.name);
            }
            _ => refused.push(format!("{} {}: {license}", package.name, package.version)),
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    let listed: BTreeSet<_> = exceptions.iter().map(|one| &one.name).collect();
    assert_eq!(listed, needed, "exceptions in deny.toml and those needed");
}

#[test]
fn the_notices_of_a_release_know_the_licences_that_are_allowed() {
    let Licenses { allow, exceptions } = licenses();
    let excepted = exceptions.into_iter().flat_map(|one| one.allow);
    let allowed: BTreeSet<_> = allow.into_iter().chain(excepted).collect();
    let text = fs::read_to_string(root().join(".github/notices.toml")).unwrap();
    let notices = toml::from_str::<toml::Table>(&text).unwrap();
    let accepted = notices["accepted"].as_array().unwrap().iter();
    let accepted = accepted.map(|id| id.as_str().unwrap().to_owned());
    assert_eq!(accepted.collect::<BTreeSet<_>>(), allowed);
}

#[test]
fn each_dependency_is_from_crates_io() {
    let is_foreign =
        |source: &String| source != "registry+https://github.com/rust-lang/crates.io-index";
    let others: Vec<_> = PACKAGES
        .iter()
        .filter(|package| package.source.as_ref().is_some_and(is_foreign))
        .map(|package| &package.name)
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

/// Major, minor and patch version of Rust; missing parts are zero.
fn rust(version: &str) -> [u32; 3] {
    let mut parts = [0; 3];
    for (part, text) in parts.iter_mut().zip(version.split('.')) {
        *part = text.parse().unwrap();
    }
    parts
}

#[test]
fn no_dependency_needs_a_newer_rust_than_declared() {
    let docr = PACKAGES.iter().find(|package| package.name == "docr");
    let declared = docr.unwrap().rust_version.as_deref().unwrap();
    let newer: Vec<_> = PACKAGES
        .iter()
        .filter_map(|package| Some((package, package.rust_version.as_deref()?)))
        .filter(|(_, needed)| rust(needed) > rust(declared))
        .map(|(package, needed)| format!("{} {}: {needed}", package.name, package.version))
        .collect();
    assert!(newer.is_empty(), "newer than {declared}: {newer:#?}");
}

/// Whether a published crate needs the file, to be built or as documentation.
fn belongs_in_a_package(path: &str) -> bool {
    let path = Path::new(path);
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is_source = path.starts_with("src")
        && !path
            .components()
            .any(|part| part.as_os_str() == "snapshots")
        && matches!(
            extension,
            Some("rs" | "md" | "json" | "lua" | "css" | "js" | "svg")
        );
    let is_build_script = path.starts_with("build") && extension == Some("rs");
    let others = [
        ".cargo_vcs_info.json",
        "Cargo.lock",
        "Cargo.toml",
        "Cargo.toml.orig",
        "FIDELITY.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "build.rs",
    ];
    is_source || is_build_script || others.iter().any(|other| path == Path::new(other))
}

#[test]
fn a_package_holds_only_sources_readme_and_licences() {
    let is_published = |package: &&Package| package.source.is_none() && package.publish.is_none();
    let published: Vec<_> = PACKAGES.iter().filter(is_published).collect();
    assert_eq!(published.len(), 5, "the published crates");
    for Package { name, .. } in published {
        let list = cargo(&["package", "--list", "--allow-dirty", "--package", name]);
        let files: BTreeSet<_> = list.lines().collect();
        let foreign: Vec<_> = files
            .iter()
            .filter(|file| !belongs_in_a_package(file))
            .collect();
        assert!(foreign.is_empty(), "{name}: {foreign:?}");
        for needed in ["README.md", "LICENSE-APACHE", "LICENSE-MIT", "src/lib.rs"] {
            assert!(files.contains(needed), "{name} lacks {needed}");
        }
    }
}
