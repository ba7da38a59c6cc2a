//! A look at the deletions and at what is new only, where the lists are long and sorted newest first.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::Duration,
};

use chrono::{DateTime, Utc};
use docr_api::types::{RepositoryManifest, RepositoryTag};

use super::{Known, Look, Place, Scope};
use crate::{
    List, Result,
    list::MAX_PER_PAGE,
    retention::{
        inventory::ManifestRecord,
        manifest::ManifestReader,
        plan::{Deletion, Subject},
        whole::{SEARCH, is_newest_first},
    },
};

/// How many tags and manifests of a repository were deleted since the plan was made.
#[derive(Clone, Copy)]
pub(in crate::retention) struct Gone {
    tags: u64,
    manifests: u64,
}

impl Gone {
    /// Counts these.
    pub(in crate::retention) fn of<'a>(subjects: impl Iterator<Item = &'a Subject>) -> Self {
        let (mut tags, mut manifests) = (0, 0);
        for subject in subjects {
            match subject {
                Subject::Tag(_) => tags += 1,
                Subject::Manifest(_) => manifests += 1,
            }
        }
        Self { tags, manifests }
    }
}

impl Known<'_> {
    /// Whether the plan knows all of these, and none was pushed since.
    fn has_all(&self, tags: &[RepositoryTag], manifests: &[RepositoryManifest]) -> bool {
        let is_old = |time: Option<DateTime<Utc>>| time.is_some() && time <= self.last_push;
        let has_tag = |tag: &RepositoryTag| {
            let subject = Subject::Tag(tag.tag.as_str().into());
            is_old(tag.updated_at) && self.subjects.contains(&subject)
        };
        let has_manifest = |manifest: &RepositoryManifest| {
            let subject = Subject::Manifest(manifest.digest.as_str().into());
            is_old(manifest.updated_at) && self.subjects.contains(&subject)
        };
        tags.iter().all(has_tag) && manifests.iter().all(has_manifest)
    }
}

impl Look {
    /// Looks at the pages with the deletions that are left, and at the first ones, where anything new would be. `None` if the
    /// lists differ in any other way from those that the plan was made from: then they must be read in full.
    pub(super) async fn at_what_is_touched<R: ManifestReader>(
        scope: &Scope<'_, R>,
        left: &VecDeque<&Deletion>,
        gone: Gone,
        at: Duration,
    ) -> Result<Option<Self>> {
        let known = scope.known;
        let tags = known.tags.saturating_sub(gone.tags);
        let manifests = known.manifests.saturating_sub(gone.manifests);
        let pages = tags
            .div_ceil(MAX_PER_PAGE)
            .saturating_add(manifests.div_ceil(MAX_PER_PAGE));
        if !known.is_newest_first || (left.len() as u64).saturating_mul(SEARCH) >= pages {
            return Ok(None);
        }
        let (repository, calls) = (scope.repository, scope.calls);
        let list = || calls.list(repository.tags());
        let mut tags = Sorted::new(list, tags, |tag: &RepositoryTag| tag.updated_at);
        let list = || calls.list(repository.manifests());
        let time = |manifest: &RepositoryManifest| manifest.updated_at;
        let mut manifests = Sorted::new(list, manifests, time);
        if tags.page(1).await?.is_none() || manifests.page(1).await?.is_none() {
            return Ok(None);
        }
        for deletion in left {
            let Some(time) = deletion.updated_at else {
                return Ok(None);
            };
            let is_there = match &deletion.subject {
                Subject::Tag(tag) => tags.find(time, |item| tag == &item.tag).await?,
                Subject::Manifest(digest) => {
                    manifests.find(time, |item| digest == &item.digest).await?
                }
            };
            if !is_there {
                return Ok(None);
            }
        }
        let (tags, manifests) = (tags.into_items(), manifests.into_items());
        if !known.has_all(&tags, &manifests) {
            return Ok(None);
        }
        let mut look = Self {
            at,
            ended: at,
            has_all_tags: false,
            is_agreed: false,
            tags: HashMap::new(),
            manifests: HashMap::new(),
            doubt: None,
            renewed: HashSet::new(),
            needed: HashSet::new(),
            going: super::manifests_of(left),
        };
        for tag in tags {
            let place = Place {
                digests: tag.manifest_digest.into_iter().map(Into::into).collect(),
                updated_at: tag.updated_at,
            };
            look.tags.insert(tag.tag.into(), place);
        }
        look.take_in(manifests.into_iter().map(ManifestRecord::from));
        Ok(Some(look))
    }
}

/// A list that is sorted newest first, of which some pages are read.
struct Sorted<T, L> {
    list: L,
    total: u64,
    time: fn(&T) -> Option<DateTime<Utc>>,
    pages: BTreeMap<u64, Vec<T>>,
}

