//! A plan for people: what goes and what stays, on one screen.

use std::{collections::BTreeMap, fmt};

use super::{
    manifest::subject_of_tag,
    plan::{Deletion, RetentionPlan, Subject},
    reason::{GoReason, KeepReason},
    table::{Table, bytes, clean, count, day, short},
};

/// How many names of a group are shown.
const SHOWN: usize = 5;

impl RetentionPlan {
    /// What stays, and why, as a table: what stays for the same reason in one line.
    pub fn kept_table(&self) -> String {
        let mut groups = BTreeMap::<_, Vec<String>>::new();
        for kept in &self.kept {
            let name = match (&kept.subject, &kept.reason) {
                // The line of the tag says it.
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
        let mut table = Table::new(["REPOSITORY", "STAYS", "WHY"]);
        for ((repository, _, why), names) in groups {
            let shown = names
                .iter()
                .take(SHOWN)
                .map(String::as_str)
                .collect::<Vec<_>>();
            let more = match names.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            table.row([
                clean(repository),
                format!("{}{more}", shown.join(", ")),
                why,
            ]);
        }
        table.to_string()
    }

    fn count(&self, is_it: impl Fn(&Subject) -> bool) -> usize {
        let deletions = self.deletions.iter();
        deletions
            .filter(|deletion| is_it(&deletion.subject))
            .count()
    }

    /// What goes, image by image.
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

/// What is put together in one line, where it stands, and how it is put in words.
fn group(reason: &KeepReason) -> (u8, String) {
    match reason {
        KeepReason::Newest(_) => (0, "among the newest".to_owned()),
        KeepReason::Version(_) => (0, "of a version that is kept".to_owned()),
        KeepReason::SameImageAs(_) => (1, "same image as one that is protected".to_owned()),
        KeepReason::InUse(_) => (1, "in use".to_owned()),
        KeepReason::PartOf(_) => (3, "belong to images that stay".to_owned()),
        KeepReason::MaybePartOf(_) => (3, "may be part of one that can't be read".to_owned()),
        reason => (2, reason.to_string()),
    }
}

impl fmt::Display for RetentionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let staying = self.images.saturating_sub(self.images_going());
        if self.is_empty() {
            return writeln!(f, "Nothing goes; {}.", says(staying, "stay"));
        }
        let mut table = Table::new(["REPOSITORY", "GOES", "IMAGE", "PUSHED", "SIZE", "WHY"]);
        for image in self.images_that_go() {
            table.row(row(&image));
        }
        writeln!(f, "{table}")?;
        writeln!(
            f,
            "{} ({} and {}), {}; {} to free.",
            says(self.images_going(), "go"),
            count(
                self.count(|subject| matches!(subject, Subject::Tag(_))) as u64,
                "tag"
            ),
            count(
                self.count(|subject| matches!(subject, Subject::Manifest(_))) as u64,
                "manifest"
            ),
            says(staying, "stay"),
            bytes(self.freed_bytes),
        )
    }
}

/// A tag; the digest in that of a signature is cut.
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

/// How many images do something.
fn says(images: u64, verb: &str) -> String {
    match (images, verb) {
        (1, "go") => "1 image goes".to_owned(),
        (1, _) => format!("1 image {verb}s"),
        _ => format!("{images} images {verb}"),
    }
}

/// The line of an image: its tags, and how many manifests go with it.
fn row(image: &[&Deletion]) -> [String; 6] {
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
        (false, false) => format!("{}, the tag alone", tags.join(", ")),
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
    [
        main.map_or_else(String::new, |deletion| clean(&deletion.repository)),
        goes,
        main.map_or_else(String::new, |deletion| short(&deletion.image)),
        pushed.map_or_else(|| "unknown".into(), day),
        main.and_then(|deletion| deletion.size_bytes)
            .map_or_else(String::new, bytes),
        main.map_or_else(String::new, |deletion| match &deletion.why {
            GoReason::WithImage(_) => "belongs to an image that goes".to_owned(),
            why => why.to_string(),
        }),
    ]
}
