//! Which credentials are live: those that somebody holds, and those that nobody can know.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use docr_sandbox::{MintedCredential, Sandbox};

/// How long credentials in files are valid.
pub(super) const IN_FILES: Duration = Duration::from_secs(12 * 3_600);
/// When they are renewed.
pub(super) const HALF_OF_LIFE: Duration = Duration::from_secs(6 * 3_600);
/// Longer than minting takes.
const MINTING: Duration = Duration::from_secs(3_600);

/// What of the sandbox's credentials nobody has to know.
#[derive(Default)]
pub(super) struct Credentials {
    /// Those of which the response was lost, by their place.
    lost: BTreeSet<usize>,
    /// How often a credential that nobody waited for could not be revoked.
    pub(super) unrevoked: usize,
}

impl Credentials {
    /// The response was lost with which the newest one was handed out.
    pub(super) fn lost_newest(&mut self, sandbox: &Sandbox) {
        self.lost.insert(sandbox.minted_credentials() - 1);
    }

    /// How many of a kind are live, but for those that were lost.
    fn live(&self, sandbox: &Sandbox, is_of_kind: impl Fn(&MintedCredential) -> bool) -> usize {
        let all = sandbox.credentials();
        { all.iter().enumerate() }
            .filter(|(place, minted)| {
                !minted.revoked && !self.lost.contains(place) && is_of_kind(minted)
            })
            .count()
    }

    /// Those that clients mint for themselves are live as long as they hold them, and no longer.
    pub(super) fn check_held(&self, sandbox: &Sandbox, least: usize, most: usize) {
        let is_of_clients = |minted: &MintedCredential| minted.expiry_seconds > 86_400;
        let live = self.live(sandbox, is_of_clients);
        assert!(
            live >= least,
            "{live} credentials are live, and {least} are held"
        );
        assert!(
            live <= most + self.unrevoked,
            "{live} credentials are live, {most} are held, and {} could not be revoked",
            self.unrevoked
        );
    }

    /// Those in files are renewed after half of their life, and not before: one at most is younger, whatever minting took.
    pub(super) fn check_in_files(&self, sandbox: &Sandbox, now: DateTime<Utc>) {
        let almost_half = TimeDelta::from_std(HALF_OF_LIFE - MINTING).unwrap();
        let young = self.live(sandbox, |minted| {
            minted.expiry_seconds == IN_FILES.as_secs() && now - minted.minted_at < almost_half
        });
        assert!(
            young <= 1 + self.unrevoked,
            "{young} credentials in files are young and live, and {} could not be revoked",
            self.unrevoked
        );
    }
}
