//! What the accounts own.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api_token::{ApiToken, one_or_several};
use super::certificate::{Certificate, Issuance};
use super::clock::seconds;
use super::cluster::Cluster;
use super::collection::GcTiming;
use super::credential::Credential;
use super::ids::Ids;
use super::rate::Window;
use super::registry::Registry;
use super::tier::{Tier, Usage};
use super::token::Tokens;
use crate::refusal::{Reason, Refusal};
use crate::storage::Directory;

/// The most credentials of an account that are kept.
const MOST_CREDENTIALS: usize = 10_000;

/// All accounts. There is always a first one.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct World {
    accounts: Vec<Account>,
    pub(crate) ids: Ids,
    /// For tokens and uploads, separate from `ids`: a push doesn't change the ids of what is created later.
    pub(crate) protocol_ids: Ids,
    #[serde(skip)]
    pub(crate) tokens: Tokens,
    #[serde(skip)]
    pub(crate) gc_timing: GcTiming,
    #[serde(skip)]
    pub(crate) issuance: Issuance,
    /// Whether the tags of a deleted manifest are kept.
    #[serde(skip)]
    pub(crate) manifests_leave_tags: bool,
}

impl World {
    pub(crate) fn new(token: Option<String>, mut ids: Ids, protocol_ids: Ids) -> Self {
        let token = token.unwrap_or_else(|| ids.secret());
        Self {
            accounts: vec![Account::new(token)],
            ids,
            protocol_ids,
            tokens: Tokens::default(),
            gc_timing: GcTiming::default(),
            issuance: Issuance::default(),
            manifests_leave_tags: false,
        }
    }

    /// Opens another account and returns its token.
    pub(crate) fn add_account(&mut self) -> String {
        let token = self.ids.secret();
        self.open_account(token.clone());
        token
    }

    pub(crate) fn first(&mut self) -> &mut Account {
        &mut self.accounts[0]
    }

    /// The index of the account with a valid token, and the token.
    pub(crate) fn owner(&self, secret: &str, now: DateTime<Utc>) -> Option<(usize, &ApiToken)> {
        let accounts = self.accounts.iter().enumerate();
        accounts
            .flat_map(|(place, account)| account.tokens.iter().map(move |token| (place, token)))
            .find(|(_, token)| token.secret == secret && token.is_good(now))
    }

    /// The index of the account with a token, valid or not.
    pub(crate) fn place_of(&self, secret: &str) -> Option<usize> {
        let has = |account: &Account| account.tokens.iter().any(|token| token.secret == secret);
        self.accounts.iter().position(has)
    }

    /// All accounts, the first one first.
    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Opens another account with a token, and returns its index.
    pub(crate) fn open_account(&mut self, token: String) -> usize {
        self.accounts.push(Account::new(token));
        self.accounts.len() - 1
    }

    /// The index of the account for which a credential was minted.
    pub(crate) fn holder(&self, secret: &str) -> Option<usize> {
        let hash = Credential::hash(secret);
        self.accounts.iter().position(|account| {
            let mut credentials = account.credentials.iter();
            credentials.any(|credential| credential.has(&hash))
        })
    }

    /// A certificate of the first account by its name, and the source of new ids.
    pub(crate) fn certificate(&mut self, name: &str) -> Option<(&mut Certificate, &mut Ids)> {
        let mut all = self.accounts[0].certificates.iter_mut();
        let found = all.find(|certificate| certificate.name() == name)?;
        Some((found, &mut self.ids))
    }

    pub(crate) fn account(&mut self, place: usize) -> &mut Account {
        &mut self.accounts[place]
    }

    /// The index of the account that a password of the registry's protocol opens, a valid credential or an API token, and
    /// whether it may write.
    pub(crate) fn opened_by(&self, password: &str, now: DateTime<Utc>) -> Option<(usize, bool)> {
        if let Some((place, token)) = self.owner(password, now) {
            let writes = token.lacks(&["registry:update"]).is_none();
            return Some((place, writes));
        }
        let hash = Credential::hash(password);
        self.accounts
            .iter()
            .enumerate()
            .find_map(|(place, account)| {
                let mut credentials = account.credentials.iter();
                let found = credentials
                    .find(|credential| credential.has(&hash) && credential.is_good(now))?;
                Some((place, found.minted.read_write))
            })
    }

    pub(crate) fn account_ref(&self, place: usize) -> &Account {
        &self.accounts[place]
    }

