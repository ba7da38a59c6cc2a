//! Pull secrets for Kubernetes.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, SecondsFormat, Utc};
use docr_api::Secret;
use serde_json::json;

use crate::{DockerCredentials, InvalidInput, RegistryName};

/// The namespace from which DigitalOcean's Kubernetes copies pull secrets to all others.
const SYSTEM: &str = "kube-system";
/// Marks a secret to copy.
const COPY_ANNOTATION: &str = "digitalocean.com/dosecret-identifier";
/// When the credentials expire, for people.
const EXPIRY_ANNOTATION: &str = "docr-rs.github.io/expires-at";
const TYPE: &str = "kubernetes.io/dockerconfigjson";
const KEY: &str = ".dockerconfigjson";

/// A pull secret for Kubernetes, named as by `doctl`: `registry-` and the registry's name, in `kube-system`,
/// from where DigitalOcean's Kubernetes copies it to all namespaces.
///
/// ```no_run
/// use docr::{CredentialsRequest, KubernetesSecret};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let credentials = registry.docker_credentials(CredentialsRequest::read_only()).await?;
/// let secret = KubernetesSecret::new(registry.name()).namespaces(["shop", "tools"]);
/// println!("{}", secret.manifest(&credentials)?.expose()); // for kubectl apply -f -
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct KubernetesSecret {
    name: String,
    namespaces: BTreeSet<String>,
    expires_at: Option<DateTime<Utc>>,
}

impl KubernetesSecret {
    /// A secret `registry-` and the registry's name, in the namespace `kube-system`.
    pub fn new(registry: &RegistryName) -> Self {
        Self {
            name: format!("registry-{registry}"),
            namespaces: BTreeSet::from([SYSTEM.to_owned()]),
            expires_at: None,
        }
    }

    /// Adds an annotation with the time when the credentials expire.
    ///
    /// ```
    /// # fn example(registry: &docr::RegistryName, credentials: &docr::DockerCredentials) {
    /// use docr::KubernetesSecret;
    ///
    /// let mut secret = KubernetesSecret::new(registry);
    /// if let Some(lifetime) = credentials.expires_in() {
    ///     secret = secret.expires_at(chrono::Utc::now() + lifetime);
    /// }
    /// # }
    /// ```
    pub fn expires_at(mut self, instant: DateTime<Utc>) -> Self {
        self.expires_at = Some(instant);
        self
    }

    /// Sets another name.
    ///
    /// ```
    /// # let registry = "acme-images".parse()?;
    /// let secret = docr::KubernetesSecret::new(&registry).name("acme-pull").namespaces(["shop"]);
    /// secret.check()?;
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the namespaces, in place of `kube-system`.
    pub fn namespaces<N: Into<String>>(mut self, namespaces: impl IntoIterator<Item = N>) -> Self {
        self.namespaces = namespaces.into_iter().map(Into::into).collect();
        self
    }

