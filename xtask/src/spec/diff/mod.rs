//! Comparing two OpenAPI files: what clients and servers must agree on, not the prose.

mod deviations;
mod difference;
mod document;
mod facts;
#[cfg(test)]
mod mutations;
mod reference;
mod schema;
mod scope;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use self::{
    deviations::{Deviations, Verdict},
    difference::Difference,
    facts::{Facts, Reading},
    scope::Rest,
};
use crate::spec;

/// The list of intended differences, with their reasons.
const DEVIATIONS: &str = "openapi/deviations.toml";

/// The maximum number of broken references that are shown.
const SHOWN_REFERENCES: usize = 5;

/// Compares the spec with the file. Fails on an unlisted difference, and on a listed one that doesn't exist or could
/// hide another.
pub(crate) fn run(root: &Path, file: &Path) -> Result<()> {
    let (_, ours) = spec::load(root)?;
    let ours = Ours::of(&ours)?;
    let theirs = document::read(file, &ours.paths)?;
    let listed = fs::read_to_string(root.join(DEVIATIONS))
        .with_context(|| format!("cannot read {DEVIATIONS}"))?;
    let deviations = Deviations::parse(&listed).context(DEVIATIONS)?;

    let comparison = Comparison::of(&ours, &theirs)
        .with_context(|| format!("cannot compare {}", file.display()))?;
    let verdict = comparison.judge(&deviations);
    for line in verdict.lines() {
        println!("{line}");
    }
    println!("{}", comparison.summary(&verdict));
    if !verdict.is_clean() {
        bail!(
            "correct {}, or list intended differences in {DEVIATIONS}, with their reasons",
            spec::PATH
        );
    }
    Ok(())
}

/// Our description.
struct Ours<'a> {
    paths: BTreeSet<&'a str>,
    operations: usize,
    facts: Facts,
}

impl<'a> Ours<'a> {
    fn of(document: &'a Value) -> Result<Self> {
        let paths = scope::paths(document);
        let facts = whole(facts::of(document, &paths)).context(spec::PATH)?;
        Ok(Self {
            paths,
            operations: spec::operations(document).count(),
            facts,
        })
    }
}

/// The comparison of our description with another, for our paths.
struct Comparison<'a> {
    ours: &'a Ours<'a>,
    theirs: Facts,
    differences: Vec<Difference>,
    rest: Rest,
}

impl<'a> Comparison<'a> {
    fn of(ours: &'a Ours<'a>, theirs: &Value) -> Result<Self> {
        let rest = scope::rest(theirs, &ours.paths);
        let theirs = whole(facts::of(theirs, &ours.paths))?;
        let mut differences = difference::compare(&ours.facts, &theirs);
        differences.extend_from_slice(&rest.nearby);
        Ok(Self {
            ours,
            theirs,
            differences,
            rest,
        })
    }

    fn judge<'b>(&'b self, deviations: &'b Deviations) -> Verdict<'b> {
        deviations.judge(&self.differences, &self.ours.facts, &self.theirs)
    }

    fn summary(&self, verdict: &Verdict<'_>) -> String {
        format!(
            "{} operations, {} differences, {} of them not listed in {DEVIATIONS}; {} related operations that {} lacks; \
             {} other operations, which are not compared",
            self.ours.operations,
            self.differences.len(),
            verdict.unlisted.len(),
            self.rest.nearby.len(),
            spec::PATH,
            self.rest.elsewhere,
        )
    }
}

/// The facts, or an error if a part of the description could not be read.
fn whole(reading: Reading) -> Result<Facts> {
    let unread = &reading.unread;
    if unread.is_empty() {
        return Ok(reading.facts);
    }
    let shown = unread.iter().take(SHOWN_REFERENCES);
    let shown = shown.map(|(reference, at)| format!("\n  {reference:?}, of {at}"));
    let more = match unread.len().saturating_sub(SHOWN_REFERENCES) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    bail!(
        "{} of its references cannot be followed within the file; bundle the description into one file first:{}{more}",
        unread.len(),
        shown.collect::<String>(),
    )
}
