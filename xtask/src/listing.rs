//! The public API of the published crates, item by item. It is checked in, so that changes show in diffs.
//!
//! It is read from rustdoc's JSON output. That is unstable: it must be enabled, and each version of the compiler has
//! its own format.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail};
use similar::TextDiff;

use crate::workspace;

/// The crates whose public API is listed.
pub(crate) const CRATES: [&str; 4] = ["docr", "docr-api", "docr-redis", "docr-sandbox"];

/// The features with which they are documented: all that add items.
const FEATURES: &str = "docr/certificate-check,docr/credential-files,docr/file-budget,docr/kubernetes,docr/oci,\
                        docr/retention,docr/schemars,docr-sandbox/record";

/// Set when this program is run in place of rustdoc.
const STAND_IN: &str = "DOCR_XTASK_IS_RUSTDOC";
/// Set in CI, where nothing may be skipped.
const REQUIRE_TOOLS: &str = "DOCR_REQUIRE_TOOLS";

/// Runs rustdoc with the arguments from cargo, and with JSON output enabled. Setting the variable for cargo would
/// rebuild every dependency. `None` if this program was not run in place of rustdoc.
pub(crate) fn as_rustdoc() -> Option<ExitCode> {
    env::var_os(STAND_IN)?;
    let status = Command::new("rustdoc")
        .args(env::args_os().skip(1))
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    Some(match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    let mut differs = false;
    for (name, json) in json(root)? {
        let Some(listing) = listing(&json)? else {
            return Ok(());
        };
        let path = root.join("crates").join(name).join("public-api.txt");
        let before = fs::read_to_string(&path).unwrap_or_default();
        if before == listing {
            continue;
        }
        if !check {
            fs::write(&path, listing).with_context(|| path.display().to_string())?;
            println!("wrote crates/{name}/public-api.txt");
            continue;
        }
        differs = true;
        let diff = TextDiff::from_lines(&before, &listing);
        print!(
            "{}",
            diff.unified_diff()
                .context_radius(0)
                .header(name, "current")
        );
    }
    if differs {
        bail!("the public API has changed; if that is intended, run `cargo xtask public-api`");
    }
    if check {
        println!("the public API is up to date");
    }
    Ok(())
}

/// Runs rustdoc for the crates; returns each with the path of its JSON output.
pub(crate) fn json(root: &Path) -> Result<[(&'static str, PathBuf); CRATES.len()]> {
    let own = env::current_exe()?;
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["doc", "--quiet", "--no-deps", "--lib"])
        // With its features, dependencies are shared with other builds, and there is a version of Kubernetes.
        .args(["--package", "docr-third-parties"])
        .args(CRATES.iter().flat_map(|name| ["--package", name]))
        .args(["--features", FEATURES])
        .env("RUSTDOC", own)
        .env(
            "RUSTDOCFLAGS",
            "-Z unstable-options --output-format json --cap-lints allow",
        )
        .env(STAND_IN, "1")
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let directory = workspace::target(root).join("doc");
    let file = |name: &str| directory.join(format!("{}.json", name.replace('-', "_")));
    Ok(CRATES.map(|name| (name, file(name))))
}

/// One line per item; `None` if the format of this compiler is not supported, which is an error in CI.
fn listing(json: &Path) -> Result<Option<String>> {
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    match api {
        Ok(api) => Ok(Some(format!("{api}\n").replace("\n\n", "\n"))),
        Err(error) if env::var_os(REQUIRE_TOOLS).is_some() => Err(error.into()),
        Err(error) => {
            println!(
                "skipped: the JSON format of this compiler's rustdoc is not supported ({error})"
            );
            Ok(None)
        }
    }
}
