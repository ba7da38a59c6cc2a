//! Observing the deletions while a plan is executed.

use std::{io, time::Duration};

use super::{plan::Deletion, report::RetentionStep};

/// Observes each deletion before it starts and after it has ended, such as an audit log: see
/// [`RetentionExecution::run_observed`](super::RetentionExecution::run_observed).
///
/// ```no_run
/// use std::{fs::File, io::{self, Write as _}, time::Duration};
/// use docr::retention::{Deletion, ObserveRetention, RetentionStep};
///
/// struct AuditLog(File);
///
/// impl ObserveRetention for AuditLog {
///     fn begins(&mut self, deletion: &Deletion) -> io::Result<()> {
///         writeln!(self.0, "deleting {deletion}")?;
///         self.0.sync_data()
///     }
///
///     fn ended(&mut self, step: &RetentionStep) {
///         let _ = writeln!(self.0, "{step}");
///     }
///
///     fn waits(&mut self, duration: Duration) {
///         eprintln!("waiting {duration:.0?} for the rate limit");
///     }
/// }
///
/// # async fn example(plan: docr::retention::RetentionPlan, registry: docr::RegistryHandle) -> Result<(), Box<dyn std::error::Error>> {
/// let mut log = AuditLog(File::create("audit.log")?);
/// let report = plan.execution(&registry)?.run_observed(&mut log).await;
/// # Ok(())
/// # }
/// ```
pub trait ObserveRetention {
    /// Called before a deletion starts.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being recorded. Nothing more is deleted then.
    fn begins(&mut self, deletion: &Deletion) -> io::Result<()>;

    /// Called when the outcome of a deletion is known.
    fn ended(&mut self, step: &RetentionStep);

    /// Called before a wait for the rate limit, after which the repository is looked at again. By default it does nothing.
    ///
    /// See the [example](ObserveRetention).
    fn waits(&mut self, duration: Duration) {
        let _ = duration;
    }
}

/// A closure that is called only after each deletion.
pub(super) struct Ends<F>(pub(super) F);

impl<F: FnMut(&RetentionStep)> ObserveRetention for Ends<F> {
    fn begins(&mut self, _: &Deletion) -> io::Result<()> {
        Ok(())
    }

    fn ended(&mut self, step: &RetentionStep) {
        (self.0)(step);
    }
}
