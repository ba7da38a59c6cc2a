//! Lists that are read until they are complete.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::shared_string::SharedString;
use crate::{List, Result, list::MAX_PER_PAGE};

/// About how many pages of a long list are read to find something in it.
pub(super) const SEARCH: u64 = 12;

/// A list as it was at some moment, as far as that can be known.
pub(super) struct Whole<T> {
    pub(super) items: Vec<T>,
    /// Whether it changed each time it was read.
    pub(super) is_in_doubt: bool,
}

impl<T> Default for Whole<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            is_in_doubt: false,
        }
    }
}

impl<T> Whole<T> {
    /// Reads a list of items with distinct keys. A deletion in the meantime shifts the pages, so that items may be missed:
    /// then it is read again.
    pub(super) async fn read<L: Send + 'static>(
        list: impl Fn() -> List<L>,
        mut convert: impl FnMut(L) -> T,
        key: impl Fn(&T) -> &SharedString,
    ) -> Result<Self> {
        const TIMES: usize = 4;
        let mut whole = Self::default();
        for _ in 0..TIMES {
            whole = Self::read_once(list(), &mut convert, &key).await?;
            if !whole.is_in_doubt {
                break;
            }
        }
        Ok(whole)
    }

    async fn read_once<L: Send + 'static>(
        list: List<L>,
        convert: &mut impl FnMut(L) -> T,
        key: &impl Fn(&T) -> &SharedString,
    ) -> Result<Self> {
        let mut whole = Self::default();
        let mut pages = list.pages();
        let mut total = None;
        let mut seen = HashSet::new();
        while let Some(page) = pages.next().await {
            let page = page?;
            whole.is_in_doubt |= total.is_some() && page.total.is_some() && total != page.total;
            total = total.or(page.total);
            for item in page.items.into_iter().map(&mut *convert) {
                match seen.insert(key(&item).clone()) {
                    true => whole.items.push(item),
                    false => whole.is_in_doubt = true,
                }
            }
        }
        whole.is_in_doubt |= total.is_some_and(|total| total != whole.items.len() as u64);
        whole.items.shrink_to_fit();
        Ok(whole)
    }
}

/// Whether times are all known, and none is later than the one before it.
pub(super) fn is_newest_first(mut times: impl Iterator<Item = Option<DateTime<Utc>>>) -> bool {
    let mut before = DateTime::<Utc>::MAX_UTC;
    times.all(|time| time.is_some_and(|time| std::mem::replace(&mut before, time) >= time))
}

/// Whether lists of this many items together are long enough that reading only parts of them may pay off.
pub(super) fn are_long(items: usize) -> bool {
    items as u64 > SEARCH * MAX_PER_PAGE
}

#[cfg(test)]
mod tests {
    use docr_api::{operations, types::PageMeta};

    use super::*;
    use crate::list::{PageRequest, PageResponse};

    /// What is read of a list with these pages: their items, and the total that each names.
    async fn read(pages: &'static [(&'static [&'static str], u64)]) -> Whole<SharedString> {
        let list = || {
            List::new(
                operations::registries_list(),
                move |request: PageRequest| async move {
                    let (items, total) = pages[request.page as usize - 1];
                    let mut meta = PageMeta::default();
                    meta.total = Some(total);
                    Ok(PageResponse {
                        items: items.to_vec(),
                        links: None,
                        meta: Some(meta),
                    })
                },
            )
        };
        let whole = Whole::read(list, SharedString::from, |item| item).await;
        whole.unwrap()
    }

    #[tokio::test]
    async fn a_list_with_as_many_distinct_items_as_its_total_is_complete() {
        let whole = read(&[(&["a", "b"], 3), (&["c"], 3)]).await;
        assert_eq!(whole.items, ["a", "b", "c"]);
        assert!(!whole.is_in_doubt);
    }

    #[tokio::test]
    async fn a_list_with_a_repeated_item_a_missing_one_or_a_changed_total_is_incomplete() {
        // Whatever is missed, too.
        let twice = read(&[(&["a", "b"], 3), (&["b"], 3)]).await;
        assert_eq!(twice.items, ["a", "b"]);
        assert!(twice.is_in_doubt);
        let missed = read(&[(&["a", "b"], 3), (&[], 3)]).await;
        assert!(missed.is_in_doubt);
        let changed = read(&[(&["a", "b"], 3), (&["c"], 4), (&[], 4)]).await;
        assert!(changed.is_in_doubt);
        let both = read(&[(&["a", "b"], 3), (&[], 4)]).await;
        assert!(both.is_in_doubt);
    }

    #[test]
    fn lists_are_long_if_they_have_more_pages_than_a_search_reads() {
        assert!(!are_long(2_400));
        assert!(are_long(2_401));
    }
}
