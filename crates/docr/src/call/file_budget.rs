//! A rate budget in a file, for the processes of a machine.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use docr_api::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use super::{
    clock::{Clock, until},
    pacer::{HOUR, Log, is_late},
    rate_budget::{BudgetFuture, LocalBudget, NoTurn, ObservedResponse, RateBudget, RateLimits},
};
use crate::{error::RateLimit, folder, text::hex};

/// How long a reported rate limit is used: later, the file may have forgotten requests that it includes.
const HOLDS: Duration = Duration::from_secs(5);

/// The budget of a token for all processes of a machine that use the same directory (feature `file-budget`).
///
/// The times of the last hour's requests are in a small file, named by the token's hash, that only its owner can access. A
/// process locks it to take a turn; the lock of a killed process is released. An unreadable file is replaced. Times are
/// the machine's: if its clock is set back, requests in what is now the future count as made at the present.
///
/// If the file can't be written, for example in a read-only directory, the process paces itself by its own requests and by
/// the rate limit in responses, as without this budget, and logs a warning with `tracing`.
///
/// ```
/// use std::sync::Arc;
/// use docr::{Client, FileBudget, Secret};
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path().join("budgets");
/// let token = Secret::from("dop_v1_0123");
/// let budget = FileBudget::new(directory, &token);
/// println!("shared through {}", budget.path().display());
/// let docr = Client::builder().token(token).rate_budget(Arc::new(budget)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileBudget {
    path: Arc<Path>,
    /// `None` for all that the service allows.
    limits: Option<RateLimits>,
    /// The queue of this process: whoever holds it is next.
    turn: tokio::sync::Mutex<()>,
    /// The rate limit in the last response, until it is written to the file.
    seen: Mutex<Option<(DateTime<Utc>, RateLimit)>>,
    /// For when the file can't be used. It counts all requests of this process.
    own: LocalBudget,
    has_warned: AtomicBool,
}

impl FileBudget {
    /// The budget of this token in this directory, which is created when the first turn is taken. If the token changes, all
    /// processes pass the same text instead, such as the name of the account.
    pub fn new(directory: impl Into<PathBuf>, token: &Secret) -> Self {
        let name = hex(&Sha256::digest(token.expose()));
        let path = directory.into().join(name).with_extension("json");
        Self {
            path: path.into(),
            limits: None,
            turn: tokio::sync::Mutex::new(()),
            seen: Mutex::new(None),
            own: LocalBudget::new(),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Limits the processes to less than the service allows, to leave some for others. All of them set the same limits.
    ///
    /// ```
    /// # use docr::{FileBudget, RateLimits, Secret};
    /// # let directory = std::env::temp_dir();
    /// let half = RateLimits::new(125, 2_500);
    /// let budget = FileBudget::new(directory, &Secret::from("dop_v1_0123")).limits(half);
    /// ```
    #[must_use]
    pub fn limits(self, limits: RateLimits) -> Self {
        Self {
            limits: Some(limits),
            own: LocalBudget::limited_to(limits),
            ..self
        }
    }

    /// The platform's directory for such files: `docr/budgets` in `$XDG_RUNTIME_DIR`, or else in `$XDG_CACHE_HOME` or
    /// `~/.cache`, in `~/Library/Caches` or in `%LOCALAPPDATA%`. `None` without a home directory.
    ///
    /// ```
    /// # use docr::{FileBudget, Secret};
    /// let directory = FileBudget::default_directory().ok_or("no home directory")?;
    /// let budget = FileBudget::new(directory, &Secret::from("dop_v1_0123"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn default_directory() -> Option<PathBuf> {
        let place = folder::runtime().or_else(folder::caches)?;
        Some(place.join("docr").join("budgets"))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes the content of the file; `None` if that fails.
    async fn change<T: Send + 'static>(
        &self,
        clock: &dyn Clock,
        change: impl FnOnce(&mut Log, Duration) -> T + Send + 'static,
    ) -> Option<T> {
        let (date, path, limits) = (clock.now(), Arc::clone(&self.path), self.limits);
        let seen = self.take_seen(date);
        let work = move || {
            change_file(&path, limits, since_epoch(date), |log, now| {
                if let Some(limit) = seen {
                    log.observe(now, limit);
                }
                change(log, now)
            })
        };
        let done = tokio::task::spawn_blocking(work).await;
        match done.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(done) => {
                self.has_warned.store(false, Ordering::Relaxed);
                Some(done)
            }
            Err(error) => {
                if !self.has_warned.swap(true, Ordering::Relaxed) {
                    let path = self.path.display();
                    warn!(%error, %path, "the rate budget's file can't be used: this process paces itself alone");
                }
                None
            }
        }
    }

