//! `docr kubelet-config`

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    ("For all registries of the account", "docr kubelet-config"),
    (
        "As JSON, which the kubelet accepts, too",
        "docr kubelet-config --registry sample --output json",
    ),
];

/// Print a kubelet configuration for docr-credential-provider.
///
/// Pass it to the kubelet as --image-credential-provider-config, with the directory of the program as
/// --image-credential-provider-bin-dir. The token is read from the kubelet's environment or from doctl's configuration.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct KubeletConfig {}

impl KubeletConfig {
    #[allow(clippy::unused_async, reason = "as all commands")]
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let host = account.host();
        let registry = account.choices()?.registry;
        // For responses without a duration of their own.
        let keep = "1h0m0s";
        let mut lines = vec![
            "apiVersion: kubelet.config.k8s.io/v1".to_owned(),
            "kind: CredentialProviderConfig".to_owned(),
            "providers:".to_owned(),
            "  - name: docr-credential-provider".to_owned(),
            "    apiVersion: credentialprovider.kubelet.k8s.io/v1".to_owned(),
            "    matchImages:".to_owned(),
            format!("      - \"{host}\""),
            format!("    defaultCacheDuration: \"{keep}\""),
        ];
        let mut provider = json!({
            "name": "docr-credential-provider",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            "matchImages": [host],
            "defaultCacheDuration": keep,
        });
        if let Some(registry) = registry {
            lines.push("    env:".to_owned());
            lines.push("      - name: DOCR_CREDENTIAL_REGISTRY".to_owned());
            lines.push(format!("        value: \"{registry}\""));
            provider["env"] = json!([{ "name": "DOCR_CREDENTIAL_REGISTRY", "value": registry }]);
        }
        let json = json!({
            "apiVersion": "kubelet.config.k8s.io/v1",
            "kind": "CredentialProviderConfig",
            "providers": [provider],
        });
        match output.is_json() {
            true => output.show("", &json)?,
            false => output.show_verbatim(&lines.join("\n"))?,
        }
        Ok(Outcome::Done)
    }
}
