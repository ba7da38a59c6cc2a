"""Makes every registry, certificate and cluster call of the official Python client against the sandbox."""

import os
import time
from urllib.parse import parse_qs, urlsplit

import pydo
from azure.core.exceptions import HttpResponseError

REGISTRY = "sample"
REPOSITORY = "shop/api"

client = pydo.Client(
    token=os.environ["DIGITALOCEAN_TOKEN"],
    endpoint=os.environ["DIGITALOCEAN_API_URL"],
    retry_total=0,
)
called = set()
passed = 0


class Recording:
    """A group of calls that records which were made."""

    def __init__(self, name):
        self.name = name
        self.group = getattr(client, name)

    def __getattr__(self, method):
        call = getattr(self.group, method)

        def recorded(*args, **kwargs):
            global passed
            response = call(*args, **kwargs)
            called.add((self.name, method))
            passed += 1
            print(f"{self.name}.{method}")
            return response

        return recorded

    def calls(self):
        names = [name for name in dir(self.group) if not name.startswith("_")]
        return {(self.name, name) for name in names if callable(getattr(self.group, name))}


registry = Recording("registry")
registries = Recording("registries")
certificates = Recording("certificates")
kubernetes = Recording("kubernetes")


def refused(status, call, *args, **kwargs):
    """Checks that a call fails with this status, as the client reports it."""
    try:
        response = call(*args, **kwargs)
    except HttpResponseError as error:
        assert error.status_code == status, error
        return
    # The client returns failures that its description documents as values.
    ids = {404: "not_found", 409: "conflict", 412: "precondition_failed"}
    assert response["id"] == ids[status], response


def images(group, prefix):
    """The calls of both groups about a registry's images."""
    page = group.list_repositories_v2(REGISTRY, per_page=1)
    assert page["meta"]["total"] >= 2, page
    next_page = urlsplit(page["links"]["pages"]["next"])
    [token] = parse_qs(next_page.query)["page_token"]
    second = group.list_repositories_v2(REGISTRY, per_page=1, page_token=token)
    assert second["repositories"][0]["name"] != page["repositories"][0]["name"], second

    tags = group.list_repository_tags(REGISTRY, REPOSITORY)["tags"]
    manifests = group.list_repository_manifests(REGISTRY, REPOSITORY)["manifests"]
    assert {tag["manifest_digest"] for tag in tags} <= {manifest["digest"] for manifest in manifests}
    deleted = tags[0]["tag"]
    group.delete_repository_tag(REGISTRY, REPOSITORY, deleted)
    left = group.list_repository_tags(REGISTRY, REPOSITORY)["tags"]
    assert deleted not in [tag["tag"] for tag in left]
    group.delete_repository_manifest(REGISTRY, REPOSITORY, left[0]["manifest_digest"])
    assert len(group.list_repository_tags(REGISTRY, REPOSITORY)["tags"]) < len(left)

    if prefix == "registry":
        run = group.run_garbage_collection(REGISTRY, {"type": "untagged manifests and unreferenced blobs"})
    else:
        run = group.run_garbage_collection(REGISTRY)
    run = run["garbage_collection"]
    assert run["registry_name"] == REGISTRY, run
    assert group.get_garbage_collection(REGISTRY)["garbage_collection"]["uuid"] == run["uuid"]
    group.update_garbage_collection(REGISTRY, run["uuid"], {"cancel": True})
    runs = group.list_garbage_collections(REGISTRY)["garbage_collections"]
    assert runs[0]["uuid"] == run["uuid"], runs
    # The sandbox takes a few seconds to cancel.
    for _ in range(60):
        if group.list_garbage_collections(REGISTRY)["garbage_collections"][0]["status"] == "cancelled":
            break
        time.sleep(0.5)
    else:
        raise AssertionError("the run was not cancelled")


def account(group):
    """The calls of both groups about the account."""
    options = group.get_options()["options"]
    assert {tier["slug"] for tier in options["subscription_tiers"]} == {"starter", "basic", "professional"}
    assert group.get_subscription()["subscription"]["tier"]["slug"] == "professional"
    changed = group.update_subscription({"tier_slug": "professional"})
    assert changed["subscription"]["tier"]["included_storage_bytes"] == 107374182400
    group.validate_name({"name": "still-free"})
    refused(409, client.registry.validate_name, {"name": REGISTRY})


def older_calls():
    assert registry.get()["registry"]["name"] == REGISTRY
    account(registry)
    minted = registry.get_docker_credentials(expiry_seconds=3600, read_write=True)
    assert minted["auths"]["registry.digitalocean.com"]["auth"]
    latest = registry.list_repositories(REGISTRY)["repositories"][0]["latest_tag"]
    assert latest["registry_name"] == REGISTRY, latest
    images(registry, "registry")
    kubernetes.add_registry({"cluster_uuids": [CLUSTER]})
    kubernetes.remove_registry({"cluster_uuids": [CLUSTER]})


def newer_calls():
    account(registries)
    assert [one["name"] for one in registries.list()["registries"]] == [REGISTRY]
    minted = registries.get_docker_credentials(REGISTRY)
    assert minted["auths"]["registry.digitalocean.com"]["auth"]
    images(registries, "registries")
    second = registries.create({"name": "second", "region": "fra1"})
    assert second["registry"]["region"] == "fra1", second
    assert registries.get("second")["registry"]["name"] == "second"
    refused(412, client.registry.get)
    both = {"cluster_uuids": [CLUSTER], "registries": [REGISTRY, "second"]}
    kubernetes.add_registries(both)
    kubernetes.remove_registries(both)
    registries.delete_repository(REGISTRY, REPOSITORY)
    registries.delete("second")
    refused(404, client.registries.get, "second")


def certificate_calls():
    wanted = {"name": "driven", "type": "lets_encrypt", "dns_names": ["driven.example.com"]}
    created = certificates.create(wanted)["certificate"]
    assert created["state"] == "pending", created
    refused(422, client.certificates.create, wanted)
    assert certificates.get(created["id"])["certificate"]["name"] == "driven"
    named = certificates.list(name="driven")
    assert named["meta"]["total"] == 1, named
    certificates.delete(created["id"])
    refused(404, client.certificates.get, created["id"])


CLUSTER = os.environ["DOCR_SAMPLE_CLUSTER"]
certificate_calls()
older_calls()
newer_calls()
registry.delete()
registry.create({"name": "once-more", "subscription_tier_slug": "starter"})

groups = registry.calls() | registries.calls() | certificates.calls()
groups |= {call for call in kubernetes.calls() if "regist" in call[1]}
missing = sorted(groups - called)
assert not missing, f"not called: {missing}"
print(f"{len(groups)} methods")
print(f"{passed} passed, 0 failed")