    fn take_seen(&self, now: DateTime<Utc>) -> Option<RateLimit> {
        let seen = { self.seen.lock().unwrap_or_else(PoisonError::into_inner) }.take();
        let (at, limit) = seen?;
        (until(now, at) < HOLDS).then_some(limit)
    }
}

impl RateBudget for FileBudget {
    fn acquire<'a>(
        &'a self,
        clock: &'a dyn Clock,
        within: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        Box::pin(async move {
            let end = clock.monotonic().saturating_add(within);
            let _turn = self.turn.lock().await;
            let is_late = is_late(clock, end);
            loop {
                let wait = self.change(clock, move |log, now| {
                    let wait = log.wait(now);
                    if wait.is_zero() && !is_late {
                        log.record(now);
                    }
                    wait
                });
                let wait = wait.await;
                let left = end.saturating_sub(clock.monotonic());
                match wait {
                    Some(wait) if is_late => return Err(NoTurn::Later(wait)),
                    None => return self.own.acquire(clock, left).await,
                    Some(Duration::ZERO) => break,
                    Some(wait) if wait > left => return Err(NoTurn::Later(wait)),
                    Some(wait) => clock.sleep(wait).await,
                }
            }
            self.own.record(clock).await;
            Ok(())
        })
    }

    fn record<'a>(&'a self, clock: &'a dyn Clock) -> BudgetFuture<'a, ()> {
        Box::pin(async move {
            self.own.record(clock).await;
            self.change(clock, Log::record).await;
        })
    }

    fn observe<'a>(
        &'a self,
        clock: &'a dyn Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()> {
        if let Some(limit) = response.rate_limit {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            *seen = Some((clock.now(), limit));
        }
        Box::pin(async move {
            self.own.observe(clock, response).await;
            if response.pause.is_some() {
                self.change(clock, move |log, now| log.block(now, response.pause))
                    .await;
            }
        })
    }
}

/// Changes the file under a lock, which ends with the process.
fn change_file<T>(
    path: &Path,
    limits: Option<RateLimits>,
    now: Duration,
    change: impl FnOnce(&mut Log, Duration) -> T,
) -> io::Result<T> {
    folder::make_private(path.parent().unwrap_or(path))?;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.lock()?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    // Empty, truncated, or something else.
    let state: State = serde_json::from_slice(&text).unwrap_or_default();
    let mut log = state.into_log(limits, now);
    let done = change(&mut log, now);
    let text = serde_json::to_vec(&State::of(&log))?;
    file.rewind()?;
    file.write_all(&text)?;
    file.set_len(text.len() as u64)?;
    Ok(done)
}

/// The content of the file. Times are microseconds since 1970.
#[derive(Default, Serialize, Deserialize)]
struct State {
    sent: Vec<u64>,
    /// Requests of other programs with the token: when they were noticed, and how many.
    foreign: Vec<(u64, u64)>,
    /// The last response's limit.
    per_hour: Option<u64>,
    paused_until: Option<u64>,
}

impl State {
    fn of(log: &Log) -> Self {
        Self {
            sent: log.own.iter().copied().map(micros).collect(),
            foreign: { log.foreign.iter() }
                .map(|(at, count)| (micros(*at), *count))
                .collect(),
            per_hour: log.observed.then_some(log.per_hour),
            paused_until: log.blocked_until.map(micros),
        }
    }

