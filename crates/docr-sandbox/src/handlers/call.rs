//! One call of an operation.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::http::problem::Problem;
use crate::http::request::Input;
use crate::http::written::WrittenPages;
use crate::model::account::{Account, World};
use crate::model::registry::Registry;
use crate::refusal::Reason;
use crate::spec::Spec;

/// One call by a known account, after validation.
pub(crate) struct Call<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) world: &'a mut World,
    /// The index of the caller's account.
    pub(crate) caller: usize,
    /// The scopes of the caller's token; `None` for all.
    pub(crate) scopes: Option<BTreeSet<String>>,
    /// Whether it is an older operation, for an account's only registry.
    pub(crate) legacy: bool,
    pub(crate) input: Input,
    /// A cache of serialised pages of lists.
    pub(crate) pages: &'a WrittenPages,
    /// The requested URL, without the query.
    pub(crate) url: String,
    /// Whether credentials include the sandbox's own host.
    pub(crate) names_own_host: bool,
    pub(crate) now: DateTime<Utc>,
}

impl Call<'_> {
    pub(super) fn account(&mut self) -> &mut Account {
        self.world.account(self.caller)
    }

    /// The sandbox's own host, as the client names it.
    pub(super) fn own_host(&self) -> Option<&str> {
        let (_, rest) = self.url.split_once("://").filter(|_| self.names_own_host)?;
        rest.split('/').next()
    }

    /// The registry in the path, or else the account's only one.
    pub(super) fn registry(&self) -> Result<&Registry, Problem> {
        let account = self.world.account_ref(self.caller);
        Ok(&account.registries[self.registry_place()?])
    }

    pub(super) fn registry_mut(&mut self) -> Result<&mut Registry, Problem> {
        let place = self.registry_place()?;
        Ok(&mut self.account().registries[place])
    }

    pub(super) fn registry_place(&self) -> Result<usize, Problem> {
        let account = self.world.account_ref(self.caller);
        match self.input.path("registry_name") {
            "" => {
                account.only_registry()?;
                Ok(0)
            }
            name => account
                .registries
                .iter()
                .position(|registry| registry.name == name)
                .ok_or_else(|| Reason::NoRegistry.into()),
        }
    }
}
