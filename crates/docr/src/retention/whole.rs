//! Lists that are read until they are whole.

use std::collections::HashSet;

use crate::{List, Result};

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

impl<T: Send + 'static> Whole<T> {
    /// Reads a list of things that differ by their key. What is deleted while it is read shifts the pages, so that
    /// something is passed over: then it is read again.
    pub(super) async fn read(list: impl Fn() -> List<T>, key: impl Fn(&T) -> &str) -> Result<Self> {
        const TIMES: usize = 4;
        let mut whole = Self::default();
        for _ in 0..TIMES {
            whole = Self::read_once(list(), &key).await?;
            if !whole.is_in_doubt {
                break;
            }
        }
        Ok(whole)
    }

    async fn read_once(list: List<T>, key: &impl Fn(&T) -> &str) -> Result<Self> {
        let mut whole = Self::default();
        let mut pages = list.pages();
        let mut total = None;
        let mut seen = HashSet::new();
        while let Some(page) = pages.next().await {
            let page = page?;
            whole.is_in_doubt |= total.is_some() && page.total.is_some() && total != page.total;
            total = total.or(page.total);
            for item in page.items {
                match seen.insert(key(&item).to_owned()) {
                    true => whole.items.push(item),
                    false => whole.is_in_doubt = true,
                }
            }
        }
        whole.is_in_doubt |= total.is_some_and(|total| total != whole.items.len() as u64);
        Ok(whole)
    }
}
