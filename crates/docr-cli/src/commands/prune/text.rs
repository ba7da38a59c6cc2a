//! A plan as text.

use anyhow::Result;
use docr::retention::{KeptLine, PlanLine, RetentionPlan};

use crate::output::{Cell, Columns, Text};

/// What would be deleted.
pub(super) fn deleted(text: &mut Text, plan: &RetentionPlan) -> Result<()> {
    for warning in &plan.warnings {
        text.say(format_args!("warning: {warning}"));
    }
    let columns = Columns::new(|line: &PlanLine| line.image.clone(), "")
        .column("repository", 1, |line| Cell::text(&line.repository))
        .column("delete", 1, |line| Cell::text(&line.goes))
        .column("image", 4, |line| Cell::Digest(line.image.clone()))
        .column("pushed", 3, |line| match line.pushed {
            Some(time) => Cell::text(time.format("%Y-%m-%d").to_string()),
            None => Cell::text("unknown"),
        })
        .column("size", 5, |line| Cell::some(line.size_bytes, Cell::Bytes))
        .column("reason", 2, |line| Cell::text(&line.why));
    text.table(&plan.lines(), &columns)?;
    text.say(plan.summary());
    Ok(())
}

/// What is kept, and why.
pub(super) fn kept(text: &mut Text, plan: &RetentionPlan) -> Result<()> {
    let columns = Columns::new(|line: &KeptLine| line.stays.clone(), "")
        .column("repository", 1, |line| Cell::text(&line.repository))
        .column("keep", 1, |line| Cell::text(&line.stays))
        .column("reason", 2, |line| Cell::text(&line.why));
    text.table(&plan.kept_lines(), &columns)
}
