//! The short-lived tokens of the registry's own protocol.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::later;

/// How long a token is valid.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// The most repositories that all tokens together may name, each token counting as one more. Beyond that the oldest
/// tokens become invalid, and their clients get new ones.
const MOST: usize = 20_000;

/// What may be done to a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actions {
    pub(crate) pull: bool,
    pub(crate) push: bool,
    pub(crate) delete: bool,
}

impl Actions {
    pub(crate) const PULL: Self = Self {
        pull: true,
        push: false,
        delete: false,
    };

    /// Whether it includes changes.
    pub(crate) fn writes(self) -> bool {
        self.push || self.delete
    }

    /// Whether it includes everything in `wanted`.
    pub(crate) fn cover(self, wanted: Self) -> bool {
        self.pull >= wanted.pull && self.push >= wanted.push && self.delete >= wanted.delete
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            pull: self.pull || other.pull,
            push: self.push || other.push,
            delete: self.delete || other.delete,
        }
    }
}

/// What a token was issued for.
#[derive(Clone)]
pub(crate) struct Token {
    /// The index of the account.
    pub(crate) account: usize,
    /// The actions in each repository, which is named with its registry.
    pub(crate) access: BTreeMap<String, Actions>,
    expires_at: DateTime<Utc>,
}

impl Token {
    pub(crate) fn may(&self, name: &str, wanted: Actions) -> bool {
        let granted = self.access.get(name).copied();
        granted.is_some_and(|granted| granted.cover(wanted))
    }

    fn size(&self) -> usize {
        1 + self.access.len()
    }
}

/// All tokens that are still valid.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    tokens: HashMap<String, Token>,
    /// The oldest first; all are valid equally long.
    order: VecDeque<String>,
    /// The total that [`MOST`] limits.
    size: usize,
}

impl Tokens {
    pub(crate) fn issue(
        &mut self,
        secret: String,
        account: usize,
        access: BTreeMap<String, Actions>,
        now: DateTime<Utc>,
    ) {
        let token = Token {
            account,
            access,
            expires_at: later(now, LIFETIME),
        };
        self.size += token.size();
        self.forget(now);
        self.order.push_back(secret.clone());
        self.tokens.insert(secret, token);
    }

    pub(crate) fn get(&self, secret: &str, now: DateTime<Utc>) -> Option<&Token> {
        let token = self.tokens.get(secret)?;
        (now < token.expires_at).then_some(token)
    }

    /// When the last token that may write to a registry expires.
    pub(crate) fn written_until(
        &self,
        registry: &str,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let writes = |(name, actions): (&String, &Actions)| {
            let of = name.split_once('/').map_or("", |(registry, _)| registry);
            of == registry && actions.writes()
        };
        let tokens = self.tokens.values();
        let writing =
            tokens.filter(|token| now < token.expires_at && token.access.iter().any(writes));
        writing.map(|token| token.expires_at).max()
    }

    /// Forgets expired tokens, and the oldest beyond the limit.
    fn forget(&mut self, now: DateTime<Utc>) {
        while let Some(oldest) = self.order.front() {
            if self.size <= MOST && self.get(oldest, now).is_some() {
                return;
            }
            if let Some(gone) = self.order.pop_front()
                && let Some(token) = self.tokens.remove(&gone)
            {
                self.size -= token.size();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_grants_its_scopes_until_it_expires() {
        let start = DateTime::UNIX_EPOCH;
        let mut tokens = Tokens::default();
        let access = |name: &str, actions| BTreeMap::from([(name.to_owned(), actions)]);
        let push = Actions {
            push: true,
            ..Actions::PULL
        };
        tokens.issue("a".to_owned(), 0, access("acme/api", push), start);
        let later = start + TimeDelta::minutes(1);
        tokens.issue("b".to_owned(), 0, access("acme/api", Actions::PULL), later);

        let token = tokens.get("a", start).unwrap();
        assert!(token.may("acme/api", push));
        assert!(!token.may("acme/web", Actions::PULL));
        assert_eq!(
            tokens.written_until("acme", start),
            Some(start + LIFETIME),
            "a token that only pulls is not waited for"
        );
        assert_eq!(tokens.written_until("other", start), None);
        assert_eq!(tokens.written_until("acme", start + LIFETIME), None);
        assert!(tokens.get("a", start + LIFETIME).is_none());
        tokens.issue("c".to_owned(), 0, BTreeMap::new(), start + LIFETIME);
        assert_eq!(tokens.tokens.len(), 2, "what has expired is forgotten");
    }

    #[test]
    fn of_too_many_tokens_the_oldest_are_dropped() {
        let now = DateTime::UNIX_EPOCH;
        let mut tokens = Tokens::default();
        let access = BTreeMap::from([("acme/api".to_owned(), Actions::PULL)]);
        for number in 0..MOST {
            tokens.issue(number.to_string(), 0, access.clone(), now);
        }
        assert_eq!((tokens.size, tokens.tokens.len()), (MOST, MOST / 2));
        assert_eq!(tokens.order.len(), MOST / 2);
        let is_good = |number: usize| tokens.get(&number.to_string(), now).is_some();
        assert!(!is_good(MOST / 2 - 1) && is_good(MOST / 2));
    }
}
