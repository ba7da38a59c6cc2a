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
        "As JSON, which the kubelet reads as well",
        "docr kubelet-config --registry sample --output json",
    ),
];

/// Print a CredentialProviderConfig that lets the kubelet get credentials from docr-credential-provider.
///
/// The kubelet takes it with --image-credential-provider-config, and looks for the program in the directory of
/// --image-credential-provider-bin-dir. The token stands in the environment of the kubelet, or in a file of doctl's.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct KubeletConfig {}

impl KubeletConfig {
    #[allow(clippy::unused_async, reason = "as all commands")]
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let host = account.host();
        let registry = account.choices()?.registry;
        // Only for responses that say nothing of it themselves.
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
        output.show(lines.join("\n"), &json)?;
        Ok(Outcome::Done)
    }
}
