//! What the accounts own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::certificate::{Certificate, Issuance};
use super::collection::{GcTiming, Run};
use super::ids::Ids;
use super::rate::Window;
use super::refusal::Refusal;
use super::store::Store;
use super::tier::{Tier, Usage};

/// A Docker credential that the sandbox handed out; the secret itself is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MintedCredential {
    /// Whether it may push and delete as well as pull.
    pub read_write: bool,
    /// The lifetime asked for, in seconds; 0 means that it never expires.
    pub expiry_seconds: u64,
    /// When it was handed out.
    pub minted_at: DateTime<Utc>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A Docker credential with its secret.
pub(crate) struct Credential {
    pub(crate) minted: MintedCredential,
    pub(crate) secret: String,
}

/// All accounts. There is always a first one.
pub(crate) struct World {
    accounts: Vec<Account>,
    pub(crate) ids: Ids,
    pub(crate) gc_timing: GcTiming,
    pub(crate) issuance: Issuance,
}

impl World {
    pub(crate) fn new(token: Option<String>, mut ids: Ids) -> Self {
        let token = token.unwrap_or_else(|| ids.secret());
        Self {
            accounts: vec![Account::new(token)],
            ids,
            gc_timing: GcTiming::default(),
            issuance: Issuance::default(),
        }
    }

    /// Opens another account and returns its token.
    pub(crate) fn add_account(&mut self) -> String {
        let token = self.ids.secret();
        self.accounts.push(Account::new(token.clone()));
        token
    }

    pub(crate) fn first(&mut self) -> &mut Account {
        &mut self.accounts[0]
    }

    /// The account that owns a token, by its place.
    pub(crate) fn owner(&self, token: &str) -> Option<usize> {
        self.accounts
            .iter()
            .position(|account| account.token == token)
    }

    /// The account for which a credential was minted, by its place.
    pub(crate) fn holder(&self, secret: &str) -> Option<usize> {
        self.accounts.iter().position(|account| {
            let mut credentials = account.credentials.iter();
            credentials.any(|credential| credential.secret == secret)
        })
    }

    pub(crate) fn account(&mut self, place: usize) -> &mut Account {
        &mut self.accounts[place]
    }

    pub(crate) fn account_where(&self, is_it: impl Fn(&Account) -> bool) -> Option<&Account> {
        self.accounts.iter().find(|account| is_it(account))
    }

    pub(crate) fn account_ref(&self, place: usize) -> &Account {
        &self.accounts[place]
    }

    /// Lets all that happens by itself happen up to `now`.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        for account in &mut self.accounts {
            for registry in &mut account.registries {
                registry.settle(now);
            }
        }
    }

    /// The account that owns a registry, and the registry's place in it.
    pub(crate) fn find_registry(&mut self, name: &str) -> Option<(&mut Account, usize)> {
        self.accounts.iter_mut().find_map(|account| {
            let place = account
                .registries
                .iter()
                .position(|registry| registry.name == name)?;
            Some((account, place))
        })
    }

    /// Registry names are one namespace for all accounts.
    pub(crate) fn has_registry(&self, name: &str) -> bool {
        self.accounts
            .iter()
            .flat_map(|account| &account.registries)
            .any(|registry| registry.name == name)
    }
}

/// One account and what belongs to it.
pub(crate) struct Account {
    pub(crate) token: String,
    pub(crate) window: Window,
    pub(crate) registries: Vec<Registry>,
    pub(crate) subscription: Option<Subscription>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) certificates: Vec<Certificate>,
    /// The registries that each Kubernetes cluster holds a pull secret of.
    pub(crate) clusters: BTreeMap<String, BTreeSet<String>>,
    /// Stored on top of what was pushed; the first registry shows it.
    pub(crate) extra: Usage,
}

impl Account {
    fn new(token: String) -> Self {
        Self {
            token,
            window: Window::default(),
            registries: Vec::new(),
            subscription: None,
            credentials: Vec::new(),
            certificates: Vec::new(),
            clusters: BTreeMap::new(),
            extra: Usage::default(),
        }
    }

    pub(crate) fn set_extra(&mut self, extra: Usage, now: DateTime<Utc>) {
        self.extra = extra;
        if let Some(first) = self.registries.first_mut() {
            first.measured_at = now;
        }
    }

    /// What all registries store.
    pub(crate) fn usage(&self) -> Usage {
        self.registries.iter().fold(self.extra, |sum, registry| {
            let repositories = registry.store.repositories().len() as u64;
            Usage {
                storage_bytes: sum.storage_bytes.saturating_add(registry.store.bytes()),
                repositories: sum.repositories.saturating_add(repositories),
            }
        })
    }

