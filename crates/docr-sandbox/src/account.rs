//! What the accounts own.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::answer::Problem;
use crate::certificate::Certificate;
use crate::ids::Ids;
use crate::rate::Window;
use crate::tier::Tier;

/// What the registries of an account store, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of storage.
    pub storage_bytes: u64,
    /// Number of repositories.
    pub repositories: u64,
}

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
}

/// All accounts. There is always a first one.
pub(crate) struct World {
    accounts: Vec<Account>,
    pub(crate) ids: Ids,
}

impl World {
    pub(crate) fn new(token: Option<String>, mut ids: Ids, now: DateTime<Utc>) -> Self {
        let token = token.unwrap_or_else(|| ids.secret());
        Self {
            accounts: vec![Account::new(token, now)],
            ids,
        }
    }

    /// Opens another account and returns its token.
    pub(crate) fn add_account(&mut self, now: DateTime<Utc>) -> String {
        let token = self.ids.secret();
        self.accounts.push(Account::new(token.clone(), now));
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

    pub(crate) fn account(&mut self, place: usize) -> &mut Account {
        &mut self.accounts[place]
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
    pub(crate) credentials: Vec<MintedCredential>,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) usage: Usage,
    pub(crate) usage_measured_at: DateTime<Utc>,
}

impl Account {
    fn new(token: String, now: DateTime<Utc>) -> Self {
        Self {
            token,
            window: Window::default(),
            registries: Vec::new(),
            subscription: None,
            credentials: Vec::new(),
            certificates: Vec::new(),
            usage: Usage::default(),
            usage_measured_at: now,
        }
    }

    pub(crate) fn measure(&mut self, usage: Usage, now: DateTime<Utc>) {
        self.usage = usage;
        self.usage_measured_at = now;
    }

    /// The registry that a call means which names none.
    pub(crate) fn only_registry(&self) -> Result<&Registry, Problem> {
        match self.registries.as_slice() {
            [] => Err(Problem::not_found("The account has no registry.")),
            [registry] => Ok(registry),
            _ => Err(Problem::precondition_failed(
                "The account has several registries: name one with /v2/registries/{registry_name}.",
            )),
        }
    }

    /// The account's subscription, which began with its registry.
    pub(crate) fn subscription(&mut self) -> Result<&mut Subscription, Problem> {
        self.subscription
            .as_mut()
            .ok_or_else(|| Problem::not_found("The account has no subscription."))
    }

    /// Refuses a tier into which the account, with so many registries, does not fit.
    pub(crate) fn check_tier(&self, tier: &Tier, registries: usize) -> Result<(), Problem> {
        let obstacles = tier.obstacles(self.usage, registries);
        if obstacles.is_empty() {
            return Ok(());
        }
        let reasons = obstacles.join(" ");
        Err(Problem::precondition_failed(format!(
            "registry is not eligible for tier because: [{reasons}]"
        )))
    }

    pub(crate) fn registry_json(&self, registry: &Registry) -> Value {
        let mut answer = json!({
            "name": registry.name,
            "created_at": registry.created_at,
            "region": registry.region,
            "storage_usage_bytes": self.usage.storage_bytes,
            "storage_usage_bytes_updated_at": self.usage_measured_at,
        });
        if let Some(subscription) = &self.subscription {
            answer["subscription"] = subscription.to_json();
        }
        answer
    }
}

pub(crate) struct Registry {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) created_at: DateTime<Utc>,
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

    #[test]
    fn a_call_that_names_no_registry_is_refused_when_there_are_several() {
        let mut account = Account::new("token".to_owned(), DateTime::UNIX_EPOCH);
        assert_eq!(
            account
                .only_registry()
                .map(|registry| &registry.name)
                .unwrap_err()
                .status,
            404
        );
        for name in ["one", "two"] {
            let (name, region) = (name.to_owned(), "nyc3".to_owned());
            account.registries.push(Registry {
                name,
                region,
                created_at: DateTime::UNIX_EPOCH,
            });
        }
        let problem = account
            .only_registry()
            .map(|registry| &registry.name)
            .unwrap_err();
        assert_eq!(problem.status, 412);
        assert!(problem.message.contains("/v2/registries/{registry_name}"));
    }
}