impl<T: Send + 'static, L: Fn() -> List<T>> Sorted<T, L> {
    fn new(list: L, total: u64, time: fn(&T) -> Option<DateTime<Utc>>) -> Self {
        Self {
            list,
            total,
            time,
            pages: BTreeMap::new(),
        }
    }

    fn last_page(&self) -> u64 {
        self.total.div_ceil(MAX_PER_PAGE).max(1)
    }

    /// A page, if the list has the expected length and the page is sorted.
    async fn page(&mut self, number: u64) -> Result<Option<&[T]>> {
        if !self.pages.contains_key(&number) {
            let page = (self.list)().page(number).await?;
            let before = number.saturating_sub(1).saturating_mul(MAX_PER_PAGE);
            let expected = self.total.saturating_sub(before).min(MAX_PER_PAGE);
            let is_whole = page.total == Some(self.total) && page.items.len() as u64 == expected;
            if !is_whole || !is_newest_first(page.items.iter().map(self.time)) {
                return Ok(None);
            }
            self.pages.insert(number, page.items);
        }
        Ok(self.pages.get(&number).map(Vec::as_slice))
    }

    /// Reads the pages where an item of this time would be, and returns whether it exists.
    async fn find(&mut self, time: DateTime<Utc>, is_it: impl Fn(&T) -> bool) -> Result<bool> {
        let (mut first, mut last) = (1, self.last_page());
        while first < last {
            let middle = first.midpoint(last);
            match self.oldest(middle).await? {
                None => return Ok(false),
                Some(oldest) if oldest > time => first = middle.saturating_add(1),
                Some(_) => last = middle,
            }
        }
        // Many may have the same time, so it may be on a later page.
        while let Some(page) = self.page(first).await? {
            if page.iter().any(&is_it) {
                return Ok(true);
            }
            let ends_here = self.oldest(first).await?.is_none_or(|oldest| oldest < time);
            if ends_here || first >= self.last_page() {
                break;
            }
            first = first.saturating_add(1);
        }
        Ok(false)
    }

    /// The time of the last item of a page.
    async fn oldest(&mut self, number: u64) -> Result<Option<DateTime<Utc>>> {
        let time = self.time;
        let page = self.page(number).await?;
        Ok(page.and_then(<[T]>::last).and_then(time))
    }

    fn into_items(self) -> Vec<T> {
        self.pages.into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chrono::TimeDelta;
    use docr_api::{operations, types::PageMeta};

    use super::*;
    use crate::list::{PageRequest, PageResponse};

    type Item = (u64, DateTime<Utc>);

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    type Fetched = Arc<Mutex<Vec<u64>>>;

    /// A list of 500 items on three pages, by the hour of each. Also returns the pages that are fetched.
    fn list_of(hour: fn(u64) -> i64) -> (Sorted<Item, impl Fn() -> List<Item>>, Fetched) {
        const TOTAL: u64 = 500;
        let fetched = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&fetched);
        let list = move || {
            let log = Arc::clone(&log);
            List::new(
                operations::registries_list(),
                move |request: PageRequest| {
                    log.lock().unwrap().push(request.page);
                    let first = (request.page - 1) * MAX_PER_PAGE;
                    let items = first..TOTAL.min(first + MAX_PER_PAGE);
                    let mut meta = PageMeta::default();
                    meta.total = Some(TOTAL);
                    let response = PageResponse {
                        items: items.map(|item| (item, at(hour(item)))).collect(),
                        links: None,
                        meta: Some(meta),
                    };
                    async move { Ok(response) }
                },
            )
        };
        let sorted = Sorted::new(list, TOTAL, |(_, time): &Item| Some(*time));
        (sorted, fetched)
    }

    #[tokio::test]
    async fn an_item_is_searched_for_only_among_those_of_its_time() {
        let (mut sorted, fetched) = list_of(|item| -(item as i64));
        let found = sorted.find(at(-450), |(item, _)| *item == 450).await;
        assert!(found.unwrap());
        assert_eq!(*fetched.lock().unwrap(), [2, 3]);
        let (mut sorted, fetched) = list_of(|item| -(item as i64));
        assert!(!sorted.find(at(-10), |_| false).await.unwrap());
        assert_eq!(*fetched.lock().unwrap(), [2, 1]);
    }

    #[tokio::test]
    async fn all_items_with_the_same_time_are_searched_up_to_the_end_of_the_list() {
        let (mut sorted, fetched) = list_of(|_| 0);
        let found = sorted.find(at(0), |(item, _)| *item == 450).await;
        assert!(found.unwrap());
        assert!(!sorted.find(at(0), |_| false).await.unwrap());
        assert_eq!(*fetched.lock().unwrap(), [2, 1, 3]);
    }

    #[test]
    fn a_tag_or_manifest_that_is_unknown_or_was_pushed_since_is_noticed() {
        let subjects = [
            Subject::Tag("v1".into()),
            Subject::Manifest("sha256:01".into()),
        ];
        let known = Known {
            subjects: subjects.iter().collect(),
            last_push: Some(at(5)),
            ..Known::default()
        };
        let has_all = |tag: (&str, Option<i64>), manifest: (&str, Option<i64>)| {
            let tag = serde_json::json!({ "tag": tag.0, "updated_at": tag.1.map(at) });
            let manifest =
                serde_json::json!({ "digest": manifest.0, "updated_at": manifest.1.map(at) });
            let tag = serde_json::from_value(tag).unwrap();
            let manifest = serde_json::from_value(manifest).unwrap();
            known.has_all(&[tag], &[manifest])
        };
        let (tag, manifest) = (("v1", Some(5)), ("sha256:01", Some(4)));
        assert!(has_all(tag, manifest));
        for other in [("v2", Some(5)), ("v1", Some(6)), ("v1", None)] {
            assert!(!has_all(other, manifest), "{other:?}");
        }
        for other in [
            ("sha256:02", Some(4)),
            ("sha256:01", Some(6)),
            ("sha256:01", None),
        ] {
            assert!(!has_all(tag, other), "{other:?}");
        }
    }

    #[test]
    fn tags_and_manifests_are_counted_separately() {
        let subjects = [
            Subject::Tag("v1".into()),
            Subject::Manifest("sha256:01".into()),
            Subject::Tag("v2".into()),
        ];
        let gone = Gone::of(subjects.iter());
        assert_eq!((gone.tags, gone.manifests), (2, 1));
    }
}
