//! Names ordered by time.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// A name at its time.
type Entry = (DateTime<Utc>, Reverse<Arc<str>>);

/// The most entries of a chunk; a full one is split.
const CHUNK: usize = 512;

/// Names, the latest first, then by name. They are in chunks, so that neither a page in the middle nor a new name has to
/// pass all of them.
#[derive(Clone, Default)]
pub(crate) struct Newest {
    /// In order; none is empty.
    chunks: Vec<Vec<Entry>>,
    len: usize,
}

impl Newest {
    pub(crate) fn insert(&mut self, time: DateTime<Utc>, name: Arc<str>) {
        let entry = (time, Reverse(name));
        let place = self.chunk_of(&entry);
        let Some(chunk) = self.chunks.get_mut(place) else {
            self.chunks.push(vec![entry]);
            self.len += 1;
            return;
        };
        let Err(within) = chunk.binary_search(&entry) else {
            return;
        };
        chunk.insert(within, entry);
        self.len += 1;
        if chunk.len() > CHUNK {
            let upper = chunk.split_off(CHUNK / 2);
            self.chunks.insert(place + 1, upper);
        }
    }

    pub(crate) fn remove(&mut self, time: DateTime<Utc>, name: &Arc<str>) {
        let entry = (time, Reverse(Arc::clone(name)));
        let place = self.chunk_of(&entry);
        let Some(chunk) = self.chunks.get_mut(place) else {
            return;
        };
        if let Ok(within) = chunk.binary_search(&entry) {
            chunk.remove(within);
            self.len -= 1;
            if chunk.is_empty() {
                self.chunks.remove(place);
            }
        }
    }

    /// The index of the chunk for an entry.
    fn chunk_of(&self, entry: &Entry) -> usize {
        let after = self
            .chunks
            .partition_point(|chunk| chunk.last() < Some(entry));
        after.min(self.chunks.len().saturating_sub(1))
    }

    /// Sorts all at once, which is much cheaper than one by one.
    pub(crate) fn rebuild(&mut self, entries: impl Iterator<Item = (DateTime<Utc>, Arc<str>)>) {
        let mut all: Vec<_> = entries.map(|(time, name)| (time, Reverse(name))).collect();
        all.sort_unstable();
        self.len = all.len();
        self.chunks = all.chunks(CHUNK / 2).map(<[Entry]>::to_vec).collect();
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn first(&self) -> Option<&Arc<str>> {
        self.page(0, 1).next()
    }

    pub(crate) fn page(&self, offset: usize, size: usize) -> impl Iterator<Item = &Arc<str>> {
        // Whole chunks are skipped.
        let mut offset = offset;
        let mut end = self.chunks.len();
        while let Some(before) = end.checked_sub(1)
            && let Some(left) = offset.checked_sub(self.chunks[before].len())
        {
            (offset, end) = (left, before);
        }
        let entries = self.chunks[..end]
            .iter()
            .rev()
            .flat_map(|chunk| chunk.iter().rev());
        let entries = entries.skip(offset).take(size);
        entries.map(|(_, Reverse(name))| name)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn items_are_newest_first_and_then_by_name() {
        let (early, late) = (
            DateTime::UNIX_EPOCH,
            DateTime::UNIX_EPOCH + TimeDelta::seconds(1),
        );
        let mut order = Newest::default();
        for (time, name) in [(early, "b"), (late, "z"), (early, "a"), (late, "y")] {
            order.insert(time, name.into());
        }
        let names = |order: &Newest, offset, size| -> Vec<String> {
            order.page(offset, size).map(ToString::to_string).collect()
        };
        assert_eq!(names(&order, 0, 9), ["y", "z", "a", "b"]);
        assert_eq!(names(&order, 1, 2), ["z", "a"]);
        assert!(names(&order, 4, 1).is_empty());
        order.remove(late, &"y".into());
        assert_eq!(order.first().map(|name| &**name), Some("z"));
        order.rebuild([(early, "d".into()), (early, "c".into())].into_iter());
        assert_eq!(names(&order, 0, 9), ["c", "d"]);
    }

    #[test]
    fn a_chunked_order_equals_a_sorted_list() {
        let instant = |number: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(number * 7919 % 1009);
        let name = |number: i64| Arc::<str>::from(format!("tag-{}", number * 31 % 5003));
        let mut order = Newest::default();
        let mut sorted = std::collections::BTreeSet::new();
        for number in 0..5000 {
            order.insert(instant(number), name(number));
            sorted.insert((instant(number), Reverse(name(number))));
        }
        for number in (0..5000).filter(|number| number % 3 != 0 || *number < 2000) {
            order.remove(instant(number), &name(number));
            sorted.remove(&(instant(number), Reverse(name(number))));
        }
        assert_eq!(order.len(), sorted.len());
        for (offset, size) in [(0, 20), (1, 600), (511, 2), (700, 500), (sorted.len(), 1)] {
            let expected = sorted.iter().rev().skip(offset).take(size);
            let expected: Vec<_> = expected.map(|(_, name)| &name.0).collect();
            let page: Vec<_> = order.page(offset, size).collect();
            assert_eq!(page, expected, "{offset}");
        }
        assert!(order.chunks.len() > 2 && order.chunks.iter().all(|chunk| !chunk.is_empty()));
        for (time, Reverse(name)) in &sorted {
            order.remove(*time, name);
        }
        assert!(order.first().is_none() && order.chunks.is_empty());
    }
}
