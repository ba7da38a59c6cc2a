//! A plan as text for people, on one screen.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};

use super::{
    manifest::subject_of_tag,
    plan::{Deletion, RetentionPlan, Subject},
    reason::{GoReason, KeepReason},
    table::{Table, bytes, clean, count, day, short},
};

/// How many names of a group are printed.
const SHOWN: usize = 5;

/// An image to delete, as a line of a table for people. See the [example](RetentionPlan::lines).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanLine {
    /// Its repository.
    pub repository: String,
    /// Its tags to delete, and what is deleted with them.
    pub goes: String,
    /// The digest of the image.
    pub image: String,
    /// When it was last pushed.
    pub pushed: Option<DateTime<Utc>>,
    /// Its stored bytes, including those shared with others.
    pub size_bytes: Option<u64>,
    /// The reason.
    pub why: String,
}

/// What is kept for the same reason, as a line of a table for people. See the [example](RetentionPlan::kept_lines).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptLine {
    /// The repository.
    pub repository: String,
    /// Tags, and digests of untagged manifests: the first few of many.
    pub stays: String,
    /// The reason.
    pub why: String,
}

impl RetentionPlan {
    /// The images to delete, oldest first: the lines of the table that `Display` prints.
    ///
    /// ```
    /// # fn example(plan: docr::retention::RetentionPlan) {
    /// for line in plan.lines() {
    ///     println!("{}:{} ({})", line.repository, line.goes, line.why);
    /// }
    /// # }
    /// ```
    pub fn lines(&self) -> Vec<PlanLine> {
        let images = self.images_that_go();
        images.iter().map(|image| line(image)).collect()
    }

    /// What is kept, and why: the lines of [`kept_table`](Self::kept_table).
    ///
    /// ```
    /// # fn example(plan: docr::retention::RetentionPlan) {
    /// for line in plan.kept_lines() {
    ///     println!("{}: {} ({})", line.repository, line.stays, line.why);
    /// }
    /// # }
    /// ```
    pub fn kept_lines(&self) -> Vec<KeptLine> {
        let mut groups = BTreeMap::<_, Vec<String>>::new();
        for kept in &self.kept {
            let name = match (&kept.subject, &kept.reason) {
                // The tag has a line.
                (Subject::Manifest(_), KeepReason::TaggedAs(_)) => continue,
                (Subject::Tag(tag), _) => shown(tag),
                (Subject::Manifest(digest), _) => short(digest),
            };
            let (rank, why) = group(&kept.reason);
            groups
                .entry((&kept.repository, rank, why))
                .or_default()
                .push(name);
        }
        for repository in &self.unread_repositories {
            let (rank, why) = group(&KeepReason::NoRule);
            groups.insert((repository, rank, why), vec!["everything".to_owned()]);
        }
        let lines = groups.into_iter().map(|((repository, _, why), names)| {
            let shown: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
            let more = match names.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            KeptLine {
                repository: clean(repository),
                stays: format!("{}{more}", shown.join(", ")),
                why,
            }
        });
        lines.collect()
    }

    /// What is kept, and why, as a table with a line for each reason.
    ///
    /// ```
    /// # let json = r#"{"version":2,"registry":"acme-images","read_at":"2026-06-01T00:00:00Z","deletions":[],"kept":[],"warnings":[],"freed_bytes":0,"images":0,"last_pushes":{}}"#;
    /// # let plan = docr::retention::RetentionPlan::from_json(json)?;
    /// assert_eq!(plan.kept_table(), "REPOSITORY  KEEP  WHY\n");
    /// # Ok::<(), docr::retention::PlanError>(())
    /// ```
    pub fn kept_table(&self) -> String {
        let mut table = Table::new(["REPOSITORY", "KEEP", "WHY"]);
        for line in self.kept_lines() {
            table.row([line.repository, line.stays, line.why]);
        }
        table.to_string()
    }

    /// A line for each repository that is deleted as a whole, and the totals.
    ///
    /// ```
    /// # let json = r#"{"version":2,"registry":"acme-images","read_at":"2026-06-01T00:00:00Z","deletions":[],"kept":[],"warnings":[],"freed_bytes":0,"images":0,"last_pushes":{}}"#;
    /// # let plan = docr::retention::RetentionPlan::from_json(json)?;
    /// assert_eq!(plan.summary(), "Nothing to delete; 0 images kept.");
    /// # Ok::<(), docr::retention::PlanError>(())
    /// ```
    pub fn summary(&self) -> String {
        let mut lines: Vec<_> = self
            .whole_repositories
            .iter()
            .map(|repository| {
                let repository = clean(repository);
                format!(
                    "The repository {repository} will be deleted as a whole: nothing in it is kept."
                )
            })
            .collect();
        lines.push(self.totals());
        lines.join("\n")
    }

