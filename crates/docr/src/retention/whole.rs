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
