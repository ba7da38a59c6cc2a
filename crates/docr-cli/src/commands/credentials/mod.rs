//! `docr credentials`

mod docker_config;
pub(super) mod expiry;
pub(crate) mod kubernetes_secret;
pub(super) mod revoke;

noun! {
    /// Mint and revoke credentials for Docker and Kubernetes.
    Credentials:
        DockerConfig(docker_config::DockerConfig),
        KubernetesSecret(kubernetes_secret::KubernetesSecret),
        Revoke(revoke::Revoke),
}
