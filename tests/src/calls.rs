//! Every operation of the spec, by its id: how a user calls it.

use docr::{Client, CredentialsRequest, Result, TierSlug};

use crate::sandbox::{registry_name, wanted_registry};

/// Calls an operation and shows the value it reads. `None` for an operation that no method offers.
pub async fn call(docr: &Client, operation: &str, certificate: &str) -> Option<Result<String>> {
    let registry = docr.account_registry();
    let certificate = certificate.parse().expect("the id of a certificate");
    Some(match operation {
        "registry_get" => shown(registry.get().await),
        "registry_create" => shown(registry.create(wanted_registry()).await),
        "registry_delete" => shown(registry.delete().await),
        "registry_get_subscription" => shown(registry.subscription().await),
        "registry_update_subscription" => shown(registry.change_tier(TierSlug::Professional).await),
        "registry_get_dockerCredentials" => {
            let wanted = CredentialsRequest::read_write();
            let credentials = registry.docker_credentials(wanted).await;
            credentials.map(|c| format!("{c:#?}\nauth of {} characters", c.auth().expose().len()))
        }
        "registry_get_options" => shown(registry.options().await),
        "registry_validate_name" => shown(registry.is_name_free(&registry_name()).await),
        "certificates_get" => shown(docr.certificates().get(&certificate).await),
        "certificates_delete" => shown(docr.certificates().delete(&certificate).await),
        _ => return None,
    })
}

fn shown<T: std::fmt::Debug>(result: Result<T>) -> Result<String> {
    result.map(|value| format!("{value:#?}"))
}
