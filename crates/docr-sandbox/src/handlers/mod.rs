//! What each operation does.

mod certificates;
mod credentials;
mod registry;
mod subscription;

use chrono::{DateTime, Utc};

use crate::account::{Account, World};
use crate::answer::{Answer, Problem};
use crate::request::Input;
use crate::spec::Spec;

/// One call by a known account, after validation.
pub(crate) struct Call<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) world: &'a mut World,
    /// The place of the caller's account in the world.
    pub(crate) caller: usize,
    pub(crate) input: Input,
    pub(crate) now: DateTime<Utc>,
}

impl Call<'_> {
    fn account(&mut self) -> &mut Account {
        self.world.account(self.caller)
    }
}

type Handler = fn(&mut Call<'_>) -> Result<Answer, Problem>;

/// The handler of an operation of the spec.
pub(crate) fn handler(operation: &str) -> Option<Handler> {
    Some(match operation {
        "registry_get" => registry::get,
        "registry_create" => registry::create,
        "registry_delete" => registry::delete,
        "registry_validate_name" => registry::validate_name,
        "registry_get_options" => registry::options,
        "registry_get_subscription" => subscription::get,
        "registry_update_subscription" => subscription::update,
        "registry_get_dockerCredentials" => credentials::mint,
        "certificates_get" => certificates::get,
        "certificates_delete" => certificates::delete,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_spec_has_a_handler() {
        let operations = &Spec::embedded().unwrap().operations;
        let missing: Vec<_> = operations
            .iter()
            .map(|operation| &operation.id)
            .filter(|id| handler(id).is_none())
            .collect();
        assert!(!operations.is_empty());
        assert!(missing.is_empty(), "no handler for {missing:?}");
    }
}
