//! Every kind of change of a description is reported: tested by changing a copy of ours, and one of theirs.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{
    Comparison, Ours,
    deviations::Deviations,
    difference::{Difference, ONLY_OURS, report},
};
use crate::spec;

/// Changes of a description, each on two lines: a place with its new value, or `gone`; and the line that must report it.
const OF_OPERATIONS: &str = r##"
paths /v2/registry = gone
    GET /v2/registry: only ours
paths /v2/registry delete = gone
    DELETE /v2/registry: only ours
paths /v2/registry patch = {}
    PATCH /v2/registry: only theirs
paths /v2/registries/{registry_name}/scans = {"get":{"responses":{}}}
    GET /v2/registries/{registry_name}/scans: a related operation that ours lacks
paths /v2/registry get operationId = "registry_read"
    GET /v2/registry: operationId: ours registry_get, theirs registry_read
paths /v2/registries get deprecated = true
    GET /v2/registries: deprecated: ours none, theirs true
paths /v2/registries get tags 1 = "Beta"
    GET /v2/registries: tags: only theirs Beta
paths /v2/registries get callbacks = {"done":{}}
    GET /v2/registries: callbacks: ours none, theirs {"done":{}}
paths /v2/registries get servers = [{"url":"https://eu.example"}]
    GET /v2/registries: servers: ours none, theirs https://eu.example
paths /v2/registries servers = [{"url":"https://eu.example"}]
    POST /v2/registries: servers: ours none, theirs https://eu.example
servers 1 = {"url":"https://eu.example"}
    servers: urls: only theirs https://eu.example
paths /v2/registries keyword_of_tomorrow = 1
    /v2/registries: only theirs
paths /v2/registry get security 0 bearer_auth 1 = "registry:admin"
    GET /v2/registry: security: only theirs bearer_auth(registry:admin, registry:read)
paths /v2/registry get security 1 = {"oauth":["read"]}
    GET /v2/registry: security: only theirs oauth(read)
paths /v2/registry get security 0 key = []
    GET /v2/registry: security: only theirs bearer_auth(registry:read) and key()
paths /v2/registry get security = []
    GET /v2/registry: security: only theirs nothing
paths /v2/registry get security = gone
    GET /v2/registry: security: only theirs bearer_auth()
components securitySchemes bearer_auth scheme = "basic"
    security scheme bearer_auth: scheme: ours bearer, theirs basic
"##;

const OF_PARAMETERS: &str = r##"
paths /v2/registry parameters = [{"in":"query","name":"dry_run","schema":{"type":"boolean"}}]
    DELETE /v2/registry > query parameter dry_run: only theirs
paths /v2/registry/docker-credentials get parameters 0 = gone
    GET /v2/registry/docker-credentials > query parameter expiry_seconds: only ours
components parameters read_write in = "header"
    GET /v2/registry/docker-credentials > header parameter read_write: only theirs
components parameters read_write required = true
    GET /v2/registry/docker-credentials > query parameter read_write: required: ours false, theirs true
components parameters per_page deprecated = true
    GET /v2/certificates > query parameter per_page: deprecated: ours none, theirs true
components parameters per_page explode = false
    GET /v2/certificates > query parameter per_page: explode: ours none, theirs false
components parameters per_page schema default = 25
    GET /v2/certificates > query parameter per_page: default: ours 20, theirs 25
components parameters per_page schema default = "20"
    GET /v2/certificates > query parameter per_page: default: ours 20, theirs "20"
components parameters per_page schema maximum = gone
    GET /v2/certificates > query parameter per_page: maximum: ours 200, theirs none
components parameters per_page schema exclusiveMaximum = true
    GET /v2/certificates > query parameter per_page: exclusiveMaximum: ours none, theirs true
components parameters per_page schema exclusiveMinimum = true
    GET /v2/certificates > query parameter per_page: exclusiveMinimum: ours none, theirs true
components parameters per_page content = {"text/plain":{}}
    GET /v2/certificates > query parameter per_page as text/plain: only theirs
"##;

const OF_BODIES_AND_RESPONSES: &str = r##"
paths /v2/registry post requestBody = gone
    POST /v2/registry > request body: only ours
