//! What keeps something from being deleted, by a look.

use chrono::TimeDelta;

use super::*;
use crate::retention::{inventory::TagRecord, reason::GoReason};

/// A look at a repository with these tags and their digests.
fn look(tags: &[(&str, &[&str])]) -> Look {
    let tags = tags.iter().map(|(tag, digests)| {
        let place = Place {
            digests: digests.iter().map(|digest| (*digest).into()).collect(),
            updated_at: None,
        };
        (SharedString::from(*tag), place)
    });
    Look {
        at: Duration::ZERO,
        ended: Duration::ZERO,
        has_all_tags: true,
        is_agreed: true,
        tags: tags.collect(),
        manifests: HashMap::new(),
        doubt: None,
        renewed: HashSet::new(),
        needed: HashSet::new(),
        going: HashSet::new(),
    }
}

/// The deletion of a tag at a digest.
fn tag(tag: &str, digest: &str) -> Deletion {
    Deletion {
        repository: "shop/api".into(),
        subject: Subject::Tag(tag.into()),
        digest: Some(digest.into()),
        updated_at: None,
        size_bytes: None,
        image: digest.into(),
        why: GoReason::Named,
        after: Vec::new(),
    }
}

#[test]
fn a_tag_is_deleted_only_if_the_lists_agree_that_it_points_to_its_digest() {
    let look = look(&[("v1", &["one"]), ("v2", &["one", "two"]), ("v3", &["two"])]);
    let outcome = |name| look.obstacle(&tag(name, "one"), |_| false);
    let changed = |why: &str| Some(Outcome::Changed(why.to_owned()));
    assert_eq!(outcome("v1"), None);
    assert_eq!(outcome("v2"), changed("the lists disagree on its digest"));
    assert_eq!(outcome("v3"), changed("it points to two now"));
    assert_eq!(outcome("v4"), Some(Outcome::GoneAlready));
}

#[test]
fn a_doubt_or_a_need_keeps_the_tags_of_images_that_are_deleted_as_a_whole_and_no_others() {
    let mut look = look(&[("v1", &["one"]), ("v2", &["two"])]);
    look.going.insert("one".into());
    look.doubt = Some("the lists changed");
    let (whole, single) = (tag("v1", "one"), tag("v2", "two"));
    let changed = |why: &str| Some(Outcome::Changed(why.to_owned()));
    let is_gone = |_: &Subject| false;
    assert_eq!(look.obstacle(&whole, is_gone), changed("the lists changed"));
    assert_eq!(look.obstacle(&single, is_gone), None);
    look.doubt = None;
    look.needed.extend(["one".into(), "two".into()]);
    let needed = "something pushed since the plan was made needs it";
    assert_eq!(look.obstacle(&whole, is_gone), changed(needed));
    assert_eq!(look.obstacle(&single, is_gone), None);
}

#[test]
fn what_is_new_is_read_only_if_a_manifest_can_be_deleted() {
    let mut look = look(&[]);
    assert!(look.is_settled());
    look.going.insert("one".into());
    assert!(!look.is_settled());
    look.doubt = Some("the lists changed");
    assert!(look.is_settled());
}

#[test]
fn tags_are_not_read_again_only_if_the_list_of_manifests_has_named_them_all() {
    let lists = |tags: &[&str], named: &[&str]| {
        let digest = SharedString::from("sha256:01");
        let tags = tags.iter().map(|tag| TagRecord {
            tag: (*tag).into(),
            digest: Some(digest.clone()),
            updated_at: None,
        });
        let named = named.iter().map(|tag| (*tag).into());
        RepositoryInventory {
            tags: tags.collect(),
            manifests: vec![ManifestRecord {
                digest: digest.clone(),
                tags: named.collect(),
                ..ManifestRecord::default()
            }],
            ..RepositoryInventory::default()
        }
    };
    assert!(names_all_tags(false, &lists(&["v1"], &["v1"])));
    assert!(names_all_tags(true, &lists(&[], &["v1"])));
    for did_before in [false, true] {
        assert!(!names_all_tags(did_before, &lists(&["v1", "v2"], &["v1"])));
    }
    // Without tags nothing shows it.
    assert!(!names_all_tags(false, &lists(&[], &[])));
}

#[test]
fn a_tag_whose_image_was_pushed_again_is_kept() {
    let mut look = look(&[("v1", &["one"]), ("v2", &["two"])]);
    look.renewed.insert("one".into());
    let outcome = |name, digest| look.obstacle(&tag(name, digest), |_| false);
    let why = "its image was pushed again".to_owned();
    assert_eq!(outcome("v1", "one"), Some(Outcome::Changed(why)));
    assert_eq!(outcome("v2", "two"), None);
}

#[test]
fn what_was_pushed_or_tagged_since_the_plan_is_new_once() {
    let at = |hour| Some(DateTime::UNIX_EPOCH + TimeDelta::hours(hour));
    let digests = ["known", "pushed", "retagged", "tagged", "unknown", "noted"];
    let subjects: Vec<_> = { digests.iter() }
        .filter(|digest| **digest != "unknown")
        .map(|digest| Subject::Manifest((*digest).into()))
        .chain(["v1", "v2"].map(|tag| Subject::Tag(tag.into())))
        .collect();
    let known = Known {
        subjects: subjects.iter().collect(),
        last_push: at(5),
        ..Known::default()
    };
    let mut look = look(&[
        ("v1", &["known"]),
        ("v2", &["retagged"]),
        ("v3", &["tagged"]),
    ]);
    for (tag, hour) in [("v1", 5), ("v2", 6), ("v3", 5)] {
        look.tags.get_mut(tag).unwrap().updated_at = at(hour);
    }
    for digest in digests {
        let now = Now {
            updated_at: at(if matches!(digest, "pushed" | "noted") {
                6
            } else {
                5
            }),
            tags: HashSet::new(),
        };
        look.manifests.insert(digest.into(), now);
    }
    for (tag, digest) in [("v1", "known"), ("v2", "retagged"), ("v3", "tagged")] {
        let now = look.manifests.get_mut(digest).unwrap();
        now.tags.insert(tag.into());
    }
    look.renewed.insert("noted".into());
    let news = look.news(&known);
    assert_eq!(
        news,
        ["pushed", "retagged", "tagged", "unknown"].map(SharedString::from)
    );
}

#[test]
fn a_manifest_is_deleted_with_its_tags_only_if_all_of_them_may_be_deleted() {
    let mut look = look(&[("v1", &["one"]), ("v2", &["one"])]);
    let now = Now {
        updated_at: None,
        tags: ["v1", "v2"].map(SharedString::from).into(),
    };
    look.manifests.insert("one".into(), now);
    let manifest = Deletion {
        subject: Subject::Manifest("one".into()),
        ..tag("", "one")
    };
    let (v1, v2) = (tag("v1", "one"), tag("v2", "one"));
    assert!(look.has_no_more(&manifest, &[&v1, &v2]));
    assert!(!look.has_no_more(&manifest, &[&v1]));
    look.tags.get_mut("v2").unwrap().digests = ["two".into()].into();
    assert!(!look.has_no_more(&manifest, &[&v1, &v2]));
}
