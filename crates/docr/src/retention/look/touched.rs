//! A look at the deletions and at what is new only, where the lists are long and sorted newest first.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::Duration,
};

use chrono::{DateTime, Utc};
use docr_api::types::{RepositoryManifest, RepositoryTag};

use super::{Look, Place, Scope};
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
#[derive(Clone, Copy, Default)]
pub(in crate::retention) struct Gone {
    pub(in crate::retention) tags: u64,
    pub(in crate::retention) manifests: u64,
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
        let is_old = |time: Option<DateTime<Utc>>| time.is_some() && time <= known.last_push;
        let has_tag = |tag: &RepositoryTag| {
            is_old(tag.updated_at)
                && known
                    .subjects
                    .contains(&Subject::Tag(tag.tag.as_str().into()))
        };
        let has_manifest = |manifest: &RepositoryManifest| {
            let subject = Subject::Manifest(manifest.digest.as_str().into());
            is_old(manifest.updated_at) && known.subjects.contains(&subject)
        };
        if !tags.iter().all(has_tag) || !manifests.iter().all(has_manifest) {
            return Ok(None);
        }
        let mut look = Self {
            at,
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
