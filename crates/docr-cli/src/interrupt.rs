//! Interrupts: by Ctrl-C, by a signal, or by a closed pipe.

use std::{
    io, process,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use docr::CallOptions;
use tokio::sync::watch;

/// The exit code of an interrupted command, as for Ctrl-C in shells.
pub(crate) const EXIT_CODE: u8 = 130;

/// Whether a command in progress handles the first signal itself.
static IS_HANDLED: AtomicBool = AtomicBool::new(false);

/// Ends the program on the first signal that no command handles, and on a second one in any case. Calls `tidy` before.
pub(crate) fn exit_on_signals(tidy: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        if IS_HANDLED.load(SeqCst) {
            signals.next().await;
        }
        tidy();
        process::exit(EXIT_CODE.into());
    });
    Ok(())
}

/// Whether the user has asked to stop. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Interrupt(watch::Sender<bool>);

impl Interrupt {
    /// Listens from now on: the first signal asks to stop, instead of ending the program.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = Self(watch::Sender::new(false));
        let mut signals = Signals::new()?;
        IS_HANDLED.store(true, SeqCst);
        let asked = interrupt.clone();
        tokio::spawn(async move {
            signals.next().await;
            asked.stop();
        });
        Ok(interrupt)
    }

    /// Asks to stop.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether a stop was requested.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a stop is requested.
    pub(crate) fn asked(&self) -> impl Future<Output = ()> + Send + use<> {
        let (interrupt, mut asked) = (self.clone(), self.0.subscribe());
        async move {
            // It can't fail: the sender lives as long as `interrupt`.
            let _ = asked.wait_for(|asked| *asked).await;
            drop(interrupt);
        }
    }

    /// Begins no further attempt of calls once a stop is requested.
    pub(crate) fn stops(&self, calls: CallOptions) -> CallOptions {
        calls.until(self.asked())
    }

    /// The result of a future, or `None` if interrupted before it is ready.
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.asked() => None,
        }
    }
}

#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        if !is_hangup_ignored() {
            kinds.push(SignalKind::hangup());
        }
        let signals = kinds.into_iter().map(signal);
        Ok(Self(signals.collect::<io::Result<_>>()?))
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let mut signals = self.0.iter_mut();
            match signals.any(|signal| signal.poll_recv(context).is_ready()) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

/// Whether the program is to survive its terminal, as with `nohup`.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    // This file exists on Linux only; elsewhere a hangup interrupts like Ctrl-C.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Whether the reader of the output has closed it, so that further output is lost.
#[cfg(unix)]
pub(crate) fn is_output_closed() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let out = io::stdout();
    let mut watched = [PollFd::new(&out, PollFlags::OUT)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let is_polled = poll(&mut watched, Some(&at_once)).is_ok();
    is_polled && watched[0].revents().contains(PollFlags::ERR)
}

#[cfg(not(unix))]
pub(crate) fn is_output_closed() -> bool {
    false
}
