//! Deleting a whole repository.

use std::time::Duration;

use super::{TRIES, Visit};
use crate::{
    CallOptions, ErrorKind,
    retention::{
        look::{Look, Scope},
        manifest::ManifestReader,
        observe::ObserveRetention,
        report::Outcome,
    },
};

/// The longest time between the look and the deletion of a whole repository.
const AT_ONCE: Duration = Duration::from_secs(5);

impl<O: ObserveRetention + Send> Visit<'_, '_, '_, O> {
    /// Deletes the repository itself, if it contains only what is to be deleted. Otherwise returns the look.
    pub(super) async fn as_a_whole<R: ManifestReader + Sync>(
        &mut self,
        scope: &Scope<'_, R>,
    ) -> Option<Look> {
        let _permit = self.run.permit().await?;
        if !self.run.may_begin() {
            return None;
        }
        let mut look = self.look(scope, None).await?;
        if !look.has_nothing_else(&self.left) {
            return Some(look);
        }
        if !self.run.may_begin() {
            return Some(look);
        }
        let going = self.left.clone();
        if !self.begin_all(going.iter().copied()) {
            self.left.clear();
            return None;
        }
        let mut tries = 0;
        let result = loop {
            // Logging them all, or waiting for the rate limit, may have taken a while.
            if tries > 0 || !look.is_within(AT_ONCE, self.now()) {
                look = self.look(scope, None).await?;
                if !look.has_nothing_else(&self.left) {
                    return Some(look);
                }
            }
            tries += 1;
            // What is pushed after the look is lost, so the call is not paced, and not repeated later.
            let no_repeat_after = Some(self.now().saturating_add(AT_ONCE));
            let at_once = |calls: CallOptions| CallOptions {
                no_repeat_after,
                ..calls.paced(false)
            };
            let repository = self.repository.with(at_once);
            match self.run.finish(repository.delete()).await {
                Err(error) if error.kind() == ErrorKind::RateLimited && tries < TRIES => {}
                result => break result,
            }
        };
        let outcome = self.run.outcome(result);
        for deletion in std::mem::take(&mut self.left) {
            let gone_before = look.obstacle(deletion, |_| true);
            let gone_before = gone_before.filter(|_| outcome == Outcome::Deleted);
            self.end(deletion, gone_before.unwrap_or_else(|| outcome.clone()));
        }
        None
    }
}
