//! `docr credentials`

mod docker_config;
pub(super) mod expiry;
pub(crate) mod kubernetes_secret;
pub(super) mod revoke;

noun! {
    /// Credentials with which Docker and Kubernetes pull and push.
    Credentials:
        DockerConfig(docker_config::DockerConfig),
        KubernetesSecret(kubernetes_secret::KubernetesSecret),
        Revoke(revoke::Revoke),
}
