//! What goes on meanwhile: a line that moves on a terminal, a line a minute elsewhere.

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

/// Who is told what goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Audience {
    #[default]
    Nobody,
    /// A person before a terminal.
    Terminal,
    /// Whoever reads the lines, some time.
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

/// What the command waits for, as the client reports it. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Waits {
    audience: Audience,
    shown: Arc<Mutex<Shown>>,
}

/// What is shown now.
#[derive(Default)]
struct Shown {
    bar: Option<ProgressBar>,
    /// Empty where there is nothing to say but what is waited for.
    what: String,
    wait: Option<Wait>,
    done: u64,
    of: Option<u64>,
}

/// A wait that is under way. Dropped, it is no longer counted.
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
    pub(super) fn told_to(audience: Audience) -> Self {
        Self {
            audience,
            ..Self::default()
        }
    }

    /// Takes note of an attempt that has ended.
    pub(crate) fn observe(&self, attempt: &Attempt<'_>) {
        match attempt.repeats_after {
            Some(wait) if self.audience != Audience::Nobody => self.begin(wait, attempt.error),
            _ => self.end(),
        }
    }

    /// A wait begins: it is counted down from now on.
    fn begin(&self, wait: Duration, error: Option<ErrorKind>) {
        let left = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let (counted, told) = (self.clone(), self.clone());
        let counting = counted.count_down(left, move |waited| told.say_alone(waited));
        let counting = tokio::spawn(counting).abort_handle();
        self.change(|shown| {
            shown.wait = Some(Wait {
                left,
                reason: reason(error),
                counting,
            });
            let is_long = wait >= SECOND;
            if is_long && shown.bar.is_none() && self.audience == Audience::Terminal {
                // It is drawn when the message changes, and goes with the wait.
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

    /// Says a line, unless something goes on that says its own.
    fn say_alone(&self, waited: Duration) {
        if self.audience == Audience::Pipe && self.shown().what.is_empty() {
            terminal::say(&self.line(waited));
        }
    }

    /// The wait has ended, and with it what shows it alone.
    fn end(&self) {
        self.change(|shown| {
            shown.wait = None;
            if shown.what.is_empty()
                && let Some(bar) = shown.bar.take()
            {
                bar.finish_and_clear();
            }
        });
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

/// Why an attempt is repeated, in the user's terms.
fn reason(error: Option<ErrorKind>) -> &'static str {
    match error {
        Some(ErrorKind::RateLimited) => "for the rate limit",
        Some(ErrorKind::Connect) => "to connect again",
        Some(ErrorKind::Server) => "since the service failed",
        _ => "to try again",
    }
}

/// Something that takes a while. Dropped, it is no longer shown.
pub(crate) struct Progress {
    waits: Waits,
    bar: ProgressBar,
    lines: Option<AbortHandle>,
}

impl Output {
    /// Tells a person that something goes on; silent for programs.
    pub(crate) fn progress(&self, what: impl Into<String>) -> Progress {
        self.begin(spinner(), what.into(), None)
    }

    /// Tells a person how far something is, and when it may be done.
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
        // One that shows a wait alone gives way.
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
            let telling = tell(move |waited| terminal::say(&waits.line(waited)));
            tokio::spawn(telling).abort_handle()
        });
        Progress { waits, bar, lines }
    }
}

impl Progress {
    /// What goes on now.
    pub(crate) fn say(&self, what: impl AsRef<str>) {
        let what = for_terminal(what.as_ref(), LONGEST);
        self.waits.change(|shown| shown.what = what);
    }

    /// Lets something else have the terminal meanwhile.
    pub(crate) async fn paused<T>(&self, other: impl Future<Output = T>) -> T {
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
        let end = other.await;
        if self.waits.audience == Audience::Terminal {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        end
    }

    /// One more is done.
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

/// Where nobody watches, a line a minute says that it goes on. Real minutes, also in a sandbox.
async fn tell(say: impl Fn(Duration)) {
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
    async fn a_line_a_minute_where_nobody_watches() {
        let told = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&told);
        let telling = tokio::spawn(tell(move |_| {
            counting.fetch_add(1, SeqCst);
        }));
        SystemClock.sleep(Duration::from_secs(59)).await;
        assert_eq!(told.load(SeqCst), 0);
        SystemClock.sleep(Duration::from_secs(122)).await;
        telling.abort();
        assert_eq!(told.load(SeqCst), 3);
    }

    const LIMITED: Option<ErrorKind> = Some(ErrorKind::RateLimited);

    fn message(waits: &Waits) -> String {
        waits.shown().message()
    }

    async fn seconds(seconds: u64) {
        // A little later than what happens in that second.
        SystemClock
            .sleep(SECOND * u32::try_from(seconds).unwrap() + Duration::from_millis(1))
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_says_what_is_waited_for_and_how_far_it_is() {
        let waits = Waits::told_to(Audience::Pipe);
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
    async fn a_wait_is_counted_down_beside_what_goes_on() {
        let output = Output {
            waits: Waits::told_to(Audience::Terminal),
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
        // One that is told of meanwhile takes its place.
        output.waits.begin(Duration::from_secs(5), LIMITED);
        output.waits.begin(Duration::from_secs(9), None);
        seconds(2).await;
        assert_eq!(
            progress.bar.message(),
            "reading tags: waiting 7 s to try again"
        );
        output.waits.end();
        seconds(2).await;
        assert_eq!(progress.bar.message(), "reading tags");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_counted_down_where_nothing_else_is_shown_and_goes_when_it_ends() {
        let waits = Waits::told_to(Audience::Terminal);
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
    async fn a_long_wait_is_said_once_a_minute_while_it_lasts() {
        let told = Mutex::new(Vec::new());
        let waits = Waits::told_to(Audience::Pipe);
        let counting = waits.count_down(180, |waited| told.lock().unwrap().push(waited));
        counting.await;
        let minutes = [1, 2].map(|minutes| LINE_EVERY * minutes);
        assert_eq!(*told.lock().unwrap(), minutes);
    }

    #[tokio::test(start_paused = true)]
    async fn elsewhere_than_on_a_terminal_no_bar_is_drawn() {
        for audience in [Audience::Pipe, Audience::Nobody] {
            let waits = Waits::told_to(audience);
            waits.begin(Duration::from_secs(3), LIMITED);
            assert!(waits.shown().bar.is_none(), "{audience:?}");
        }
    }
}
