//! What is in the sandbox: seeds, images, tokens, credentials, certificates and garbage collections.

use std::time::Duration;

use axum::http::Method;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::seed::{ImageSeed, Seed, SeededImage};
use super::super::service::Service;
use super::super::steering::{GcStep, TokenSeed};
use super::door::{Door, Refusal};
use crate::model::credential::MintedCredential;

#[derive(JsonSchema, Serialize)]
struct AccountList {
    accounts: Vec<AccountState>,
}

#[derive(JsonSchema, Serialize)]
struct AccountState {
    tokens: Vec<TokenState>,
    /// The slug of its subscription tier.
    tier: Option<String>,
    registries: Vec<String>,
    certificates: Vec<String>,
    clusters: Vec<String>,
    credentials: Vec<MintedCredential>,
}

#[derive(JsonSchema, Serialize)]
struct TokenState {
    /// Its end; of a short one nothing.
    hint: String,
    /// What it may do; everything without any.
    scopes: Option<Vec<String>>,
    expires_at: Option<DateTime<Utc>>,
}

/// A further token of an account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    /// Its text. Without one it is made up.
    #[serde(default)]
    token: Option<String>,
    /// A token of the account that gets it; the first account without one.
    #[serde(default)]
    account: Option<String>,
    /// What it may do, such as `registry:read`; everything without any.
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// How long it lives; for ever without it.
    #[serde(default)]
    expires_in_seconds: Option<u64>,
}

#[derive(JsonSchema, Serialize)]
struct Token {
    token: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExpireToken {
    token: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Push {
    /// The name of a registry of any account.
    registry: String,
    image: ImageSeed,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MoveCollection {
    /// How far.
    to: GcStep,
}

#[derive(JsonSchema, Serialize)]
struct CollectionState {
    status: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChangeCertificate {
    /// Whether a load balancer uses it, so that it can't be deleted.
    #[serde(default)]
    in_use: Option<bool>,
    /// Ends its issuance in the state `error`.
    #[serde(default)]
    fail: bool,
    /// Renews it, as Let's Encrypt does: with another id.
    #[serde(default)]
    renew: bool,
}

#[derive(JsonSchema, Serialize)]
struct CertificateState {
    id: String,
}

pub(super) fn doors() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/accounts",
            (
                "list_accounts",
                "Lists the accounts with what they own. Tokens are not shown whole.",
            ),
            |service, _| Ok(accounts(service)),
        ),
        Door::take(
            Method::POST,
            "/v1/seed",
            (
                "seed",
                "Puts accounts with what they own into the sandbox: all of it, or nothing.",
            ),
            |service, _, seed: Seed| service.seed(&seed).map_err(Refusal::unprocessable),
        ),
        Door::take(
            Method::POST,
            "/v1/images",
            (
                "push_image",
                "Pushes an image to a registry, as a client does.",
            ),
            |service, _, push: Push| -> Result<SeededImage, Refusal> {
                let pushed = service.push_seed(&push.registry, &push.image);
                pushed.map_err(Refusal::unprocessable)
            },
        ),
        Door::take(
            Method::POST,
            "/v1/tokens",
            ("add_token", "Gives an account a further bearer token."),
            |service, _, body: TokenBody| {
                let seed = TokenSeed {
                    secret: body.token,
                    account: body.account,
                    scopes: body.scopes.map(|scopes| scopes.into_iter().collect()),
                    lives: body.expires_in_seconds.map(Duration::from_secs),
                };
                let token = service.add_token(seed).map_err(Refusal::unprocessable)?;
                Ok(Token { token })
            },
        ),
        Door::take(
            Method::POST,
            "/v1/tokens/expire",
            ("expire_token", "Lets a bearer token expire now."),
            |service, _, body: ExpireToken| match service.expire_token(&body.token) {
                true => Ok(accounts(service)),
                false => Err(Refusal::not_found("token: no account has it")),
            },
        ),
        Door::take(
            Method::POST,
            "/v1/registries/{registry}/garbage-collection",
            (
                "move_garbage_collection",
                "Moves on the active garbage collection of a registry without the clock: to its next state, to its end, or lets it fail.",
            ),
            |service, given, body: MoveCollection| {
                let registry = given.parameter("registry");
                let status = service.move_collection(registry, body.to);
                let status = status.ok_or_else(|| {
                    Refusal::not_found(format!(
                        "no garbage collection is active in a registry {registry:?}"
                    ))
                })?;
                Ok(CollectionState { status })
            },
        ),
        Door::take(
            Method::POST,
            "/v1/certificates/{name}",
            (
                "change_certificate",
                "Changes a certificate of the first account.",
            ),
            |service, given, body: ChangeCertificate| {
                change_certificate(service, given.parameter("name"), &body)
            },
        ),
    ]
}

fn accounts(service: &Service) -> AccountList {
    let state = service.state();
    let accounts = state.world.accounts().iter().map(|account| AccountState {
        tokens: account
            .tokens
            .iter()
            .map(|token| TokenState {
                hint: token.hint(),
                scopes: token
                    .scopes
                    .as_ref()
                    .map(|scopes| scopes.iter().cloned().collect()),
                expires_at: token.expires_at,
            })
            .collect(),
        tier: account
            .subscription
            .as_ref()
            .map(|current| current.tier.slug.to_owned()),
        registries: account
            .registries
            .iter()
            .map(|registry| registry.name.clone())
            .collect(),
        certificates: account
            .certificates
            .iter()
            .map(|it| it.name().to_owned())
            .collect(),
        clusters: account.clusters.keys().cloned().collect(),
        credentials: account
            .credentials
            .iter()
            .map(|credential| credential.minted)
            .collect(),
    });
    AccountList {
        accounts: accounts.collect(),
    }
}

fn change_certificate(
    service: &Service,
    name: &str,
    change: &ChangeCertificate,
) -> Result<CertificateState, Refusal> {
    let now = service.clock.now();
    service.change(|world| {
        let found = world.certificate(name);
        let (certificate, ids) =
            found.ok_or_else(|| Refusal::not_found(format!("there is no certificate {name:?}")))?;
        if change.renew && !certificate.renews() {
            let message =
                format!("renew: {name:?} is not Let's Encrypt's, and only those are renewed");
            return Err(Refusal::unprocessable(message));
        }
        if let Some(in_use) = change.in_use {
            certificate.set_in_use(in_use);
        }
        if change.fail {
            certificate.fail();
        }
        if change.renew {
            certificate.renew(ids, now);
        }
        Ok(CertificateState {
            id: certificate.id.clone(),
        })
    })
}
