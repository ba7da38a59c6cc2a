//! Progress: a line that is redrawn on a terminal, or a line per minute elsewhere.

use std::{
    io::{self, IsTerminal as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use docr::{Attempt, Clock as _, ErrorKind, SystemClock, for_terminal};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::AbortHandle;

use super::{Output, terminal};

const TICK: Duration = Duration::from_millis(120);
const SECOND: Duration = Duration::from_secs(1);
const LINE_EVERY: Duration = Duration::from_secs(60);
const LONGEST: usize = 200;

/// Who sees the progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Audience {
    #[default]
    Nobody,
    /// The user at a terminal.
    Terminal,
    /// The reader of a file or pipe.
    Pipe,
}

impl Audience {
    pub(super) fn of_stderr() -> Self {
        match io::stderr().is_terminal() {
            true => Self::Terminal,
            false => Self::Pipe,
        }
    }
}

/// The waits of the client and the progress of the command. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Waits {
    audience: Audience,
    shown: Arc<Mutex<Shown>>,
}

/// The current state.
#[derive(Default)]
struct Shown {
    bar: Option<ProgressBar>,
    /// Empty if only a wait is shown.
    what: String,
    wait: Option<Wait>,
    done: u64,
    of: Option<u64>,
}

/// A wait in progress. Its countdown stops on drop.
struct Wait {
    left: u64,
    reason: &'static str,
    counting: AbortHandle,
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

impl Waits {
    pub(super) fn shown_to(audience: Audience) -> Self {
        Self {
            audience,
            ..Self::default()
        }
    }

    /// Updates the wait after an attempt.
    pub(crate) fn observe(&self, attempt: &Attempt<'_>) {
        match attempt.repeats_after {
            Some(wait) => self.begin(wait, attempt.error),
            None => self.end(),
        }
    }

    /// Starts the countdown of a wait.
    pub(crate) fn begin(&self, wait: Duration, error: Option<ErrorKind>) {
        if self.audience == Audience::Nobody {
            return;
        }
        let left = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let (counted, shown) = (self.clone(), self.clone());
        let counting = counted.count_down(left, move |waited| shown.say_alone(waited));
        let counting = tokio::spawn(counting).abort_handle();
        self.change(|shown| {
            shown.wait = Some(Wait {
                left,
                reason: reason(error),
                counting,
            });
            let is_long = wait >= SECOND;
            if is_long && shown.bar.is_none() && self.audience == Audience::Terminal {
                // It is drawn when the message changes, and cleared when the wait ends.
                shown.bar = Some(spinner());
            }
        });
    }

    async fn count_down(self, seconds: u64, say: impl Fn(Duration)) {
        for waited in 1..seconds {
            SystemClock.sleep(SECOND).await;
            self.change(|shown| {
                if let Some(wait) = &mut shown.wait {
                    wait.left = seconds - waited;
                }
            });
            if waited.is_multiple_of(LINE_EVERY.as_secs()) {
                say(Duration::from_secs(waited));
            }
        }
        SystemClock.sleep(SECOND).await;
        self.end();
    }

    /// Prints a line, unless a progress prints its own.
    fn say_alone(&self, waited: Duration) {
        if self.audience == Audience::Pipe && self.shown().what.is_empty() {
            terminal::say(&self.line(waited));
        }
    }

    /// Ends the wait, and clears the line that shows only that.
    pub(crate) fn end(&self) {
        self.change(|shown| {
            shown.wait = None;
            if shown.what.is_empty()
                && let Some(bar) = shown.bar.take()
            {
                bar.finish_and_clear();
            }
        });
    }

    /// Clears the line, before the program ends.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.shown().bar.take() {
            bar.finish_and_clear();
        }
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.shown();
        change(&mut shown);
        if let Some(bar) = &shown.bar {
            bar.set_message(shown.message());
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, waited: Duration) -> String {
        let shown = self.shown();
        let counted = shown.of.map(|of| format!(", {} of {of}", shown.done));
        let (counted, waited) = (counted.unwrap_or_default(), HumanDuration(waited));
        format!("{}{counted} (for {waited})", shown.message())
    }
}

impl Shown {
    fn message(&self) -> String {
        let wait = self.wait.as_ref();
        let wait = wait.map(|wait| format!("waiting {} s {}", wait.left, wait.reason));
        match wait {
            Some(wait) if self.what.is_empty() => wait,
            Some(wait) => format!("{}: {wait}", self.what),
            None => self.what.clone(),
        }
    }
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style)
}

/// The reason for a retry, in the user's terms.
fn reason(error: Option<ErrorKind>) -> &'static str {
    match error {
        Some(ErrorKind::RateLimited) => "for the rate limit",
        Some(ErrorKind::Connect) => "to reconnect",
        Some(ErrorKind::Server) => "after a server error",
        _ => "to retry",
    }
}

/// The progress of something that takes a while. It is cleared on drop.
pub(crate) struct Progress {
    waits: Waits,
    bar: ProgressBar,
    lines: Option<AbortHandle>,
}

impl Output {
    /// Shows that something is in progress.
    pub(crate) fn progress(&self, what: impl Into<String>) -> Progress {
        self.begin(spinner(), what.into(), None)
    }

    /// Shows how far something is, and the estimated time left.
    pub(crate) fn counted(&self, what: impl Into<String>, of: usize) -> Progress {
        let style = ProgressStyle::with_template("{bar:20} {pos}/{len} {eta} left {wide_msg}");
        let bar = ProgressBar::new(of as u64);
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.begin(bar, what.into(), Some(of as u64))
    }

