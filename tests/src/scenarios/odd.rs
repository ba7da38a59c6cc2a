//! Responses in which the service was seen to differ from its published description.

use std::sync::LazyLock;

use docr_sandbox::ScriptedResponse;
use serde_json::{Value, json};

/// A response to one call.
#[derive(Debug)]
pub struct Odd {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) operation: &'static str,
    pub(super) response: ScriptedResponse,
}

pub(super) fn all() -> &'static [Odd] {
    static ALL: LazyLock<Vec<Odd>> = LazyLock::new(list);
    &ALL
}

fn list() -> Vec<Odd> {
    let mut all = registries();
    all.extend(images());
    all.extend(garbage_collections());
    all.extend(certificates());
    all.extend(around_the_service());
    all
}

fn odd(
    name: &'static str,
    about: &'static str,
    (operation, status): (&'static str, u16),
    body: Value,
) -> Odd {
    Odd {
        name,
        about,
        operation,
        response: ScriptedResponse::json(status, body),
    }
}

fn error(id: &str, message: &str) -> Value {
    json!({"id": id, "message": message})
}

fn registries() -> Vec<Odd> {
    let registry = json!({"name": "acme-images", "region": "fra1"});
    let subscription =
        json!({"tier": {"slug": "basic", "included_storage_bytes": 5_368_709_120_u64}});
    let mut inside = registry.clone();
    inside["subscription"] = subscription.clone();
    let not_eligible = |reasons: &str| {
        let message = format!("registry is not eligible for tier because: [{reasons}]");
        error("precondition_failed", &message)
    };
    vec![
        odd(
            "subscription-inside-the-registry",
            "The subscription is inside the registry, as published",
            ("registry_get", 200),
            json!({"registry": inside}),
        ),
        odd(
            "subscription-beside-the-registry",
            "The subscription is beside the registry",
            ("registry_get", 200),
            json!({"registry": registry, "subscription": subscription}),
        ),
        odd(
            "registries-with-their-sum",
            "The list of registries has their total storage, beyond 32 bits",
            ("registries_list", 200),
            json!({"registries": [registry], "total_storage_usage_bytes": 107_374_182_400_u64}),
        ),
        odd(
            "registries-null",
            "An empty list is null",
            ("registries_list", 200),
            json!({"registries": null}),
        ),
        odd(
            "region-unknown",
            "A region that is newer than the description",
            ("registry_get", 200),
            json!({"registry": {"name": "acme-images", "region": "mars1"}}),
        ),
        odd(
            "timestamp-with-nanoseconds",
            "A timestamp with nanoseconds",
            ("registry_get", 200),
            json!({"registry": {"name": "acme-images", "created_at": "2026-01-12T09:30:00.123456789Z"}}),
        ),
        odd(
            "unknown-fields",
            "Fields that are newer than the description",
            ("registry_get", 200),
            json!({"registry": {"name": "acme-images", "mirrors": [{"to": "ams3"}]}, "warnings": null}),
        ),
        odd(
            "registry-none",
            "An account without a registry",
            ("registry_get", 404),
            error("not_found", "registry not found"),
        ),
        odd(
            "several-registries",
            "An older call, refused because the account has several registries",
            ("registry_get", 412),
            error(
                "precondition_failed",
                "this call is for accounts with one registry",
            ),
        ),
        odd(
            "registry-there-already",
            "A second registry in an account that may have one",
            ("registry_create", 422),
            error(
                "unprocessable_entity",
                "your account already has a registry",
            ),
        ),
        odd(
            "registry-name-taken",
            "A registry name that another account has",
            ("registry_create", 409),
            error("conflict", "name already exists"),
        ),
        odd(
            "tier-not-eligible",
            "A tier that the account is not eligible for, with the reasons in the message",
            ("registries_create", 412),
            not_eligible("OverRegistryLimit"),
        ),
        odd(
            "tier-not-eligible-for-unknown-reasons",
            "A tier that the account is not eligible for, with an unknown reason",
            ("registries_update_subscription", 412),
            not_eligible("OverStorageLimit OverPatienceLimit"),
        ),
        odd(
            "credentials-of-another-form",
            "Credentials that are neither base64 nor of any known form",
            ("registries_get_dockerCredentials", 200),
            json!({"auths": {"registry.digitalocean.com": {"auth": "%%% person@example.com:new form"}}}),
        ),
    ]
}

fn images() -> Vec<Odd> {
    let page = |repository: Value| json!({"repositories": [repository], "meta": {"total": 1}});
    let digest = format!("sha256:{}", "ab".repeat(32));
    vec![
        odd(
            "latest-manifest-absent",
            "An empty repository has no latest manifest",
            ("registries_list_repositoriesV2", 200),
            page(json!({"name": "empty", "registry_name": "acme-images"})),
        ),
        odd(
            "latest-manifest-null",
            "The latest manifest of an empty repository is null",
            ("registries_list_repositoriesV2", 200),
            page(json!({"name": "empty", "latest_manifest": null})),
        ),
        odd(
            "latest-tag-null",
            "The latest tag of an empty repository is null",
            ("registry_list_repositories", 200),
            page(json!({"name": "empty", "latest_tag": null})),
        ),
        odd(
            "blob-size-misspelt",
            "A blob's size under another name",
            ("registries_list_repositoryManifests", 200),
            json!({"manifests": [{"digest": digest, "tags": null, "blobs": [
                {"digest": digest, "compressed_size_byte": 2803}
            ]}]}),
        ),
        odd(
            "sizes-beyond-32-bits",
            "Sizes beyond 32 bits",
            ("registries_list_repositoryTags", 200),
            json!({"tags": [{"tag": "v1", "manifest_digest": digest,
                "compressed_size_bytes": 107_374_182_400_u64, "size_bytes": 214_748_364_800_u64}]}),
        ),
    ]
}

fn garbage_collections() -> Vec<Odd> {
    let run = |status: &str| {
        json!({"garbage_collection": {
            "uuid": "eff0feee-49c7-4e8f-ba5c-a320c109c8a8",
            "status": status,
            "type": "untagged manifests only",
        }})
    };
    vec![
        odd(
            "run-waiting-for-delete-requests",
            "An unpublished status of a garbage collection, and its type",
            ("registries_get_garbageCollection", 200),
            run("waiting for delete requests"),
        ),
        odd(
            "run-success",
            "A status that the prose spells differently",
            ("registries_get_garbageCollection", 200),
            run("success"),
        ),
        odd(
            "run-none",
            "No garbage collection is active",
            ("registries_get_garbageCollection", 404),
            error("not_found", "no active garbage collection"),
        ),
    ]
}

fn certificates() -> Vec<Odd> {
    let certificate = |dns_names: Value| {
        json!({"id": "892071a0-bb95-49bc-8021-3afd67a210bf", "name": "shop-back", "type": "lets_encrypt",
            "state": "pending", "not_after": "", "sha1_fingerprint": "", "dns_names": dns_names})
    };
    let one = |dns_names| json!({ "certificate": certificate(dns_names) });
    vec![
        odd(
            "certificate-pending",
            "A pending certificate, whose expiry and fingerprint are empty strings",
            ("certificates_get", 200),
            one(json!(["back.example.com"])),
        ),
        odd(
            "certificates-with-odd-names",
            "Certificates with an empty name, with no names, and with null",
            ("certificates_list", 200),
            json!({"certificates": [certificate(json!([""])), certificate(json!([])), certificate(Value::Null)],
                "meta": {"total": 3}}),
        ),
        odd(
            "certificate-accepted",
            "A certificate is created with 202 instead of 201",
            ("certificates_create", 202),
            one(json!(["back.example.com"])),
        ),
        odd(
            "certificate-name-taken",
            "A certificate name that is taken",
            ("certificates_create", 422),
            error("unprocessable_entity", "certificate name must be unique"),
        ),
        odd(
            "certificate-domain-not-managed",
            "A domain that the account doesn't manage",
            ("certificates_create", 422),
            error(
                "unprocessable_entity",
                "domain is not managed by this account",
            ),
        ),
        odd(
            "certificate-in-use",
            "A certificate that a load balancer uses",
            ("certificates_delete", 403),
            error(
                "forbidden",
                "Make sure the certificate is not in use before deleting it",
            ),
        ),
        odd(
            "certificate-unavailable",
            "A failure that is not documented for certificates",
            ("certificates_get", 503),
            error("service_unavailable", "try again later"),
        ),
    ]
}

fn around_the_service() -> Vec<Odd> {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    vec![
        Odd {
            name: "html-of-a-proxy",
            about: "A proxy in front of the service responds with a page",
            operation: "registries_get",
            response: ScriptedResponse::html(502, page),
        },
        Odd {
            name: "html-in-place-of-success",
            about: "A success with an HTML page",
            operation: "registries_get",
            response: ScriptedResponse::html(200, page),
        },
        Odd {
            name: "empty-in-place-of-success",
            about: "A success with an empty body",
            operation: "registries_get",
            response: ScriptedResponse::status(200),
        },
        odd(
            "null-in-place-of-success",
            "A success with the body null",
            ("registries_get", 200),
            Value::Null,
        ),
        Odd {
            name: "limit-of-the-minute",
            about: "The limit per minute is exceeded: retry-after reports when to retry",
            operation: "registries_get",
            response: ScriptedResponse::json(
                429,
                error("too_many_requests", "API Rate limit exceeded."),
            )
            .header("retry-after", "37"),
        },
        Odd {
            name: "limit-of-the-hour",
            about: "The limit per hour is exceeded: only ratelimit-reset reports when to retry",
            operation: "registries_get",
            response: ScriptedResponse::json(
                429,
                error("too_many_requests", "API Rate limit exceeded."),
            )
            .header("ratelimit-remaining", "0")
            .header("ratelimit-reset", "1767269400"),
        },
        odd(
            "error-without-request-id",
            "An error whose request id is in a header only",
            ("registries_get", 500),
            error("server_error", "Unexpected server-side error"),
        ),
    ]
}
