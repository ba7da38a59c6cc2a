//! What goes on meanwhile: a line that moves on a terminal, a line a minute elsewhere.

use std::{
    io::{self, IsTerminal as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use docr::{Attempt, Clock as _, ErrorKind, SystemClock, for_terminal};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::AbortHandle;

use super::{Output, terminal};

const TICK: Duration = Duration::from_millis(120);
const LINE_EVERY: Duration = Duration::from_secs(60);
const LONGEST: usize = 200;

/// What the command waits for, as the client reports it. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Waits(Arc<Mutex<Shown>>);

/// What is shown now.
#[derive(Default)]
struct Shown {
    bar: Option<ProgressBar>,
    what: String,
    wait: Option<String>,
    done: u64,
    of: Option<u64>,
}

impl Waits {
    /// Takes note of an attempt that has ended.
    pub(crate) fn observe(&self, attempt: &Attempt<'_>) {
        let wait = attempt.repeats_after.map(|wait| {
            let seconds = wait.as_secs_f64().ceil();
            format!("waiting {seconds} s {}", reason(attempt.error))
        });
        self.change(|shown| shown.wait = wait);
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut shown);
        if let Some(bar) = &shown.bar {
            bar.set_message(shown.message());
        }
    }

    fn line(&self, waited: Duration) -> String {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = shown.of.map(|of| format!(", {} of {of}", shown.done));
        let (counted, waited) = (counted.unwrap_or_default(), HumanDuration(waited));
        format!("{}{counted} (for {waited})", shown.message())
    }
}

impl Shown {
    fn message(&self) -> String {
        match &self.wait {
            Some(wait) => format!("{}: {wait}", self.what),
            None => self.what.clone(),
        }
    }
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
    is_watched: bool,
    lines: Option<AbortHandle>,
}

impl Output {
    /// Tells a person that something goes on; silent for programs.
    pub(crate) fn progress(&self, what: impl Into<String>) -> Progress {
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let bar = ProgressBar::new_spinner();
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        self.begin(bar, what.into(), None)
    }

    /// Tells a person how far something is, and when it may be done.
    pub(crate) fn counted(&self, what: impl Into<String>, of: usize) -> Progress {
        let style = ProgressStyle::with_template("{bar:20} {pos}/{len} {eta} left {wide_msg}");
        let bar = ProgressBar::new(of as u64);
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.begin(bar, what.into(), Some(of as u64))
    }

    fn begin(&self, bar: ProgressBar, what: String, of: Option<u64>) -> Progress {
        let is_shown = !self.is_json() && !self.is_quiet;
        let is_watched = is_shown && io::stderr().is_terminal();
        match is_watched {
            true => bar.enable_steady_tick(TICK),
            false => bar.set_draw_target(ProgressDrawTarget::hidden()),
        }
        let shown_bar = bar.clone();
        self.waits.change(|shown| {
            *shown = Shown {
                bar: Some(shown_bar),
                what: for_terminal(&what, LONGEST),
                wait: shown.wait.take(),
                done: 0,
                of,
            };
        });
        let lines = (is_shown && !is_watched).then(|| {
            let waits = self.waits.clone();
            let telling = tell(move |waited| terminal::say(&waits.line(waited)));
            tokio::spawn(telling).abort_handle()
        });
        let waits = self.waits.clone();
        Progress {
            waits,
            bar,
            is_watched,
            lines,
        }
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
        if self.is_watched {
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

    #[test]
    fn the_line_says_what_is_waited_for_and_how_far_it_is() {
        let waits = Waits::default();
        waits.change(|shown| {
            shown.what = "deleting".to_owned();
            shown.wait = Some(format!(
                "waiting 38 s {}",
                reason(Some(ErrorKind::RateLimited))
            ));
            (shown.done, shown.of) = (3, Some(7));
        });
        assert_eq!(
            waits.line(Duration::from_secs(120)),
            "deleting: waiting 38 s for the rate limit, 3 of 7 (for 2 minutes)"
        );
    }
}
