//! An order by time.

use std::cmp::Reverse;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Names, the one of the latest time first, then by name. Any page of it is found at once, whatever its place.
#[derive(Clone, Default)]
pub(crate) struct Newest(Vec<(DateTime<Utc>, Reverse<Arc<str>>)>);

impl Newest {
    pub(crate) fn insert(&mut self, time: DateTime<Utc>, name: Arc<str>) {
        let entry = (time, Reverse(name));
        if let Err(place) = self.0.binary_search(&entry) {
            self.0.insert(place, entry);
        }
    }

    pub(crate) fn remove(&mut self, time: DateTime<Utc>, name: &Arc<str>) {
        if let Ok(place) = self.0.binary_search(&(time, Reverse(Arc::clone(name)))) {
            self.0.remove(place);
        }
    }

    /// Puts all in order at once, which is much cheaper than one by one.
    pub(crate) fn rebuild(&mut self, entries: impl Iterator<Item = (DateTime<Utc>, Arc<str>)>) {
        self.0.clear();
        self.0
            .extend(entries.map(|(time, name)| (time, Reverse(name))));
        self.0.sort_unstable();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn first(&self) -> Option<&Arc<str>> {
        self.0.last().map(|(_, Reverse(name))| name)
    }

    pub(crate) fn page(&self, offset: usize, size: usize) -> impl Iterator<Item = &Arc<str>> {
        let entries = self.0.iter().rev().skip(offset).take(size);
        entries.map(|(_, Reverse(name))| name)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_newest_come_first_and_equals_are_sorted_by_name() {
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
}
