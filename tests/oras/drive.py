"""Pushes and pulls an artifact with oras-py, and compares it with what the API reports."""

import base64
import json
import os
import pathlib
import urllib.request

import oras.client

API = os.environ["DIGITALOCEAN_API_URL"]
TOKEN = os.environ["DIGITALOCEAN_TOKEN"]
HOST = API.removeprefix("http://")


def api(path, method="GET"):
    request = urllib.request.Request(API + path, method=method, headers={"authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request) as response:
        text = response.read()
        return json.loads(text) if text else None


def credentials(read_write):
    minted = api(f"/v2/registries/sample/docker-credentials?read_write={str(read_write).lower()}")
    # For the sandbox's host as well as the service's.
    assert set(minted["auths"]) == {HOST, "registry.digitalocean.com"}, minted["auths"].keys()
    user, password = base64.b64decode(minted["auths"][HOST]["auth"]).decode().split(":", 1)
    return user, password


def client(read_write):
    logged_in = oras.client.OrasClient(hostname=HOST, insecure=True, auth_backend="token")
    user, password = credentials(read_write)
    logged_in.login(username=user, password=password, hostname=HOST)
    return logged_in


def main():
    here = pathlib.Path.cwd()
    (here / "artifact.txt").write_text("hello\n" * 20_000)
    target = f"{HOST}/sample/oras/artifact:v1"
    writer = client(True)
    pushed = writer.push(target=target, files=["artifact.txt"], disable_path_validation=True)
    assert pushed.status_code in (200, 201), pushed.text

    tags = api("/v2/registries/sample/repositories/oras%2Fartifact/tags")["tags"]
    assert [tag["tag"] for tag in tags] == ["v1"], tags
    assert client(False).get_tags(f"{HOST}/sample/oras/artifact") == ["v1"]

    pulled = client(False).pull(target=target, outdir=str(here / "pulled"))
    assert pathlib.Path(pulled[0]).read_text() == (here / "artifact.txt").read_text()

    try:
        refused = client(False).push(target=f"{HOST}/sample/oras/other:v1", files=["artifact.txt"],
                                     disable_path_validation=True)
        assert refused.status_code in (401, 403), refused.status_code
    except Exception as error:  # oras-py raises exceptions of any type
        assert "403" in str(error) or "denied" in str(error) or "issue" in str(error).lower(), error

    digest = tags[0]["manifest_digest"]
    api(f"/v2/registries/sample/repositories/oras%2Fartifact/digests/{digest}", "DELETE")
    try:
        client(False).pull(target=target, outdir=str(here / "again"))
    except Exception:
        print("pushed, listed, pulled, refused and deleted")
    else:
        raise SystemExit("an artifact that the API has deleted could be pulled")


if __name__ == "__main__":
    main()