    /// Does what is due up to `now`, and returns whether that changed anything that is saved.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) -> bool {
        let mut changed = false;
        for account in &mut self.accounts {
            for registry in &mut account.registries {
                changed |= registry.settle(now);
            }
        }
        changed
    }

    /// Completes what was loaded from a file: only blobs whose files exist have a content.
    pub(crate) fn restore(&mut self, directory: &Arc<Directory>) {
        // Earlier tokens are invalid, so their secrets must not be generated again.
        self.protocol_ids = self.protocol_ids.fork();
        for account in &mut self.accounts {
            for registry in &mut account.registries {
                registry.store.restore(directory);
            }
        }
    }

    /// The names of all files of blobs, as they were saved.
    pub(crate) fn files(&self) -> HashSet<String> {
        let registries = self.accounts.iter().flat_map(|account| &account.registries);
        registries
            .flat_map(|registry| registry.store.files())
            .collect()
    }

    /// The account that owns a registry, and the registry's index in it.
    pub(crate) fn find_registry(&mut self, name: &str) -> Option<(&mut Account, usize)> {
        self.accounts.iter_mut().find_map(|account| {
            let place = account
                .registries
                .iter()
                .position(|registry| registry.name == name)?;
            Some((account, place))
        })
    }

    /// Whether any account has the registry: names are globally unique.
    pub(crate) fn has_registry(&self, name: &str) -> bool {
        self.accounts
            .iter()
            .flat_map(|account| &account.registries)
            .any(|registry| registry.name == name)
    }
}

/// One account and what belongs to it.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Account {
    /// There is always a first one.
    #[serde(alias = "token", deserialize_with = "one_or_several")]
    pub(crate) tokens: Vec<ApiToken>,
    #[serde(skip)]
    pub(crate) window: Window,
    pub(crate) registries: Vec<Registry>,
    pub(crate) subscription: Option<Subscription>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) certificates: Vec<Certificate>,
    /// Kubernetes clusters, by their UUIDs.
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// What counts as stored in addition to what was pushed; the first registry shows it.
    pub(crate) extra: Usage,
}

impl Account {
    fn new(token: String) -> Self {
        Self {
            tokens: vec![ApiToken::full(token)],
            window: Window::default(),
            registries: Vec::new(),
            subscription: None,
            credentials: Vec::new(),
            certificates: Vec::new(),
            clusters: BTreeMap::new(),
            extra: Usage::default(),
        }
    }

    /// Adds a minted credential. Beyond the limit, expired and revoked ones are forgotten first, then the oldest.
    pub(crate) fn add_credential(&mut self, credential: Credential, now: DateTime<Utc>) {
        if self.credentials.len() >= MOST_CREDENTIALS {
            self.credentials
                .retain(|credential| credential.is_good(now));
        }
        if self.credentials.len() >= MOST_CREDENTIALS {
            self.credentials.remove(0);
        }
        self.credentials.push(credential);
    }

    pub(crate) fn set_extra(&mut self, extra: Usage, now: DateTime<Utc>) {
        self.extra = extra;
        if let Some(first) = self.registries.first_mut() {
            first.measured_at = now;
        }
    }

    /// The usage of all registries.
    pub(crate) fn usage(&self) -> Usage {
        self.registries.iter().fold(self.extra, |sum, registry| {
            let repositories = registry.store.repositories().len() as u64;
            Usage {
                storage_bytes: sum.storage_bytes.saturating_add(registry.store.bytes()),
                repositories: sum.repositories.saturating_add(repositories),
            }
        })
    }

    /// The index of a registry.
    pub(crate) fn registry_place(&self, name: &str) -> Option<usize> {
        let mut registries = self.registries.iter();
        registries.position(|registry| registry.name == name)
    }

    /// The number of repositories and its limit, if the repository is new to the registry at this index and would exceed
    /// the limit.
    pub(crate) fn repository_limit_for(
        &self,
        place: usize,
        repository: &str,
    ) -> Option<(u64, u64)> {
        if self.registries[place]
            .store
            .repository(repository)
            .is_some()
        {
            return None;
        }
        let used = self.usage().repositories;
        let limit = self.subscription.as_ref()?.tier.limit_reached(used)?;
        Some((used, limit))
    }

    /// The registry of a call that names none.
    pub(crate) fn only_registry(&self) -> Result<&Registry, Refusal> {
        match self.registries.as_slice() {
            [] => Err(Reason::NoRegistry.into()),
            [registry] => Ok(registry),
            _ => Err(Reason::SeveralRegistries.into()),
        }
    }

    /// The account's subscription, which started with its first registry.
    pub(crate) fn subscription(&mut self) -> Result<&mut Subscription, Refusal> {
        self.subscription
            .as_mut()
            .ok_or_else(|| Reason::NoSubscription.into())
    }