paths /v2/registry post requestBody required = false
    POST /v2/registry > request body: required: ours true, theirs false
paths /v2/registry post requestBody content application/x-www-form-urlencoded = {"schema":{"type":"object"}}
    POST /v2/registry > request body as application/x-www-form-urlencoded: only theirs
paths /v2/registry post requestBody content application/json encoding = {}
    POST /v2/registry > request body: encoding: ours none, theirs {}
components responses registry content = {"application/xml":{}}
    GET /v2/registry > 200 > body: only ours
components responses registry content = {"application/xml":{}}
    GET /v2/registry > 200 > body as application/xml: only theirs
components responses no_content content = {"application/json":{}}
    DELETE /v2/registry > 204 > body: only theirs
paths /v2/registry get responses 404 = gone
    GET /v2/registry > 404: only ours
paths /v2/registry get responses 418 = {"description":"A pot."}
    GET /v2/registry > 418: only theirs
paths /v2/registry get responses default = gone
    GET /v2/registry > default: only ours
components responses registry links = {"next":{}}
    GET /v2/registry > 200: links: ours none, theirs {"next":{}}
components responses too_many_requests headers retry-after = gone
    GET /v2/registry > 429 > header retry-after: only ours
components headers retry-after required = true
    GET /v2/registry > 429 > header retry-after: required: ours none, theirs true
components headers retry-after schema type = "string"
    GET /v2/registry > 429 > header retry-after: type: ours integer, theirs string
"##;

const OF_SCHEMAS: &str = r##"
components schemas registry properties subscription = gone
    GET /v2/registry > 200 > body.registry.subscription: only ours
components schemas registry properties plan = {}
    GET /v2/registry > 200 > body.registry.plan: only theirs
components schemas registry required = []
    GET /v2/registry > 200 > body.registry.name: required: ours true, theirs false
components schemas registry required 1 = "plan"
    GET /v2/registry > 200 > body.registry.plan: only theirs
components schemas registry properties created_at type = "integer"
    GET /v2/registry > 200 > body.registry.created_at: type: ours string, theirs integer
components schemas registry properties created_at format = gone
    GET /v2/registry > 200 > body.registry.created_at: format: ours date-time, theirs none
components schemas registry properties created_at nullable = true
    GET /v2/registry > 200 > body.registry.created_at: nullable: ours none, theirs true
components schemas registry properties created_at readOnly = gone
    GET /v2/registry > 200 > body.registry.created_at: readOnly: ours true, theirs none
components schemas registry properties created_at writeOnly = true
    GET /v2/registry > 200 > body.registry.created_at: writeOnly: ours none, theirs true
components schemas registry properties created_at deprecated = true
    GET /v2/registry > 200 > body.registry.created_at: deprecated: ours none, theirs true
components schemas registry properties created_at keyword_of_tomorrow = 1
    GET /v2/registry > 200 > body.registry.created_at: keyword_of_tomorrow: ours none, theirs 1
components schemas registry properties region nullable = true
    GET /v2/registry > 200 > body.registry.region: nullable: ours none, theirs true
components schemas registry properties region = {"$ref":"#/components/schemas/registry"}
    GET /v2/registry > 200 > body.registry.region: the same as: ours none, theirs GET /v2/registry > 200 > body.registry
components schemas registry additionalProperties = false
    GET /v2/registry > 200 > body.registry: additionalProperties: ours none, theirs false
components schemas registry additionalProperties = {"type":"string"}
    GET /v2/registry > 200 > body.registry.{any}: only theirs
components schemas registry minProperties = 1
    GET /v2/registry > 200 > body.registry: minProperties: ours none, theirs 1
components schemas registries_response properties registries uniqueItems = true
    GET /v2/registries > 200 > body.registries: uniqueItems: ours none, theirs true
components schemas registries_response properties registries items = {"type":"string"}
    GET /v2/registries > 200 > body.registries[]: type: ours object, theirs string
components schemas new_registry_name pattern = "^[a-z]+$"
    POST /v2/registry > request body.name: pattern: ours ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$, theirs ^[a-z]+$
components schemas new_registry_name not = gone
    POST /v2/registry > request body.name: not: ours {"pattern":"^(options|subscription|validate-name)$"}, theirs none
