"""Uses a registry as a team would, for any length of time: images are pushed over the registry's protocol and pruned, garbage
is collected, credential helpers hand out credentials. Programs are killed in the middle of it, and so is the sandbox, which keeps
everything on the disk. Nothing that was accepted may be lost, and nothing may pile up.

In the first half of the time no sandbox is killed, so that its memory can be measured; in the second half they are. Of Python
only the standard library is used. A run prints one line of JSON, or fails with status 1 and what went wrong.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import deque
from concurrent.futures import ThreadPoolExecutor

REGISTRY, TOKEN = "soak", "soak-token"
REPOSITORIES = [f"team/app-{number}" for number in range(4)]
KEPT = 5
PROCESSES = 3
# Beyond what the sandbox itself holds: the log of requests, tokens of the protocol.
GROWTH, SLACK = 1.15, 6 * 1024 * 1024
# How many files there are depends on when garbage was last collected.
FILES_GROWTH, FILES_SLACK = 1.5, 100
BROKEN = (http.client.HTTPException, OSError)


class Wrong(Exception):
    """A promise was broken."""


def check(holds, what):
    if not holds:
        raise Wrong(what)


class Sandbox:
    """The sandbox as a process, which is started again on the same port with the same data."""

    def __init__(self, program, directory):
        self.command = [program, "--json", "--token", TOKEN, "--data", directory / "data"]
        self.directory, self.process = directory, None
        # Bound here too, so that nobody else gets the port while the sandbox is down.
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("127.0.0.1", 0))
        self.command += ["--port", str(self.reserved.getsockname()[1])]

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        check(line, "the sandbox does not start")
        self.url = json.loads(line)["url"]
        self.host = urllib.parse.urlsplit(self.url).netloc
        self.steer("PUT", "/rate-limits", {"per_minute": 1_000_000, "per_hour": 1_000_000})

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def steer(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        headers = {"content-type": "application/json"}
        status, _, read = self.request(method, f"/_docr/v1{path}", text, headers)
        check(status < 300, f"{method} {path}: {status} {read[:200]}")
        return json.loads(read) if read else None

    def api(self, path):
        status, _, read = self.request("GET", path, headers={"authorization": f"Bearer {TOKEN}"})
        check(status == 200, f"GET {path}: {status} {read[:200]}")
        return json.loads(read)

    def memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024


class Refused(Exception):
    """The registry refused what it may refuse: it is read-only while garbage is collected, or the credential was revoked."""


class Registry:
    """A client of the registry's protocol."""

    def __init__(self, sandbox, credentials):
        self.sandbox, self.credentials = sandbox, credentials

    def token(self, repository):
        user = base64.b64encode(":".join(self.credentials).encode()).decode()
        scope = urllib.parse.quote(f"repository:{REGISTRY}/{repository}:pull,push")
        path = f"/v2/registry/auth?service=registry.digitalocean.com&scope={scope}"
        status, _, read = self.sandbox.request("GET", path, headers={"authorization": f"Basic {user}"})
        if status == 401:
            raise Refused
        check(status == 200, f"a token: {status} {read[:200]}")
        return {"authorization": f"Bearer {json.loads(read)['token']}"}

    def call(self, wanted, method, path, body=None, headers=None):
        status, answered, read = self.sandbox.request(method, path, body, headers)
        if status in (401, 403, 405, 409, 503):
            raise Refused
        check(status == wanted, f"{method} {path}: {status} {read[:200]}")
        return answered, read

    def push(self, repository, tag, layers):
        """Pushes an image, and returns the digest of its manifest."""
        base, token = f"/v2/{REGISTRY}/{repository}", self.token(repository)
        descriptors = []
        for media_type, content in layers:
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            answered, _ = self.call(202, "POST", f"{base}/blobs/uploads/", b"", token)
            place = urllib.parse.urlsplit(answered["location"])
            query = f"{place.query}&" if place.query else ""
            target = f"{place.path}?{query}digest={urllib.parse.quote(digest)}"
            octets = {"content-type": "application/octet-stream", **token}
            self.call(201, "PUT", target, content, octets)
            descriptors.append({"mediaType": media_type, "size": len(content), "digest": digest})
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptors[0],
            "layers": descriptors[1:],
        }
        text = json.dumps(manifest).encode()
        self.call(201, "PUT", f"{base}/manifests/{tag}", text, {"content-type": manifest["mediaType"], **token})
        return "sha256:" + hashlib.sha256(text).hexdigest()

    def pull(self, repository, digest):
        """Pulls an image whole, and compares each digest."""
        base, token = f"/v2/{REGISTRY}/{repository}", self.token(repository)
        accept = {"accept": "application/vnd.oci.image.manifest.v1+json", **token}
        _, text = self.call(200, "GET", f"{base}/manifests/{digest}", None, accept)
        check("sha256:" + hashlib.sha256(text).hexdigest() == digest, f"the manifest {digest} has changed")
        manifest = json.loads(text)
        for blob in [manifest["config"], *manifest["layers"]]:
            _, content = self.call(200, "GET", f"{base}/blobs/{blob['digest']}", None, token)
            check("sha256:" + hashlib.sha256(content).hexdigest() == blob["digest"], f"{blob['digest']} has changed")