    fn begin(&self, bar: ProgressBar, what: String, of: Option<u64>) -> Progress {
        let waits = self.waits.clone();
        match waits.audience {
            Audience::Terminal => bar.enable_steady_tick(TICK),
            Audience::Pipe | Audience::Nobody => bar.set_draw_target(ProgressDrawTarget::hidden()),
        }
        // Replaces a line that shows only a wait.
        waits.end();
        let shown_bar = bar.clone();
        waits.change(|shown| {
            *shown = Shown {
                bar: Some(shown_bar),
                what: for_terminal(&what, LONGEST),
                wait: None,
                done: 0,
                of,
            };
        });
        let lines = (waits.audience == Audience::Pipe).then(|| {
            let waits = waits.clone();
            let printing = every_minute(move |waited| terminal::say(&waits.line(waited)));
            tokio::spawn(printing).abort_handle()
        });
        Progress { waits, bar, lines }
    }
}

impl Progress {
    /// Changes the text.
    pub(crate) fn say(&self, what: impl AsRef<str>) {
        let what = for_terminal(what.as_ref(), LONGEST);
        self.waits.change(|shown| shown.what = what);
    }

    /// Hides the line while something else uses the terminal.
    pub(crate) async fn paused<T>(&self, other: impl Future<Output = T>) -> T {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        let end = other.await;
        if self.waits.audience == Audience::Terminal {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        end
    }

    /// Counts one more item as done.
    pub(crate) fn advance(&self, what: impl AsRef<str>) {
        self.bar.inc(1);
        self.waits.change(|shown| shown.done += 1);
        self.say(what);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(lines) = &self.lines {
            lines.abort();
        }
        self.bar.finish_and_clear();
        self.waits.change(|shown| *shown = Shown::default());
    }
}

/// Calls `say` once a minute, by real time even in a sandbox.
async fn every_minute(say: impl Fn(Duration)) {
    let mut waited = Duration::ZERO;
    loop {
        SystemClock.sleep(LINE_EVERY).await;
        waited += LINE_EVERY;
        say(waited);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_is_printed_once_a_minute() {
        let printed = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&printed);
        let printing = tokio::spawn(every_minute(move |_| {
            counting.fetch_add(1, SeqCst);
        }));
        SystemClock.sleep(Duration::from_secs(59)).await;
        assert_eq!(printed.load(SeqCst), 0);
        SystemClock.sleep(Duration::from_secs(122)).await;
        printing.abort();
        assert_eq!(printed.load(SeqCst), 3);
    }

    const LIMITED: Option<ErrorKind> = Some(ErrorKind::RateLimited);

    fn message(waits: &Waits) -> String {
        waits.shown().message()
    }

    async fn seconds(seconds: u64) {
        // Slightly later than the tick of that second.
        SystemClock
            .sleep(SECOND * u32::try_from(seconds).unwrap() + Duration::from_millis(1))
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_shows_the_wait_and_the_progress() {
        let waits = Waits::shown_to(Audience::Pipe);
        waits.change(|shown| {
            shown.what = "deleting".to_owned();
            (shown.done, shown.of) = (3, Some(7));
        });
        waits.begin(Duration::from_secs(38), LIMITED);
        assert_eq!(
            waits.line(Duration::from_secs(120)),
            "deleting: waiting 38 s for the rate limit, 3 of 7 (for 2 minutes)"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_counted_down_beside_a_progress() {
        let output = Output {
            waits: Waits::shown_to(Audience::Terminal),
            ..Output::default()
        };
        let progress = output.progress("reading tags");
        output.waits.begin(Duration::from_millis(37_200), LIMITED);
        assert_eq!(
            progress.bar.message(),
            "reading tags: waiting 38 s for the rate limit"
        );
        seconds(1).await;
        assert_eq!(
            progress.bar.message(),
            "reading tags: waiting 37 s for the rate limit"
        );
        seconds(37).await;
        assert_eq!(progress.bar.message(), "reading tags");
        // A second wait replaces the first.
        output.waits.begin(Duration::from_secs(5), LIMITED);
        output.waits.begin(Duration::from_secs(9), None);
        seconds(2).await;
        assert_eq!(progress.bar.message(), "reading tags: waiting 7 s to retry");
        output.waits.end();
        seconds(2).await;
        assert_eq!(progress.bar.message(), "reading tags");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_without_a_progress_is_counted_down_and_cleared_at_its_end() {
        let waits = Waits::shown_to(Audience::Terminal);
        waits.begin(Duration::from_secs(38), LIMITED);
        let bar = waits.shown().bar.clone().unwrap();
        assert_eq!(bar.message(), "waiting 38 s for the rate limit");
        seconds(2).await;
        assert_eq!(bar.message(), "waiting 36 s for the rate limit");
        waits.end();
        assert!(bar.is_finished() && waits.shown().bar.is_none());
        waits.begin(Duration::from_secs(3), LIMITED);
        seconds(3).await;
        assert!(waits.shown().bar.is_none());
        assert_eq!(message(&waits), "");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_printed_once_a_minute() {
        let printed = Mutex::new(Vec::new());
        let waits = Waits::shown_to(Audience::Pipe);
        let counting = waits.count_down(180, |waited| printed.lock().unwrap().push(waited));
        counting.await;
        let minutes = [1, 2].map(|minutes| LINE_EVERY * minutes);
        assert_eq!(*printed.lock().unwrap(), minutes);
    }

    #[tokio::test(start_paused = true)]
    async fn no_bar_is_drawn_without_a_terminal() {
        for audience in [Audience::Pipe, Audience::Nobody] {
            let waits = Waits::shown_to(audience);
            waits.begin(Duration::from_secs(3), LIMITED);
            assert!(waits.shown().bar.is_none(), "{audience:?}");
        }
    }
}