    /// The registry that a call means which names none.
    pub(crate) fn only_registry(&self) -> Result<&Registry, Refusal> {
        match self.registries.as_slice() {
            [] => Err(Refusal::missing("The account has no registry.")),
            [registry] => Ok(registry),
            _ => Err(Refusal::precondition(
                "The account has several registries: name one with /v2/registries/{registry_name}.",
            )),
        }
    }

    /// The account's subscription, which began with its registry.
    pub(crate) fn subscription(&mut self) -> Result<&mut Subscription, Refusal> {
        self.subscription
            .as_mut()
            .ok_or_else(|| Refusal::missing("The account has no subscription."))
    }

    /// Refuses a tier into which the account, with so many registries, does not fit.
    pub(crate) fn check_tier(&self, tier: &Tier, registries: usize) -> Result<(), Refusal> {
        let obstacles = tier.obstacles(self.usage(), registries);
        if obstacles.is_empty() {
            return Ok(());
        }
        let reasons = obstacles.join(" ");
        Err(Refusal::precondition(format!(
            "registry is not eligible for tier because: [{reasons}]"
        )))
    }

    /// Begins the subscription, or moves it to another tier.
    pub(crate) fn subscribe(&mut self, tier: &'static Tier, now: DateTime<Utc>) {
        match &mut self.subscription {
            Some(current) if current.tier.slug == tier.slug => {}
            Some(current) => {
                current.tier = tier;
                current.updated_at = now;
            }
            None => {
                self.subscription = Some(Subscription {
                    tier,
                    created_at: now,
                    updated_at: now,
                });
            }
        }
    }

    pub(crate) fn registry_json(&self, registry: &Registry) -> Value {
        let mut json = self.bare_registry_json(registry);
        if let Some(subscription) = &self.subscription {
            json["subscription"] = subscription.to_json();
        }
        json
    }

    /// Without the subscription.
    pub(crate) fn bare_registry_json(&self, registry: &Registry) -> Value {
        let shows_extra = self
            .registries
            .first()
            .is_none_or(|first| first.name == registry.name);
        let extra = if shows_extra {
            self.extra.storage_bytes
        } else {
            0
        };
        json!({
            "name": registry.name,
            "created_at": registry.created_at,
            "region": registry.region,
            "storage_usage_bytes": registry.store.bytes().saturating_add(extra),
            "storage_usage_bytes_updated_at": registry.measured_at,
        })
    }
}

pub(crate) struct Registry {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) store: Store,
    /// When the storage use last changed.
    pub(crate) measured_at: DateTime<Utc>,
    /// Garbage collections, the newest last. Only that one can be active.
    pub(crate) runs: Vec<Run>,
}

impl Registry {
    pub(crate) fn new(name: String, region: String, now: DateTime<Utc>) -> Self {
        Self {
            name,
            region,
            created_at: now,
            store: Store::default(),
            measured_at: now,
            runs: Vec::new(),
        }
    }

    pub(crate) fn active_run(&self) -> Option<&Run> {
        self.runs.last().filter(|run| run.is_active())
    }

    /// Brings the newest garbage collection to `now`.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        let newest = self.runs.last_mut();
        if let Some(done) = newest.and_then(|run| run.settle(&mut self.store, now)) {
            self.measured_at = self.measured_at.max(done);
        }
    }
}

pub(crate) struct Subscription {
    pub(crate) tier: &'static Tier,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Subscription {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "tier": self.tier.to_json(), "created_at": self.created_at, "updated_at": self.updated_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::refusal::Reason;

    #[test]
    fn a_call_that_names_no_registry_is_refused_when_there_are_several() {
        let mut account = Account::new("token".to_owned());
        assert_eq!(
            account
                .only_registry()
                .map(|registry| &registry.name)
                .unwrap_err()
                .reason,
            Reason::Missing
        );
        for name in ["one", "two"] {
            let (name, region) = (name.to_owned(), "nyc3".to_owned());
            let registry = Registry::new(name, region, DateTime::UNIX_EPOCH);
            account.registries.push(registry);
        }
        let refusal = account
            .only_registry()
            .map(|registry| &registry.name)
            .unwrap_err();
        assert_eq!(refusal.reason, Reason::Precondition);
        assert!(refusal.message.contains("/v2/registries/{registry_name}"));
    }
}