components schemas new_registry_name allOf = [{"maxLength":50}]
    POST /v2/registry > request body.name: maxLength: ours 63, theirs 50 and 63
components schemas garbage_collection_status enum 9 = "paused"
    GET /v2/registry/{registry_name}/garbage-collection > 200 > body.garbage_collection.status: enum: only theirs paused
components schemas garbage_collection_status enum 0 = "queued"
    GET /v2/registry/{registry_name}/garbage-collection > 200 > body.garbage_collection.status: enum: only ours requested
components schemas tier_slug enum = gone
    POST /v2/registry > request body.subscription_tier_slug: enum: ours basic | professional | starter, theirs none
components schemas certificate_create oneOf 2 = {"properties":{"csr":{}},"required":["csr"],"type":"object"}
    POST /v2/certificates > request body | csr: only theirs
components schemas certificate_create discriminator = {"propertyName":"type"}
    POST /v2/certificates > request body: discriminator: ours none, theirs {"propertyName":"type"}
components schemas certificate_create_custom properties certificate_chain minLength = 1
    POST /v2/certificates > request body | leaf_certificate, private_key.certificate_chain: minLength: ours none, theirs 1
components schemas repository properties latest_tag oneOf 1 = gone
    GET /v2/registry/{registry_name}/repositories > 200 > body.repositories[].latest_tag: empty object: ours allowed, theirs none
components schemas page_meta properties total = {"anyOf":[{"minimum":0,"type":"integer"},{"type":"string"}]}
    GET /v2/certificates > 200 > body.meta.total: anyOf: ours none, theirs integer / string
components schemas page_meta anyOf = [{"required":["total"]},{"required":["more"]}]
    GET /v2/certificates > 200 > body.meta: anyOf: ours none, theirs total / more
"##;

/// Changes of the published description that no deviation may hide.
const OF_THEIRS: &str = r##"
components schemas garbage_collection properties status enum 8 = "paused"
    POST /v2/registry/{registry_name}/garbage-collection > 201 > body.garbage_collection.status: enum: only theirs paused
components schemas garbage_collection properties status enum 0 = "queued"
    GET /v2/registry/{registry_name}/garbage-collection > 200 > body.garbage_collection.status: enum: only ours requested | waiting for delete requests
components schemas registry_create properties region enum 0 = gone
    POST /v2/registry > request body.region: enum: only ours blr1 | nyc3 | sfo2 | syd1
components schemas subscription_tier_extended properties eligibility_reasons items enum 2 = "OverTransferLimit"
    GET /v2/registry/options > 200 > body.options.subscription_tiers[].eligibility_reasons[]: enum: only theirs OverTransferLimit
components schemas registry allOf 1 properties subscription = gone
    GET /v2/registry > 200 > body.registry.subscription: only ours
components responses subscription_response content application/json schema properties subscription = gone
    GET /v2/registry/subscription > 200 > body.subscription: only ours
paths /v2/registry delete responses 404 = gone
    DELETE /v2/registry > 404: only ours
paths /v2/registry get responses 412 = gone
    GET /v2/registry > 412: only ours
components schemas registry_base properties name pattern = gone
    GET /v2/registry > 200 > body.registry.name: pattern: ours ^[a-z0-9-]{1,63}$, theirs none
"##;

/// One change, and the line that must report it.
struct Mutation<'a> {
    steps: Vec<&'a str>,
    /// The new value; `None` to remove it.
    value: Option<Value>,
    reported: &'a str,
}

impl<'a> Mutation<'a> {
    fn parse_all(text: &'a str) -> Vec<Self> {
        let lines: Vec<_> = text.trim().lines().collect();
        let pairs = lines.chunks(2).map(|pair| {
            let (place, value) = pair[0].split_once(" = ").unwrap();
            Self {
                steps: place.split(' ').collect(),
                value: (value != "gone").then(|| serde_json::from_str(value).unwrap()),
                reported: pair.get(1).map_or("", |line| line.trim()),
            }
        });
        pairs.collect()
    }