    /// The manifest in YAML, one document for each namespace.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn manifest(&self, credentials: &DockerCredentials) -> Result<Secret, InvalidInput> {
        self.check()?;
        let data = data(credentials);
        let documents = self.namespaces.iter().map(|namespace| {
            // Quoted, since a name such as 1e3 or null would be read as something else.
            let mut yaml = format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"{}\"\n  namespace: \"{namespace}\"\n",
                self.name
            );
            let annotations = self.annotations(namespace);
            if !annotations.is_empty() {
                yaml += "  annotations:\n";
            }
            for (key, value) in annotations {
                yaml += &format!("    {key}: \"{value}\"\n");
            }
            yaml + &format!("type: {TYPE}\ndata:\n  {KEY}: {}\n", data.expose())
        });
        let documents: Vec<_> = documents.collect();
        Ok(documents.join("---\n").into())
    }

    /// The manifest in JSON: a `Secret`, or a `List` of them for several namespaces.
    ///
    /// ```
    /// # fn example(secret: docr::KubernetesSecret, credentials: &docr::DockerCredentials) -> Result<(), docr::InvalidInput> {
    /// let manifest = secret.namespaces(["shop"]).manifest_json(credentials)?;
    /// println!("{}", manifest.expose()); // for kubectl apply -f -
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn manifest_json(&self, credentials: &DockerCredentials) -> Result<Secret, InvalidInput> {
        self.check()?;
        let data = data(credentials);
        let secret = |namespace: &String| {
            let mut metadata = json!({ "name": self.name, "namespace": namespace });
            let annotations = self.annotations(namespace);
            if !annotations.is_empty() {
                metadata["annotations"] = json!(annotations);
            }
            json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": metadata,
                "type": TYPE,
                "data": { KEY: data.expose() },
            })
        };
        let mut secrets: Vec<_> = self.namespaces.iter().map(secret).collect();
        let manifest = match (secrets.len(), secrets.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                secrets.extend(last);
                json!({ "apiVersion": "v1", "kind": "List", "items": secrets })
            }
        };
        Ok(format!("{manifest:#}").into())
    }

    /// The secrets as objects for a Kubernetes client, one for each namespace (feature `kubernetes`).
    ///
    /// ```
    /// # fn example(secret: docr::KubernetesSecret, credentials: &docr::DockerCredentials) -> Result<(), docr::InvalidInput> {
    /// for object in secret.objects(credentials)? {
    ///     println!("{:?}/{:?}", object.metadata.namespace, object.metadata.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    #[cfg(feature = "kubernetes")]
    pub fn objects(
        &self,
        credentials: &DockerCredentials,
    ) -> Result<Vec<k8s_openapi::api::core::v1::Secret>, InvalidInput> {
        use k8s_openapi::{
            ByteString, api::core::v1, apimachinery::pkg::apis::meta::v1::ObjectMeta,
        };
        self.check()?;
        let config = credentials.docker_config_json();
        let objects = self.namespaces.iter().map(|namespace| v1::Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(namespace.clone()),
                annotations: Some(self.annotations(namespace))
                    .filter(|annotations| !annotations.is_empty())
                    .map(|all| {
                        all.into_iter()
                            .map(|(key, value)| (key.to_owned(), value))
                            .collect()
                    }),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            data: Some([(KEY.to_owned(), ByteString(config.expose().into()))].into()),
            ..v1::Secret::default()
        });
        Ok(objects.collect())
    }

    fn annotations(&self, namespace: &str) -> BTreeMap<&'static str, String> {
        let copy = (namespace == SYSTEM).then(|| (COPY_ANNOTATION, self.name.clone()));
        let expiry = self.expires_at.map(|instant| {
            let instant = instant.to_rfc3339_opts(SecondsFormat::Secs, true);
            (EXPIRY_ANNOTATION, instant)
        });
        copy.into_iter().chain(expiry).collect()
    }

    /// Checks the name and the namespaces, for example before credentials are minted.
    ///
    /// ```
    /// # let registry = "acme-images".parse()?;
    /// let secret = docr::KubernetesSecret::new(&registry).namespaces(["Shop"]);
    /// assert_eq!(secret.check().unwrap_err().field(), "Kubernetes namespace");
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`], if Kubernetes would reject the name or a namespace, or there is no namespace.
    pub fn check(&self) -> Result<(), InvalidInput> {
        check_name("name of the Kubernetes secret", &self.name, 253, true)?;
        if self.namespaces.is_empty() {
            let rule = "is empty; a secret needs at least one namespace";
            return Err(InvalidInput::new("Kubernetes namespaces", "", rule));
        }
        let mut namespaces = self.namespaces.iter();
        namespaces.try_for_each(|name| check_name("Kubernetes namespace", name, 63, false))
    }
}

fn data(credentials: &DockerCredentials) -> Secret {
    let config = credentials.docker_config_json();
    BASE64.encode(config.expose()).into()
}

/// The rules of RFC 1123 for a label, or for a subdomain, which is labels with dots between.
fn check_name(
    field: &'static str,
    name: &str,
    most: usize,
    dots: bool,
) -> Result<(), InvalidInput> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(allowed)
            && label.ends_with(allowed)
            && label.chars().all(|c| allowed(c) || c == '-')
    };
    let is_name = match dots {
        true => name.split('.').all(is_label),
        false => is_label(name),
    };
    if is_name && name.len() <= most {
        return Ok(());
    }
    let between = if dots { "hyphens and dots" } else { "hyphens" };
    let rule = format!(
        "is not a valid name; use at most {most} lower-case letters and digits, with {between} between them"
    );
    Err(InvalidInput::new(field, name, rule))
}

#[cfg(test)]
mod tests {
    use docr_api::types;
    use serde_json::Value;

    use super::*;
    use crate::CredentialsRequest;

    fn credentials() -> DockerCredentials {
        let response = r#"{"auths": {"registry.digitalocean.com": {"auth": "bmV3OnNlY3JldA=="}}}"#;
        let response: types::DockerCredentials = serde_json::from_str(response).unwrap();
        DockerCredentials::new(response, CredentialsRequest::read_only()).unwrap()
    }

    #[test]
    fn a_secret_has_annotations_only_if_there_is_something_to_annotate() {
        let secret = KubernetesSecret::new(&"acme".parse().unwrap());
        let metadata = |secret: &KubernetesSecret| {
            let json = secret.manifest_json(&credentials()).unwrap();
            let mut json: Value = serde_json::from_str(json.expose()).unwrap();
            json["metadata"].take()
        };
        let plain = secret.clone().namespaces(["shop"]);
        let expected = json!({ "name": "registry-acme", "namespace": "shop" });
        assert_eq!(metadata(&plain), expected);
        let yaml = plain.manifest(&credentials()).unwrap();
        assert!(!yaml.expose().contains("annotations"));
        let expiring = plain.expires_at(DateTime::UNIX_EPOCH);
        let annotations = metadata(&expiring)["annotations"].take();
        assert_eq!(annotations[EXPIRY_ANNOTATION], "1970-01-01T00:00:00Z");
        let yaml = expiring.manifest(&credentials()).unwrap();
        assert!(yaml.expose().contains("  annotations:\n"));
    }

    #[test]
    fn several_namespaces_make_a_list_and_one_makes_a_secret() {
        let secret = KubernetesSecret::new(&"acme".parse().unwrap());
        let json = |namespaces: &[&str]| -> Value {
            let secret = secret.clone().namespaces(namespaces.iter().copied());
            let json = secret.manifest_json(&credentials()).unwrap();
            serde_json::from_str(json.expose()).unwrap()
        };
        assert_eq!(json(&["shop"])["kind"], "Secret");
        let list = json(&["web", "shop", "kube-system"]);
        assert_eq!(list["kind"], "List");
        for (place, namespace) in ["kube-system", "shop", "web"].iter().enumerate() {
            assert_eq!(list["items"][place]["metadata"]["namespace"], *namespace);
        }
        assert_eq!(list["items"].as_array().unwrap().len(), 3);
    }
}