    /// No time is later than `now` and no pause longer than an hour, even if the clock was set back.
    fn into_log(self, limits: Option<RateLimits>, now: Duration) -> Log {
        let at = |time| Duration::from_micros(time).min(now);
        let mut sent: Vec<_> = self.sent.into_iter().map(at).collect();
        sent.sort_unstable();
        let pause = |time| Duration::from_micros(time).min(now.saturating_add(HOUR));
        let mut log = limits.map_or_else(Log::new, Log::limited_to);
        log.own = sent.into();
        log.foreign = { self.foreign.into_iter() }
            .map(|(time, count)| (at(time), count))
            .collect();
        log.observed = self.per_hour.is_some();
        let per_hour = self.per_hour.unwrap_or(log.per_hour);
        log.per_hour = per_hour.clamp(1, log.most_per_hour);
        log.blocked_until = self.paused_until.map(pause);
        log
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn since_epoch(date: DateTime<Utc>) -> Duration {
    until(date, DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ManualClock;

    const NONE: Duration = Duration::ZERO;

    fn noon() -> ManualClock {
        ManualClock::at("2026-01-01T12:00:00Z".parse().unwrap())
    }

    fn budget(folder: &Path) -> FileBudget {
        FileBudget::new(folder.join("budgets"), &Secret::from("dop_v1_0123"))
    }

    async fn take(budget: &FileBudget, clock: &ManualClock, turns: u32) {
        for turn in 0..turns {
            let taken = budget.acquire(clock, NONE).await;
            assert!(taken.is_ok(), "{turn}: {taken:?}");
        }
    }

    async fn wait(budget: &FileBudget, clock: &ManualClock) -> Duration {
        match budget.acquire(clock, NONE).await {
            Ok(()) => NONE,
            Err(NoTurn::Later(wait)) => wait,
            Err(error) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn no_turn_is_taken_after_a_longer_wait_in_the_queue() {
        let folder = tempfile::tempdir().unwrap();
        let (budget, clock) = (budget(folder.path()), noon());
        for (queued, is_taken) in [(12, false), (600, false), (11, true)] {
            let first_in_the_queue = async {
                let _turn = budget.turn.lock().await;
                tokio::task::yield_now().await;
                clock.advance(Duration::from_secs(queued));
            };
            let acquiring = budget.acquire(&clock, Duration::from_secs(10));
            let ((), acquired) = tokio::join!(first_in_the_queue, acquiring);
            match acquired {
                Ok(()) => assert!(is_taken, "{queued}"),
                Err(NoTurn::Later(wait)) => assert!(!is_taken && wait.is_zero(), "{queued}"),
                Err(error) => panic!("{error}"),
            }
        }
        // The others of this minute are left.
        take(&budget, &clock, 249).await;
        assert_ne!(wait(&budget, &clock).await, NONE);
    }

    #[tokio::test]
    async fn two_processes_share_a_minute_and_both_observe_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other, clock) = (budget(folder.path()), budget(folder.path()), noon());
        take(&one, &clock, 100).await;
        clock.advance(Duration::from_secs(1));
        take(&other, &clock, 150).await;
        assert_eq!(wait(&one, &clock).await, Duration::from_secs(60));
        // A wait that ends at the limit is begun.
        let limit = Duration::from_secs(60);
        other.acquire(&clock, limit).await.unwrap();
        assert_eq!(clock.monotonic(), Duration::from_secs(61));
        let response = ObservedResponse {
            pause: Some(Duration::from_secs(30)),
            ..ObservedResponse::new(429)
        };
        one.observe(&clock, response).await;
        assert_eq!(wait(&other, &clock).await, Duration::from_secs(30));
    }

    #[tokio::test]
    async fn requests_without_a_turn_and_those_of_strangers_count_for_all() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other, clock) = (budget(folder.path()), budget(folder.path()), noon());
        for _ in 0..200 {
            one.record(&clock).await;
        }
        let response = |remaining| ObservedResponse {
            rate_limit: Some(RateLimit::new(5_000, remaining, clock.now())),
            ..ObservedResponse::new(200)
        };
        other.observe(&clock, response(4_800)).await;
        take(&other, &clock, 49).await;
        // One of a program that knows nothing of this file, beside 249 of these processes.
        other.observe(&clock, response(4_750)).await;
        assert_eq!(wait(&other, &clock).await, Duration::from_secs(61));
        // What was said long ago is not held against what the file has forgotten since.
        other.observe(&clock, response(0)).await;
        clock.advance(Duration::from_secs(61));
        assert_eq!(wait(&other, &clock).await, NONE);
    }

    #[tokio::test]
    async fn a_budget_below_the_services_limit_holds_whatever_responses_say() {
        let folder = tempfile::tempdir().unwrap();
        let limits = RateLimits::new(10, 15);
        let (one, other) = (budget(folder.path()), budget(folder.path()));
        let (one, other, clock) = (one.limits(limits), other.limits(limits), noon());
        take(&one, &clock, 10).await;
        assert_eq!(wait(&other, &clock).await, Duration::from_secs(61));
        clock.advance(Duration::from_secs(61));
        let response = ObservedResponse {
            rate_limit: Some(RateLimit::new(5_000, 4_990, clock.now())),
            ..ObservedResponse::new(200)
        };
        other.observe(&clock, response).await;
        take(&other, &clock, 5).await;
        assert_eq!(wait(&one, &clock).await, HOUR - Duration::from_secs(61));
    }

    #[tokio::test]
    async fn a_truncated_or_foreign_file_is_started_afresh() {
        let folder = tempfile::tempdir().unwrap();
        let (budget, clock) = (budget(folder.path()), noon());
        take(&budget, &clock, 250).await;
        let text = fs::read(budget.path()).unwrap();
        for broken in [
            &text[..text.len() / 2],
            b"",
            b"[]",
            b"\xff\0",
            b"{\"sent\":[-1]}",
            b"{\"sent\":[],\"foreign\":[],\"per_hour\":0,\"paused_until\":null}",
        ] {
            fs::write(budget.path(), broken).unwrap();
            assert_eq!(wait(&budget, &clock).await, NONE);
            let written: State = serde_json::from_slice(&fs::read(budget.path()).unwrap()).unwrap();
            assert_eq!(written.sent.len(), 1);
        }
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_costs_one_window_and_one_set_ahead_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (budget, clock) = (budget(folder.path()), noon());
        take(&budget, &clock, 250).await;
        clock.set_date("2025-01-01T12:00:00Z".parse().unwrap());
        assert_eq!(wait(&budget, &clock).await, Duration::from_secs(61));
        let text =
            r#"{"sent":[],"foreign":[],"per_hour":null,"paused_until":18446744073709551615}"#;
        fs::write(budget.path(), text).unwrap();
        assert_eq!(wait(&budget, &clock).await, HOUR);
        clock.set_date("2027-01-01T12:00:00Z".parse().unwrap());
        fs::write(budget.path(), "").unwrap();
        assert_eq!(wait(&budget, &clock).await, NONE);
    }

    #[tokio::test]
    async fn without_a_file_a_process_counts_its_own_requests() {
        let folder = tempfile::tempdir().unwrap();
        // A file where the folder should be: nothing can be made in it, whoever tries.
        fs::write(folder.path().join("budgets"), "").unwrap();
        let (budget, clock) = (budget(folder.path()), noon());
        take(&budget, &clock, RateLimits::default().per_minute()).await;
        assert_eq!(wait(&budget, &clock).await, Duration::from_secs(61));
        assert!(budget.has_warned.load(Ordering::Relaxed));
        // When the file can be used again, it is.
        fs::remove_file(folder.path().join("budgets")).unwrap();
        assert_eq!(wait(&budget, &clock).await, NONE);
        assert!(!budget.has_warned.load(Ordering::Relaxed));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_is_private_and_does_not_contain_the_token() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (budget, clock) = (budget(folder.path()), noon());
        take(&budget, &clock, 1).await;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(budget.path()), 0o600);
        assert_eq!(mode(budget.path().parent().unwrap()), 0o700);
        assert!(!format!("{budget:?}").contains("dop_v1"));
        assert!(
            !fs::read_to_string(budget.path())
                .unwrap()
                .contains("dop_v1")
        );
    }
}
