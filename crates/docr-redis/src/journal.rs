//! What a process has sent in the last hour, so that it can say so when Redis doesn't know.

use std::{collections::VecDeque, time::Duration};

use crate::turn::HOUR;

/// Newer than what Redis has forgotten and the service hasn't: what a response said of the hour holds for so long.
const HOLDS: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// What Redis was known by when it last answered.
    epoch: String,
    entries: VecDeque<Entry>,
    /// How many requests the service counted, and when it said so.
    used: Option<(i64, Duration)>,
    has_lost: bool,
}

#[derive(Debug)]
struct Entry {
    member: String,
    at: Duration,
    is_known: bool,
}

/// What Redis is to be told.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) epoch: String,
    /// Requests that it doesn't know, with their age.
    pub(crate) requests: Vec<(String, Duration)>,
    pub(crate) used: Option<(i64, Duration)>,
    /// Whether these are all of this process, since Redis has lost what it knew.
    pub(crate) is_of_all: bool,
}

impl Journal {
    /// Notes a request, and whether Redis knows of it.
    pub(crate) fn sent(&mut self, member: String, at: Duration, is_known: bool) {
        self.entries.push_back(Entry {
            member,
            at,
            is_known,
        });
    }

    /// Notes how many requests the service counts.
    pub(crate) fn observe(&mut self, used: u64, at: Duration) {
        self.used = Some((i64::try_from(used).unwrap_or(i64::MAX), at));
    }

    pub(crate) fn report(&mut self, now: Duration) -> Report {
        let age = |at: Duration| now.saturating_sub(at);
        while self
            .entries
            .front()
            .is_some_and(|entry| age(entry.at) >= HOUR)
        {
            self.entries.pop_front();
        }
        let unknown = self.entries.iter().filter(|entry| !entry.is_known);
        let requests: Vec<_> = unknown
            .map(|entry| (entry.member.clone(), age(entry.at)))
            .collect();
        Report {
            epoch: self.epoch.clone(),
            is_of_all: self.has_lost && !requests.is_empty(),
            requests,
            used: { self.used.take() }
                .map(|(used, at)| (used, age(at)))
                .filter(|(_, age)| *age < HOLDS),
        }
    }

    /// Takes in what Redis is known by now; whether the report was to another one, and has to be made again.
    pub(crate) fn answered(&mut self, report: &Report, epoch: &str) -> bool {
        let is_another = !report.epoch.is_empty() && report.epoch != epoch;
        if is_another {
            if self.epoch != epoch {
                self.entries
                    .iter_mut()
                    .for_each(|entry| entry.is_known = false);
                self.has_lost = true;
            }
        } else {
            let mut reported = report.requests.iter().peekable();
            for entry in &mut self.entries {
                if reported
                    .next_if(|(member, _)| *member == entry.member)
                    .is_some()
                {
                    entry.is_known = true;
                }
            }
            self.has_lost &= !report.is_of_all;
        }
        self.epoch = epoch.to_owned();
        is_another
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn members(report: &Report) -> Vec<&str> {
        { report.requests.iter() }
            .map(|(member, _)| member.as_str())
            .collect()
    }

    #[test]
    fn what_redis_does_not_know_is_reported_until_it_answers() {
        let mut journal = Journal::default();
        journal.sent("a".into(), SECOND, true);
        journal.sent("b".into(), 2 * SECOND, false);
        journal.sent("c".into(), 3 * SECOND, true);
        journal.sent("d".into(), 4 * SECOND, false);
        let report = journal.report(10 * SECOND);
        assert_eq!(
            report.requests,
            [("b".into(), 8 * SECOND), ("d".into(), 6 * SECOND)]
        );
        assert!(!report.is_of_all);
        assert_eq!(members(&journal.report(10 * SECOND)), ["b", "d"]);
        assert!(!journal.answered(&report, "one"));
        assert_eq!(members(&journal.report(10 * SECOND)), [""; 0]);
        assert_eq!(journal.report(10 * SECOND).epoch, "one");
    }

    #[test]
    fn all_of_the_last_hour_is_reported_to_one_that_has_lost_it() {
        let mut journal = Journal::default();
        let first = journal.report(SECOND);
        assert!(!journal.answered(&first, "one"));
        journal.sent("a".into(), SECOND, true);
        journal.sent("b".into(), 2 * SECOND, true);
        let report = journal.report(HOUR + SECOND);
        assert!(journal.answered(&report, "two"));
        let report = journal.report(HOUR + SECOND);
        assert_eq!((members(&report), report.is_of_all), (vec!["b"], true));
        assert!(!journal.answered(&report, "two"));
        assert!(!journal.report(HOUR + SECOND).is_of_all);
    }

    #[test]
    fn what_the_service_counts_is_reported_once_and_while_it_is_new() {
        let mut journal = Journal::default();
        journal.observe(7, SECOND);
        assert_eq!(journal.report(2 * SECOND).used, Some((7, SECOND)));
        assert_eq!(journal.report(2 * SECOND).used, None);
        journal.observe(8, SECOND);
        assert_eq!(journal.report(6 * SECOND).used, None);
    }
}
