//! Deleting a repository of which nothing stays.

use std::time::Duration;

use super::Visit;
use crate::{
    CallOptions, ErrorKind,
    retention::{
        look::{Look, Scope},
        manifest::ManifestReader,
        observe::ObserveRetention,
        report::Outcome,
    },
};

/// How soon after the look a repository is deleted as a whole.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How often that is tried when the rate limit is in the way.
const TRIES: u32 = 5;

impl<O: ObserveRetention + Send> Visit<'_, '_, '_, O> {
    /// Deletes the repository itself, if nothing is in it but what goes. Otherwise what goes is left, with the look.
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
        // What is pushed after the look is lost, so the call waits for no turn, and not for long when it fails.
        let at_once = |calls: CallOptions| calls.paced(false).deadline(AT_ONCE);
        let repository = self.repository.with(at_once);
        let mut tries = 0;
        let result = loop {
            // To note them all, or to be told to wait, may have taken a while.
            if tries > 0 || !look.is_within(AT_ONCE, self.run.registry.clock().monotonic()) {
                look = self.look(scope, None).await?;
                if !look.has_nothing_else(&self.left) {
                    return Some(look);
                }
            }
            tries += 1;
            match repository.delete().await {
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