    /// Refuses a tier that is too small for the account with this number of registries.
    pub(crate) fn check_tier(&self, tier: &Tier, registries: usize) -> Result<(), Refusal> {
        let obstacles = tier.obstacles(self.usage(), registries);
        if obstacles.is_empty() {
            return Ok(());
        }
        Err(Reason::NotEligible.about(obstacles.join(" ")))
    }

    /// Starts the subscription, or moves it to another tier.
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

    /// What one of its registries stores.
    pub(crate) fn bytes_in(&self, registry: &Registry) -> u64 {
        let first = self.registries.first();
        let shows_extra = first.is_none_or(|first| first.name == registry.name);
        let extra = if shows_extra {
            self.extra.storage_bytes
        } else {
            0
        };
        registry.store.bytes().saturating_add(extra)
    }

    /// Without the subscription.
    pub(crate) fn bare_registry_json(&self, registry: &Registry) -> Value {
        json!({
            "name": registry.name,
            "created_at": seconds(registry.created_at),
            "region": registry.region,
            "storage_usage_bytes": self.bytes_in(registry),
            "storage_usage_bytes_updated_at": registry.measured_at,
        })
    }
}

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Subscription {
    #[serde(with = "super::tier::by_slug")]
    pub(crate) tier: &'static Tier,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Subscription {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "tier": self.tier.to_json(), "created_at": seconds(self.created_at), "updated_at": seconds(self.updated_at) })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::model::{collection::Run, credential::MintedCredential};

    #[test]
    fn of_too_many_credentials_useless_ones_are_dropped_and_then_the_oldest() {
        let now = DateTime::UNIX_EPOCH;
        let mut account = Account::new("token".to_owned());
        let mut mint = |number: usize, revoked: bool| {
            let minted = MintedCredential {
                read_write: false,
                expiry_seconds: 0,
                minted_at: now,
                revoked,
            };
            let credential = Credential::new(minted, &number.to_string());
            account.add_credential(credential, now);
            account.credentials.len()
        };
        for number in 0..MOST_CREDENTIALS {
            mint(number, number == 7);
        }
        assert_eq!(mint(MOST_CREDENTIALS, false), MOST_CREDENTIALS);
        assert_eq!(mint(MOST_CREDENTIALS + 1, false), MOST_CREDENTIALS);
        let has = |number: usize| {
            let hash = Credential::hash(&number.to_string());
            let mut all = account.credentials.iter();
            all.any(|credential| credential.has(&hash))
        };
        assert!(!has(0) && has(1) && !has(7) && has(MOST_CREDENTIALS + 1));
    }

    #[test]
    fn an_account_is_found_by_its_token() {
        let mut world = World::new(None, Ids::new(0, 0), Ids::new(0, 1));
        let place = world.open_account("second".to_owned());
        assert_eq!(world.account(place).tokens[0].secret, "second");
        assert_eq!(world.place_of("second"), Some(place));
    }

    #[test]
    fn a_subscription_is_changed_when_its_tier_is() {
        let hour = |hour| DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
        let mut account = Account::new("token".to_owned());
        for (at, tier, changed_at) in [(0, "starter", 0), (1, "starter", 0), (2, "basic", 2)] {
            account.subscribe(Tier::by_slug(tier).unwrap(), hour(at));
            let subscription = account.subscription.as_ref().unwrap();
            assert_eq!(subscription.updated_at, hour(changed_at));
            assert_eq!(subscription.created_at, hour(0));
        }
    }

    #[test]
    fn a_collection_that_ends_in_any_registry_is_a_change_to_save() {
        let now = DateTime::UNIX_EPOCH;
        let mut world = World::new(None, Ids::new(0, 0), Ids::new(0, 1));
        for name in ["one", "two"] {
            let mut registry = Registry::new(name.to_owned(), "nyc3".to_owned(), now);
            let timing = GcTiming::default();
            let run = Run::new(
                name.to_owned(),
                "unreferenced blobs only",
                timing,
                None,
                now,
            );
            registry.begin_run(run, now);
            world.account(0).registries.push(registry);
        }
        assert!(!world.settle(now));
        let later = now + TimeDelta::hours(1);
        assert!(world.settle(later));
        assert!(!world.settle(later));
    }

    #[test]
    fn a_call_that_names_no_registry_is_refused_when_there_are_several() {
        let mut account = Account::new("token".to_owned());
        assert_eq!(
            account
                .only_registry()
                .map(|registry| &registry.name)
                .unwrap_err()
                .reason,
            Reason::NoRegistry
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
        assert_eq!(refusal.reason, Reason::SeveralRegistries);
        assert!(refusal.message.contains("/v2/registries/{registry_name}"));
    }
}