    fn totals(&self) -> String {
        let staying = self.images.saturating_sub(self.images_going());
        if self.is_empty() {
            return format!("Nothing to delete; {} kept.", count(staying, "image"));
        }
        let tags = self.count(|subject| matches!(subject, Subject::Tag(_)));
        let manifests = self.count(|subject| matches!(subject, Subject::Manifest(_)));
        format!(
            "{} will be deleted ({} and {}), {} kept; frees {}{}.",
            count(self.images_going(), "image"),
            count(tags as u64, "tag"),
            count(manifests as u64, "manifest"),
            count(staying, "image"),
            match self.is_freed_at_most {
                true => "at most ",
                false => "",
            },
            bytes(self.freed_bytes),
        )
    }

    fn count(&self, is_it: impl Fn(&Subject) -> bool) -> usize {
        let deletions = self.deletions.iter();
        deletions
            .filter(|deletion| is_it(&deletion.subject))
            .count()
    }

    /// The deletions, image by image.
    fn images_that_go(&self) -> Vec<Vec<&Deletion>> {
        let mut images = BTreeMap::<_, Vec<_>>::new();
        for deletion in &self.deletions {
            images
                .entry((&deletion.repository, &deletion.image))
                .or_default()
                .push(deletion);
        }
        let mut images: Vec<_> = images.into_values().collect();
        // The oldest first.
        images.sort_by_key(|image| {
            let first = image.first();
            first.map(|deletion| (&deletion.repository, deletion.updated_at, &deletion.subject))
        });
        images
    }
}

/// The rank of the line that a reason is printed in, and its words there.
fn group(reason: &KeepReason) -> (u8, String) {
    match reason {
        KeepReason::Newest(_) => (0, "among the newest".to_owned()),
        KeepReason::Version(_) => (0, "of a kept version".to_owned()),
        KeepReason::SameImageAs(_) => (1, "same image as a protected tag".to_owned()),
        KeepReason::InUse(_) => (1, "in use".to_owned()),
        KeepReason::PartOf(_) => (3, "belong to kept images".to_owned()),
        KeepReason::MaybePartOf(_) => (3, "may be part of an unreadable image".to_owned()),
        reason => (2, reason.to_string()),
    }
}

impl fmt::Display for RetentionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if !self.is_empty() {
            let mut table = Table::new(["REPOSITORY", "DELETE", "IMAGE", "PUSHED", "SIZE", "WHY"]);
            for line in self.lines() {
                table.row([
                    line.repository,
                    line.goes,
                    short(&line.image),
                    line.pushed.map_or_else(|| "unknown".into(), day),
                    line.size_bytes.map_or_else(String::new, bytes),
                    line.why,
                ]);
            }
            writeln!(f, "{table}")?;
        }
        writeln!(f, "{}", self.summary())
    }
}

/// A tag; the digest in the tag of a signature is abbreviated.
fn shown(tag: &str) -> String {
    match (subject_of_tag(tag), tag.split_once('-')) {
        (Some(_), Some((algorithm, rest))) => {
            let (hex, suffix) = rest
                .split_once('.')
                .map_or((rest, String::new()), |(hex, end)| (hex, format!(".{end}")));
            let hex: String = hex.chars().take(12).collect();
            clean(&format!("{algorithm}-{hex}...{suffix}"))
        }
        _ => clean(tag),
    }
}

/// The line of an image: its tags, and how many manifests are deleted with it.
fn line(image: &[&Deletion]) -> PlanLine {
    let own = |deletion: &&&Deletion| deletion.digest.as_deref() == Some(deletion.image.as_str());
    let (mut tags, mut manifest, mut others) = (Vec::new(), false, 0);
    for deletion in image {
        match &deletion.subject {
            Subject::Tag(tag) if own(&deletion) => tags.push(shown(tag)),
            Subject::Manifest(_) if own(&deletion) => manifest = true,
            Subject::Manifest(_) => others += 1,
            Subject::Tag(_) => {}
        }
    }
    let more = tags.len().saturating_sub(SHOWN);
    tags.truncate(SHOWN);
    let mut goes = match (tags.is_empty(), manifest) {
        (true, _) => "untagged".to_owned(),
        (false, true) => tags.join(", "),
        (false, false) => format!("{} (tag only)", tags.join(", ")),
    };
    if more > 0 {
        goes += &format!(" and {more} more");
    }
    if others > 0 {
        goes += &format!(" with {others} that belong to it");
    }
    let main = image.iter().find(own).or(image.first());
    let pushed = image
        .iter()
        .filter(own)
        .map(|deletion| deletion.updated_at)
        .max()
        .flatten();
    PlanLine {
        repository: main.map_or_else(String::new, |deletion| clean(&deletion.repository)),
        goes,
        image: main.map_or_else(String::new, |deletion| deletion.image.to_string()),
        pushed,
        size_bytes: main.and_then(|deletion| deletion.size_bytes),
        why: main.map_or_else(String::new, |deletion| match &deletion.why {
            GoReason::WithImage(_) => "belongs to a deleted image".to_owned(),
            why => why.to_string(),
        }),
    }
}