    /// Changes the document. It must not have the new value already.
    fn apply(&self, document: &mut Value) {
        let (last, above) = self.steps.split_last().unwrap();
        let holder = above.iter().fold(document, |value, step| match value {
            Value::Array(items) => &mut items[step.parse::<usize>().unwrap()],
            value => value.get_mut(*step).unwrap(),
        });
        let former = match (holder, self.value.clone()) {
            (Value::Object(map), Some(value)) => map.insert((*last).to_owned(), value),
            (Value::Object(map), None) => Some(map.remove(*last).unwrap()),
            (Value::Array(items), Some(value)) => {
                let index = last.parse::<usize>().unwrap();
                let former = (index < items.len()).then(|| items.remove(index));
                items.insert(index, value);
                former
            }
            (Value::Array(items), None) => Some(items.remove(last.parse().unwrap())),
            _ => panic!("{:?} is neither in a list nor in an object", self.steps),
        };
        assert_ne!(former, self.value, "{:?}", self.steps);
    }
}

fn changed(document: &Value, changes: &str) -> Value {
    let mut changed = document.clone();
    for mutation in Mutation::parse_all(changes) {
        mutation.apply(&mut changed);
    }
    changed
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn ours() -> Value {
    spec::load(&root()).unwrap().1
}

fn no_deviations() -> Deviations {
    Deviations::parse("").unwrap()
}

fn lines(ours: &Ours<'_>, theirs: &Value, deviations: &Deviations) -> Vec<String> {
    let comparison = Comparison::of(ours, theirs).unwrap();
    comparison.judge(deviations).lines()
}

#[track_caller]
fn assert_reported(mutations: &str, theirs: &Value, deviations: &Deviations) {
    let ours = ours();
    let ours = Ours::of(&ours).unwrap();
    assert_eq!(lines(&ours, theirs, deviations), [] as [&str; 0]);
    for mutation in Mutation::parse_all(mutations) {
        let mut mutated = theirs.clone();
        mutation.apply(&mut mutated);
        let lines = lines(&ours, &mutated, deviations);
        assert!(
            lines.iter().any(|line| line == mutation.reported),
            "{:?}: {lines:#?}",
            mutation.steps
        );
    }
}

#[test]
fn each_change_of_operations_is_reported() {
    assert_reported(OF_OPERATIONS, &ours(), &no_deviations());
}

#[test]
fn each_change_of_parameters_is_reported() {
    assert_reported(OF_PARAMETERS, &ours(), &no_deviations());
}

#[test]
fn each_change_of_bodies_and_responses_is_reported() {
    assert_reported(OF_BODIES_AND_RESPONSES, &ours(), &no_deviations());
}

#[test]
fn each_change_of_schemas_is_reported() {
    assert_reported(OF_SCHEMAS, &ours(), &no_deviations());
}

#[test]
fn a_changed_order_of_alternatives_is_one_difference() {
    let (ours, mut theirs) = (ours(), ours());
    let ours = Ours::of(&ours).unwrap();
    let pointer = "/components/schemas/certificate_create/oneOf";
    theirs
        .pointer_mut(pointer)
        .and_then(Value::as_array_mut)
        .unwrap()
        .reverse();
    assert_eq!(
        lines(&ours, &theirs, &no_deviations()),
        [
            "POST /v2/certificates > request body: oneOf: ours dns_names / leaf_certificate, private_key, \
             theirs leaf_certificate, private_key / dns_names"
        ]
    );
}

#[test]
fn prose_extensions_and_defaults_are_not_differences() {
    let (ours, theirs) = (ours(), ours());
    let ours = Ours::of(&ours).unwrap();
    let theirs = changed(
        &theirs,
        r##"
paths /v2/registry get summary = "Other words."

paths /v2/registry get x-effect = "other"

paths /v2/registries get deprecated = false

paths /v2/droplets = {"get": {}}

components schemas registry additionalProperties = true

components schemas registry properties created_at description = "Words."

components schemas tier_slug enum = ["basic", "professional", "starter"]
"##,
    );
    assert_eq!(lines(&ours, &theirs, &no_deviations()), [] as [&str; 0]);
}

#[test]
fn only_our_paths_of_a_larger_file_are_compared() {
    let (ours, mut theirs) = (ours(), ours());
    let ours = Ours::of(&ours).unwrap();
    let paths = theirs["paths"].as_object_mut().unwrap();
    for index in 0..400 {
        let elsewhere =
            json!({"get": {"responses": {"200": {"$ref": "responses/thing.yml"}}}, "delete": {}});
        paths.insert(format!("/v2/droplets/{{id}}/things{index}"), elsewhere);
    }
    paths.insert(
        "/v2/kubernetes/clusters/{id}/registry".into(),
        json!({"get": {}}),
    );
    paths.insert(
        "/v2/certificates/{id}/renewals".into(),
        json!({"$ref": "renewals.yml"}),
    );
    let comparison = Comparison::of(&ours, &theirs).unwrap();
    let deviations = no_deviations();
    let verdict = comparison.judge(&deviations);
    assert_eq!(
        verdict.lines(),
        [
            "/v2/certificates/{id}/renewals: a related operation that ours lacks",
            "GET /v2/kubernetes/clusters/{id}/registry: a related operation that ours lacks",
        ]
    );
    assert_eq!(
        comparison.summary(&verdict),
        "45 operations, 2 differences, 2 of them not listed in openapi/deviations.toml; 2 related operations that \
         openapi/docr.yaml lacks; 800 other operations, which are not compared"
    );
}

#[test]
fn references_that_cannot_be_followed_are_reported_and_nothing_is_compared() {
    let document = ours();
    let ours = Ours::of(&document).unwrap();
    let unread = r##"
paths /v2/registry get = {"$ref": "resources/registry.yml"}
    "resources/registry.yml", of GET /v2/registry
paths /v2/registry = {"$ref": "resources/registry.yml"}
    "resources/registry.yml", of /v2/registry
components schemas registry properties region = {"$ref": "https://api.example/schemas.json#/region"}
    "https://api.example/schemas.json#/region", of GET /v2/registries > 200 > body.registries[].region
components schemas registry = gone
    "#/components/schemas/registry", of GET /v2/registries > 200 > body.registries[]
components responses registry = {"$ref": "#/components/responses/registry"}
    "#/components/responses/registry", of POST /v2/registries > 201
"##;
    for mutation in Mutation::parse_all(unread) {
        let mut theirs = document.clone();
        mutation.apply(&mut theirs);
        let error = Comparison::of(&ours, &theirs).err().unwrap().to_string();
        assert!(error.starts_with("1 of its references"), "{error}");
        assert!(error.contains(mutation.reported), "{error}");
    }
}

/// The facts of the published description and the intended differences, if the former are available.
fn published() -> Option<(Value, Deviations)> {
    let file = root().join("../shared/upstream/digitalocean-docr.facts.yaml");
    let Ok(text) = fs::read_to_string(&file) else {
        println!("skipped: {} does not exist", file.display());
        return None;
    };
    let deviations = fs::read_to_string(root().join(super::DEVIATIONS)).unwrap();
    Some((
        spec::parse(&text).unwrap(),
        Deviations::parse(&deviations).unwrap(),
    ))
}

#[test]
fn no_deviation_hides_a_change_of_the_published_description() {
    let Some((published, deviations)) = published() else {
        return;
    };
    assert_reported(OF_THEIRS, &published, &deviations);
}

#[test]
fn no_deviation_hides_the_removal_of_anything_from_the_published_description() {
    let Some((published, deviations)) = published() else {
        return;
    };
    let ours = ours();
    let ours = Ours::of(&ours).unwrap();
    let comparison = Comparison::of(&ours, &published).unwrap();
    let mut losses = Vec::new();
    for (at, place) in &ours.facts {
        let Some(theirs) = comparison.theirs.get(at) else {
            continue;
        };
        let agreed = place
            .iter()
            .filter(|(key, fact)| theirs.get(*key) == Some(fact));
        let reports = agreed.flat_map(|(key, fact)| report(key, Some(fact), None));
        losses.extend(
            reports
                .chain([ONLY_OURS.to_owned()])
                .map(|what| Difference {
                    at: at.clone(),
                    what,
                }),
        );
    }
    assert!(losses.len() > 1_000);
    let verdict = deviations.judge(&losses, &ours.facts, &comparison.theirs);
    let hidden = losses.len() - verdict.unlisted.len();
    assert_eq!(hidden, 0, "of {} losses", losses.len());
}
