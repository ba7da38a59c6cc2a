//! The requests of a process in the last hour, for when Redis doesn't know them.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::turn::HOUR;

/// How long a reported count is used: later, Redis may have forgotten requests that it includes.
const HOLDS: Duration = Duration::from_secs(5);
/// How much earlier than its response a request may arrive: within the margin of the windows.
const ALLOWED: Duration = Duration::from_millis(900);
/// No response comes later than this.
const LATEST: Duration = Duration::from_secs(120);

#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The epoch in the last reply of Redis.
    epoch: String,
    /// Requests without a response yet, in order.
    under_way: VecDeque<Entry>,
    /// Requests that the service has counted, or may have.
    done: VecDeque<Entry>,
    /// How many requests the service counted, and when it reported that.
    used: Option<(i64, Duration)>,
    has_lost: bool,
}

#[derive(Debug)]
struct Entry {
    member: String,
    /// When the service had counted it, up to the margin: at its turn, or at its response if that took long.
    at: Duration,
    is_known: bool,
}

/// What is reported to Redis.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) epoch: String,
    pub(crate) now: Duration,
    /// Requests that it doesn't know, or knows with another time.
    pub(crate) requests: Vec<(String, Duration)>,
    pub(crate) used: Option<(i64, Duration)>,
    /// Whether these are all requests of this process, since Redis has lost its state.
    pub(crate) is_of_all: bool,
}

impl Journal {
    /// Records a request, and whether Redis knows it.
    pub(crate) fn sent(&mut self, member: String, at: Duration, is_known: bool) {
        self.under_way.push_back(Entry {
            member,
            at,
            is_known,
        });
    }

    /// Records a response. Which request it belongs to isn't known, so it is taken for the oldest one without a response.
    /// After a 429 its turn stays taken: the service had no room for it, and would have none for another one.
    pub(crate) fn responded(&mut self, now: Duration, is_refusal: bool) {
        self.give_up(now);
        let Some(mut entry) = self.under_way.pop_front() else {
            return;
        };
        let at = now.saturating_sub(ALLOWED);
        if at > entry.at && !is_refusal {
            entry.at = at;
            entry.is_known = false;
        }
        self.done.push_back(entry);
    }

    /// Records how many requests the service counts.
    pub(crate) fn observe(&mut self, used: u64, at: Duration) {
        self.used = Some((i64::try_from(used).unwrap_or(i64::MAX), at));
    }

    pub(crate) fn report(&mut self, now: Duration) -> Report {
        self.give_up(now);
        let age = |at: Duration| now.saturating_sub(at);
        while self.done.front().is_some_and(|entry| age(entry.at) >= HOUR) {
            self.done.pop_front();
        }
        let unknown = self.entries().filter(|entry| !entry.is_known);
        let requests: Vec<_> = unknown
            .map(|entry| (entry.member.clone(), entry.at))
            .collect();
        Report {
            epoch: self.epoch.clone(),
            now,
            is_of_all: self.has_lost && !requests.is_empty(),
            requests,
            used: { self.used.take() }
                .map(|(used, at)| (used, age(at)))
                .filter(|(_, age)| *age < HOLDS),
        }
    }

    /// Adopts the epoch in a reply. Returns whether the report was for another epoch, and must be repeated.
    pub(crate) fn confirmed(&mut self, report: &Report, epoch: &str) -> bool {
        let is_another = !report.epoch.is_empty() && report.epoch != epoch;
        if is_another {
            if self.epoch != epoch {
                self.entries().for_each(|entry| entry.is_known = false);
                self.has_lost = true;
            }
        } else {
            let reported: HashMap<_, _> = { report.requests.iter() }
                .map(|(member, at)| (member.as_str(), *at))
                .collect();
            for entry in self.entries() {
                entry.is_known |= reported.get(entry.member.as_str()) == Some(&entry.at);
            }
            self.has_lost &= !report.is_of_all;
        }
        self.epoch = epoch.to_owned();
        is_another
    }

    fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.done.iter_mut().chain(&mut self.under_way)
    }

    /// Stops waiting for responses that will never come.
    fn give_up(&mut self, now: Duration) {
        while let Some(entry) = self.under_way.pop_front() {
            if now.saturating_sub(entry.at) < LATEST {
                self.under_way.push_front(entry);
                break;
            }
            self.done.push_back(entry);
        }
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
    fn what_redis_does_not_know_is_reported_until_it_responds() {
        let mut journal = Journal::default();
        for (number, is_known) in [(1, true), (2, false), (3, true), (4, false)] {
            journal.sent(number.to_string(), number * SECOND, is_known);
        }
        let report = journal.report(10 * SECOND);
        let unknown = [("2".into(), 2 * SECOND), ("4".into(), 4 * SECOND)];
        assert_eq!(report.requests, unknown);
        assert!(!report.is_of_all);
        assert_eq!(members(&journal.report(10 * SECOND)), ["2", "4"]);
        assert!(!journal.confirmed(&report, "one"));
        assert_eq!(members(&journal.report(10 * SECOND)), [""; 0]);
        assert_eq!(journal.report(10 * SECOND).epoch, "one");
    }

    #[test]
    fn a_response_tells_when_a_request_was_counted_at_the_latest() {
        let mut journal = Journal::default();
        for number in 1..=3 {
            journal.sent(number.to_string(), number * SECOND, true);
        }
        journal.responded(5 * SECOND, false);
        let first = journal.report(6 * SECOND);
        assert_eq!(first.requests, [("1".into(), 5 * SECOND - ALLOWED)]);
        assert!(!journal.confirmed(&first, "one"));
        // A refusal tells nothing, and neither does what comes within the margin.
        journal.responded(7 * SECOND, true);
        journal.responded(3 * SECOND + ALLOWED, false);
        assert_eq!(members(&journal.report(8 * SECOND)), [""; 0]);
        // A response that comes while Redis is told of the turn is told afterwards.
        journal.sent("4".into(), 9 * SECOND, false);
        let second = journal.report(9 * SECOND);
        assert_eq!(members(&second), ["4"]);
        journal.responded(12 * SECOND, false);
        assert!(!journal.confirmed(&second, "one"));
        let last = journal.report(12 * SECOND);
        assert_eq!(last.requests, [("4".into(), 12 * SECOND - ALLOWED)]);
    }

    #[test]
    fn a_redis_that_lost_its_data_gets_the_last_hour_again() {
        let mut journal = Journal::default();
        let first = journal.report(SECOND);
        assert!(!journal.confirmed(&first, "one"));
        journal.sent("a".into(), SECOND, true);
        journal.sent("b".into(), 2 * SECOND, true);
        let report = journal.report(HOUR + SECOND);
        assert!(journal.confirmed(&report, "two"));
        let report = journal.report(HOUR + SECOND);
        assert_eq!((members(&report), report.is_of_all), (vec!["b"], true));
        assert!(!journal.confirmed(&report, "two"));
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
