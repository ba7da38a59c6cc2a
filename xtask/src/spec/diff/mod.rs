//! Comparing two OpenAPI files in structure: what a client and a server must agree on, not how it is worded.

mod deviations;
mod difference;
mod facts;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use self::{deviations::Deviations, difference::compare};
use crate::spec;

/// Where the differences that are meant stand, each with its reason.
const DEVIATIONS: &str = "openapi/deviations.toml";

/// Compares the spec with the file, and fails on a difference that isn't listed, and on a listed one that isn't
/// there.
pub(crate) fn run(root: &Path, file: &Path) -> Result<()> {
    let (_, ours) = spec::load(root)?;
    let text =
        fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let theirs =
        spec::parse(&text).with_context(|| format!("{} is not well-formed", file.display()))?;
    let listed = fs::read_to_string(root.join(DEVIATIONS))
        .with_context(|| format!("{DEVIATIONS} can't be read"))?;
    let deviations = Deviations::parse(&listed).context(DEVIATIONS)?;

    let differences = compare(&facts::of(&ours), &facts::of(&theirs));
    let verdict = deviations.judge(&differences);
    for difference in &verdict.unlisted {
        println!("{}: {}", difference.at, difference.what);
    }
    for entry in &verdict.stale {
        println!("{DEVIATIONS}: nothing differs at {entry:?}");
    }
    println!(
        "{} operations, {} differences, {} of them not listed in {DEVIATIONS}",
        spec::operations(&ours).count(),
        differences.len(),
        verdict.unlisted.len(),
    );
    if !verdict.unlisted.is_empty() || !verdict.stale.is_empty() {
        bail!("the specs differ; mend openapi/docr.yaml, or list the difference with its reason");
    }
    Ok(())
}
