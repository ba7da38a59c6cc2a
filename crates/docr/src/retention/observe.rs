//! Who is told of the deletions while a plan is carried out.

use std::io;

use super::{plan::Deletion, report::RetentionStep};

/// Is told of each deletion before it begins, and when it has ended: see [`RetentionExecution::run_observed`](super::RetentionExecution::run_observed).
pub trait ObserveRetention {
    /// A deletion is about to begin.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being noted. Nothing more is deleted then.
    fn begins(&mut self, deletion: &Deletion) -> io::Result<()>;

    /// It is known what became of a deletion.
    fn ended(&mut self, step: &RetentionStep);
}

/// A closure that is told of the ends alone.
pub(super) struct Ends<F>(pub(super) F);

impl<F: FnMut(&RetentionStep)> ObserveRetention for Ends<F> {
    fn begins(&mut self, _: &Deletion) -> io::Result<()> {
        Ok(())
    }

    fn ended(&mut self, step: &RetentionStep) {
        (self.0)(step);
    }
}
