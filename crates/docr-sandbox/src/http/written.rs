//! A cache of serialised pages of lists.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;

use crate::model::revision::Revision;

/// How many pages are kept.
const MOST: usize = 64;
/// The largest page that is kept, in bytes: a manifest with very many tags makes larger ones.
const LARGEST: usize = 256 * 1024;

/// Everything that a page depends on.
#[derive(PartialEq, Eq)]
pub(crate) struct Key {
    /// The revision of the list.
    pub(crate) revision: Revision,
    /// The part of the list, and what its links consist of.
    pub(crate) page: String,
}

/// The place of one page in the cache.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<OnceLock<Bytes>>);

impl Slot {
    /// The page, if it was kept.
    pub(crate) fn get(&self) -> Option<Bytes> {
        self.0.get().cloned()
    }

    /// Keeps the page, unless it is too large.
    pub(super) fn keep(&self, page: &Bytes) {
        if page.len() <= LARGEST {
            self.0.get_or_init(|| page.clone());
        }
    }
}

/// The most recently read pages.
#[derive(Default)]
pub(crate) struct WrittenPages(Mutex<VecDeque<(Key, Slot)>>);

impl WrittenPages {
    /// The slot of a page, empty until the page is kept. The least recently read page makes room.
    pub(crate) fn slot(&self, key: Key) -> Slot {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pages.iter().rposition(|(other, _)| *other == key);
        let slot = known.and_then(|place| pages.remove(place));
        let slot = slot.map(|(_, slot)| slot).unwrap_or_default();
        if pages.len() == MOST {
            pages.pop_front();
        }
        pages.push_back((key, slot.clone()));
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(revision: Revision, page: usize) -> Key {
        Key {
            revision,
            page: page.to_string(),
        }
    }

    #[test]
    fn only_the_same_page_of_the_same_revision_is_found() {
        let (pages, revision) = (WrittenPages::default(), Revision::next());
        let page = Bytes::from_static(b"{}");
        pages.slot(key(revision, 0)).keep(&page);
        assert_eq!(pages.slot(key(revision, 0)).get(), Some(page));
        assert_eq!(pages.slot(key(revision, 1)).get(), None);
        assert_eq!(pages.slot(key(Revision::next(), 0)).get(), None);
    }

    #[test]
    fn kept_pages_are_bounded_and_the_least_recently_read_is_dropped() {
        let (pages, revision) = (WrittenPages::default(), Revision::next());
        let read = |page| pages.slot(key(revision, page));
        for page in 0..MOST {
            read(page).keep(&Bytes::from_static(b"{}"));
        }
        assert!(read(0).get().is_some());
        read(MOST).keep(&Bytes::from(vec![0; LARGEST + 1]));
        assert_eq!(pages.0.lock().unwrap().len(), MOST);
        let kept = [0, 2, 1, MOST].map(|page| read(page).get().is_some());
        assert_eq!(kept, [true, true, false, false]);
    }
}