class Soak:
    def __init__(self, programs, directory, seed):
        self.random = random.Random(seed)
        self.directory = directory
        self.docr, self.helper = programs / "docr", programs / "docker-credential-docr"
        self.sandbox = Sandbox(programs / "docr-sandbox", directory)
        # In the order in which they were pushed. A push that was cut off may have been accepted.
        self.images = {repository: [] for repository in REPOSITORIES}
        self.unsure = {repository: set() for repository in REPOSITORIES}
        self.pushed, self.counts = 0, {}
        self.memory, self.files = [], []
        # The tags before a prune, until its effect is known.
        self.before = {}
        # Kills the sandbox in the middle of the current step; None if it is left alone.
        self.killer = None
        # The last steps, which explain a failure.
        self.steps = deque(maxlen=12)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def environment(self):
        return {
            "HOME": str(self.directory / "home"),
            "PATH": os.environ["PATH"],
            "DIGITALOCEAN_TOKEN": TOKEN,
            "DIGITALOCEAN_API_URL": self.sandbox.url,
            "DOCR_CREDENTIAL_SCOPE": "read-write",
            "DOCR_CREDENTIAL_REGISTRY": REGISTRY,
        }

    def program(self, *command, given=None, may_be_killed=True):
        """Runs a program, and sometimes kills it in the middle: then it returns None."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=self.environment()
        )
        is_killed = may_be_killed and self.random.random() < 0.2
        timer = threading.Timer(self.random.uniform(0.005, 0.25), process.kill) if is_killed else None
        if timer:
            timer.start()
        try:
            output, errors = process.communicate(given, timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Wrong(f"{command} does not exit") from None
        finally:
            if timer:
                timer.cancel()
        if process.returncode == -signal.SIGKILL:
            self.count("clients killed")
            return None
        return process.returncode, output, errors

    def credentials(self):
        """What Docker would get from its helper. Several run at the same time, and share one credential."""
        with ThreadPoolExecutor(PROCESSES) as pool:
            running = [pool.submit(self.program, self.helper, "get", given=self.sandbox.host) for _ in range(PROCESSES)]
        ended = [each for each in (each.result() for each in running) if each]
        for status, output, _ in ended:
            if status == 0:
                self.count("credentials handed out")
                read = json.loads(output)
                return read["Username"], read["Secret"]
        check(self.killer or not ended, f"no helper hands out a credential: {ended}")
        raise Refused

    def push(self):
        repository = self.random.choice(REPOSITORIES)
        self.pushed += 1
        tag = f"build-{self.pushed}"
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"build": tag}}}).encode()
        layer = self.random.randbytes(self.random.randrange(1000, 200_000))
        base = b"the same for all" * 1000
        kind = "application/vnd.oci.image.layer.v1.tar"
        layers = [("application/vnd.oci.image.config.v1+json", config), (kind, base), (kind, layer)]
        try:
            digest = Registry(self.sandbox, self.credentials()).push(repository, tag, layers)
        except (*BROKEN, Refused):
            self.unsure[repository].add(tag)
            raise
        self.images[repository].append((tag, digest))
        self.count("images pushed")

    def tags(self, repository):
        """All tags of a repository by the API."""
        tags, page = {}, 1
        path = f"/v2/registries/{REGISTRY}/repositories/{urllib.parse.quote(repository, safe='')}/tags"
        while True:
            read = self.sandbox.api(f"{path}?per_page=200&page={page}")
            tags.update({tag["tag"]: tag for tag in read["tags"] or []})
            if len(tags) >= read["meta"]["total"]:
                return tags
            page += 1

    def prune(self):
        self.before = {repository: self.tags(repository) for repository, images in self.images.items() if images}
        rules = ["--keep-newest", str(KEPT), "--min-age", "0s"]
        command = [self.docr, "-r", REGISTRY, "prune", "--apply", "--yes", *rules]
        ended = self.program(*command)
        is_done = ended is not None and ended[0] == 0
        if is_done:
            self.count("prunes")
        self.settle(ended if is_done else None)

    def settle(self, done):
        """A prune has deleted what it may delete, or some of it, if it was cut off."""
        for repository, tags in self.before.items():
            left = self.tags(repository)
            for name in tags.keys() - left.keys():
                check(self.is_prunable(name, tags), f"{repository}:{name} was pruned, and is among the newest {KEPT} of {tags}")
                self.count("images pruned")
            check(not done or len(left) <= KEPT, f"{repository} has {len(left)} tags after a prune to {KEPT}: {done}")
            # The last requests of a prune that was killed may be carried out after this list was read.
            may_go = set() if done else {name for name in tags.keys() & left.keys() if self.is_prunable(name, tags)}
            self.images[repository] = [image for image in self.images[repository] if image[0] in left.keys() - may_go]
            self.unsure[repository] = (self.unsure[repository] & left.keys()) | may_go
        self.before = {}

    @staticmethod
    def is_prunable(name, tags):
        """Whether so many others are as new that a prune may delete it."""
        as_new = [tag for tag in tags if tag != name and tags[tag]["updated_at"] >= tags[name]["updated_at"]]
        return len(as_new) >= KEPT

    def collect(self):
        command = [self.docr, "-r", REGISTRY, "gc", "run", "--type", "both", "--yes"]
        ended = self.program(*command, may_be_killed=False)
        active = self.sandbox.request(
            "GET", f"/v2/registries/{REGISTRY}/garbage-collection", headers={"authorization": f"Bearer {TOKEN}"}
        )[0]
        if active == 200:
            self.sandbox.steer("POST", f"/registries/{REGISTRY}/garbage-collection", {"to": "end"})
            self.count("garbage collections")
        else:
            check(ended[0] != 0, f"a garbage collection was started and is missing: {ended}")

    def look(self):
        """Nothing that was accepted is missing, and nothing has piled up."""
        for repository, images in self.images.items():
            if not images:
                continue
            tags = self.tags(repository)
            for tag, digest in images:
                found = tags.get(tag, {}).get("manifest_digest")
                check(found == digest, f"{repository}:{tag} is lost: {found} instead of {digest}")
            strangers = tags.keys() - {tag for tag, _ in images} - self.unsure[repository]
            check(not strangers, f"{repository} has tags that nobody pushed: {strangers}")
        try:
            registry = Registry(self.sandbox, self.credentials())
            for repository, images in self.images.items():
                for _, digest in self.random.sample(images, min(2, len(images))):
                    registry.pull(repository, digest)
                    self.count("images pulled")
        except Refused:
            pass
        minted = self.sandbox.steer("GET", "/accounts")["accounts"][0]["credentials"]
        live = [each for each in minted if not each["revoked"]]
        # One that the helper keeps, and one for each client that was killed between its request and its file, or whose
        # sandbox was killed before it could revoke its own.
        most = 1 + self.counts.get("clients killed", 0) + self.counts.get("sandboxes killed", 0)
        check(len(live) <= most, f"{len(live)} credentials are live, and at most {most} are expected")
        kept = list((self.directory / "home").rglob("*"))
        check(len(kept) < 20, f"the helper's files pile up: {kept}")
        data = [path for path in (self.directory / "data").rglob("*") if path.is_file()]
        self.files.append((len(data), sum(path.stat().st_size for path in data)))

    def step(self, kills):
        jobs = [(self.push, 12), (self.prune, 2), (self.collect, 1), (self.look, 1)]
        job = self.random.choices([job for job, _ in jobs], [weight for _, weight in jobs])[0]
        if kills and self.random.random() < 0.1:
            self.killer = threading.Timer(self.random.uniform(0, 0.1), self.sandbox.process.kill)
            self.killer.start()
        self.steps.append(f"{job.__name__} after {self.pushed} pushes{', with a kill' if self.killer else ''}")
        try:
            job()
        except Refused:
            self.count("refused")
        except BROKEN as error:
            check(self.killer, f"a connection broke: {error!r}")
            self.count("cut off")
        if self.killer:
            self.killer.join()
            self.sandbox.process.wait()
            self.sandbox.process.stdout.close()
            self.sandbox.start()
            self.killer = None
            self.count("sandboxes killed")
            self.settle(None)
            self.look()

    def run(self, seconds):
        (self.directory / "home").mkdir()
        self.sandbox.start()
        body = json.dumps({"name": REGISTRY, "subscription_tier_slug": "professional"})
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        status, _, read = self.sandbox.request("POST", "/v2/registries", body, headers)
        check(status == 201, f"a registry: {status} {read[:200]}")
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < seconds:
            self.step(kills=elapsed > seconds / 2)
            if elapsed < seconds / 2:
                self.memory.append(self.sandbox.memory())
        self.look()
        early, late = self.quarters(self.memory)
        check(late <= early * GROWTH + SLACK, f"memory grows: from {early:.0f} to {late:.0f} bytes")
        files, size = zip(*self.files)
        first, last = self.quarters(files)
        check(last <= first * FILES_GROWTH + FILES_SLACK, f"files pile up: from {first} to {last}")
        self.sandbox.process.terminate()
        check(self.sandbox.process.wait(timeout=30) == 0, "the sandbox does not exit with status 0")
        self.sandbox.process.stdout.close()
        done = {"credentials handed out", "images pushed", "images pruned", "images pulled"}
        done |= {"garbage collections", "sandboxes killed", "clients killed"}
        check(done <= self.counts.keys(), f"too short: {done - self.counts.keys()} did not happen")
        return {
            "minutes": round(seconds / 60, 1),
            **dict(sorted(self.counts.items())),
            "memory_early_mib": round(early / 2**20, 1),
            "memory_late_mib": round(late / 2**20, 1),
            "files_early": round(first),
            "files_late": round(last),
            "files_most": max(files),
            "mib_most": round(max(size) / 2**20, 1),
            "mib_at_the_end": round(size[-1] / 2**20, 1),
        }

    @staticmethod
    def quarters(samples):
        """The medians of the second quarter, when everything has been used once, and of the last one."""
        quarter = max(1, len(samples) // 4)
        return statistics.median(samples[quarter : 2 * quarter] or samples), statistics.median(samples[-quarter:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    # A run that is stopped takes its sandbox and its files with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as directory:
        soak = Soak(arguments.programs.absolute(), pathlib.Path(directory), arguments.seed)
        try:
            print(json.dumps({"seed": arguments.seed, **soak.run(arguments.minutes * 60)}))
        except Wrong as wrong:
            print(f"seed {arguments.seed}, {soak.counts}, {list(soak.steps)}: {wrong}", file=sys.stderr)
            return 1
        finally:
            if soak.sandbox.process and soak.sandbox.process.poll() is None:
                soak.sandbox.process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
