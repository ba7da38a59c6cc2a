//! Running a program, which gets the signals that this one gets.

use std::process::{Command, ExitStatus};

use anyhow::{Context as _, Result, anyhow};
#[cfg(not(unix))]
use tokio::process::Child;

use crate::output::WrongInput;

/// Runs a program, and returns its exit code.
pub(super) async fn run(command: Command) -> Result<u8> {
    let mut signals = Signals::new()?;
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| anyhow!(WrongInput(format!("cannot run {program:?}: {error}"))))?;
    let status = until_end(&mut child, &mut signals).await;
    let status = status.with_context(|| format!("cannot wait for {program:?}"))?;
    Ok(code(status))
}

/// The exit code, as in shells.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    let code = status.code().unwrap_or(1);
    // Windows has larger codes.
    u8::try_from(code).unwrap_or(1)
}

#[cfg(unix)]
use unix::{Signals, until_end};

#[cfg(unix)]
mod unix {
    use std::{
        io::{self, IsTerminal as _},
        process::ExitStatus,
        time::Duration,
    };

    use rustix::process::{Pid, Signal, kill_process};
    use tokio::{
        process::Child,
        signal::unix::{SignalKind, signal},
        time::timeout,
    };

    /// How long a program may take to end after a signal.
    const GRACE: Duration = Duration::from_secs(5);

    pub(super) struct Signals {
        interrupt: tokio::signal::unix::Signal,
        terminate: tokio::signal::unix::Signal,
        hangup: tokio::signal::unix::Signal,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
            })
        }
    }

    pub(super) async fn until_end(
        child: &mut Child,
        signals: &mut Signals,
    ) -> io::Result<ExitStatus> {
        loop {
            tokio::select! {
                ended = child.wait() => return ended,
                _ = signals.interrupt.recv() => {
                    // A terminal sends Ctrl-C to both programs.
                    if !io::stdin().is_terminal() {
                        send(child, Signal::INT);
                    }
                }
                _ = signals.terminate.recv() => return end(child, Signal::TERM).await,
                _ = signals.hangup.recv() => return end(child, Signal::HUP).await,
            }
        }
    }

    /// Signals a program to end, and kills it if it doesn't.
    async fn end(child: &mut Child, how: Signal) -> io::Result<ExitStatus> {
        send(child, how);
        // A shell at a prompt only ends on a hangup.
        send(child, Signal::HUP);
        if let Ok(ended) = timeout(GRACE, child.wait()).await {
            return ended;
        }
        child.kill().await?;
        child.wait().await
    }

    fn send(child: &Child, signal: Signal) {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw) {
            // It fails if the program has ended, which is fine.
            let _ = kill_process(pid, signal);
        }
    }
}

/// On other platforms the console signals both programs.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }
}

#[cfg(not(unix))]
async fn until_end(child: &mut Child, _: &mut Signals) -> std::io::Result<ExitStatus> {
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
