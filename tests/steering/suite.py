"""Steers the sandbox over HTTP, as a suite in any language can with an HTTP client and JSON."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

SANDBOX = os.environ["DOCR_SANDBOX"]

SEED = {
    "accounts": [
        {
            "registries": [
                {
                    "name": "acme",
                    "region": "nyc3",
                    "images": [
                        {"repository": "shop/api", "tags": ["v1"], "size": 3000, "pushed_at": "2026-01-12T09:30:00Z"},
                        {
                            "repository": "shop/api",
                            "tags": ["v2", "latest"],
                            "platforms": ["linux/amd64", "linux/arm64"],
                            "size": 5000,
                            "signatures": ["cosign_tag", "referrer"],
                        },
                        {"repository": "shop/api", "size": 7000},
                    ],
                }
            ],
            "certificates": [
                {"name": "shop", "dns_names": ["shop.example.com"], "in_use": True, "not_after": "2026-02-01T00:00:00Z"},
                {"name": "blog", "dns_names": ["blog.example.com"], "state": "pending"},
            ],
            "clusters": [{"registries": ["acme"]}],
        },
        {"token": "other-team", "tier": "basic", "registries": [{"name": "others"}]},
    ]
}


class Response:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)


class Sandbox:
    def __init__(self, *arguments):
        command = [SANDBOX, "--port", "0", "--json", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.ready = json.loads(line)
        self.url, self.token = self.ready["url"], self.ready["token"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=30)
        self.process.stdout.close()
        return status

    def call(self, method, path, body=None, token=None, headers=None):
        """Calls the API."""
        headers = {"authorization": f"Bearer {token or self.token}", **(headers or {})}
        return self.request(method, path, body, headers)

    def steer(self, method, path, body=None, expect=None):
        """Calls the sandbox's own API."""
        response = self.request(method, f"/_docr/v1{path}", body, {})
        wanted = expect or (204 if response.text == "" else 200)
        if response.status != wanted:
            raise AssertionError(f"{method} {path}: {response.status} {response.text}")
        return response.json if response.text else None

    def request(self, method, path, body, headers):
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers = {"content-type": "application/json", **headers}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Response(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Response(error.code, error.headers, error.read().decode())


class Steering(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.stop()

    def setUp(self):
        self.sandbox.steer("POST", "/reset")

    def seed(self):
        return self.sandbox.steer("POST", "/seed", SEED)

    def test_a_seed_shows_in_the_api(self):
        seeded = self.seed()
        first = seeded["accounts"][0]
        self.assertEqual(first["token"], self.sandbox.token)
        index = first["registries"][0]["images"][1]
        self.assertEqual(len(index["children"]), 2)
        self.assertEqual(len(index["signatures"]), 2)

        registry = self.sandbox.call("GET", "/v2/registries/acme").json["registry"]
        self.assertEqual((registry["region"], registry["created_at"]), ("nyc3", "2026-01-12T09:30:00Z"))
        tags = self.sandbox.call("GET", "/v2/registries/acme/repositories/shop%2Fapi/tags").json["tags"]
        names = {tag["tag"]: tag for tag in tags}
        signature = index["digest"].replace(":", "-") + ".sig"
        self.assertEqual(set(names), {"v1", "v2", "latest", signature})
        self.assertEqual(names["v2"]["manifest_digest"], index["digest"])
        self.assertEqual(names["v1"]["updated_at"], "2026-01-12T09:30:00Z")
        certificates = self.sandbox.call("GET", "/v2/certificates").json["certificates"]
        states = {each["name"]: (each["state"], each.get("not_after")) for each in certificates}
        self.assertEqual(states["shop"], ("verified", "2026-02-01T00:00:00Z"))
        self.assertEqual(states["blog"][0], "pending")
        self.assertEqual(self.sandbox.call("DELETE", f"/v2/certificates/{first['certificates'][0]}").status, 403)
        others = self.sandbox.call("GET", "/v2/registry", token="other-team").json["registry"]
        self.assertEqual((others["name"], others["subscription"]["tier"]["slug"]), ("others", "basic"))

    def test_a_seed_is_loaded_as_a_whole_or_not_at_all(self):
        cases = [
            ({"accounts": [{"registries": [{"name": "fine"}, {"name": "Not"}]}]}, "accounts[0].registries[1]"),
            ({"accounts": [{"registries": [{"name": "fine"}, {"name": "fine"}]}]}, "accounts[0].registries[1].name"),
            ({"accounts": [{"tier": "golden"}]}, "accounts[0].tier"),
            ({"accounts": [{"registrys": []}]}, "accounts[0].registrys"),
            (
                {"accounts": [{"registries": [{"name": "fine", "images": [{"repository": "UPPER"}]}]}]},
                "accounts[0].registries[0].images[0]",
            ),
            (
                {"accounts": [{"registries": [{"name": "fine", "images": [{"repository": "a", "platforms": ["arm"]}]}]}]},
                "accounts[0].registries[0].images[0].platforms",
            ),
            ({"accounts": [{"token": "a b"}]}, "accounts[0].token"),
            ({"accounts": [{"clusters": [{"registries": ["none"]}]}]}, "accounts[0].clusters[0].registries"),
            ({"accounts": "many"}, "accounts"),
            (
                {"accounts": [{"tier": "starter", "registries": [{"name": "a"}, {"name": "b"}]}]},
                "accounts[0].tier",
            ),
        ]
        before = self.sandbox.steer("GET", "/accounts")
        for seed, place in cases:
            with self.subTest(place):
                message = self.sandbox.steer("POST", "/seed", seed, expect=422)["message"]
                self.assertTrue(message.startswith(place + ":"), message)
                self.assertEqual(self.sandbox.steer("GET", "/accounts"), before)

    def test_an_image_is_pushed(self):
        self.seed()
        pushed = self.sandbox.steer(
            "POST", "/images", {"registry": "acme", "image": {"repository": "new", "tags": ["v1"], "size": 10}}
        )
        tags = self.sandbox.call("GET", "/v2/registries/acme/repositories/new/tags").json["tags"]
        self.assertEqual(tags[0]["manifest_digest"], pushed["digest"])
        wrong = {"registry": "none", "image": {"repository": "new"}}
        self.assertIn("none", self.sandbox.steer("POST", "/images", wrong, expect=422)["message"])

    def test_the_clock_is_frozen_and_advanced(self):
        frozen = self.sandbox.steer("PUT", "/clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
        self.assertEqual(frozen, {"now": "2030-01-01T00:00:00Z", "frozen": True})
        moved = self.sandbox.steer("POST", "/clock/advance", {"seconds": 90})
        self.assertEqual(moved["now"], "2030-01-01T00:01:30Z")
        self.assertEqual(self.sandbox.steer("GET", "/clock"), moved)
        past = self.sandbox.steer("PUT", "/clock", {"now": "2029-01-01T00:00:00Z"}, expect=422)
        self.assertIn("now:", past["message"])
        body = {"name": "timely", "subscription_tier_slug": "basic"}
        created = self.sandbox.call("POST", "/v2/registries", body).json["registry"]
        self.assertEqual(created["created_at"], "2030-01-01T00:01:30Z")
        self.assertFalse(self.sandbox.steer("PUT", "/clock", {"frozen": False})["frozen"])
        self.sandbox.steer("POST", "/reset")
        self.assertFalse(self.sandbox.steer("GET", "/clock")["now"].startswith("2030"))

    def test_tokens_have_scopes_and_expire(self):
        token = self.sandbox.steer(
            "POST", "/tokens", {"scopes": ["registry:read"], "expires_in_seconds": 60}
        )["token"]
        self.assertEqual(self.sandbox.call("GET", "/v2/registries", token=token).status, 200)
        refused = self.sandbox.call("POST", "/v2/registries", {"name": "a", "subscription_tier_slug": "basic"}, token)
        self.assertEqual(refused.status, 403)
        self.assertEqual(self.sandbox.call("GET", "/v2/certificates", token=token).status, 403)
        self.sandbox.steer("POST", "/clock/advance", {"seconds": 60})
        self.assertEqual(self.sandbox.call("GET", "/v2/registries", token=token).status, 401)
        self.sandbox.steer("POST", "/tokens/expire", {"token": self.sandbox.token})
        self.assertEqual(self.sandbox.call("GET", "/v2/registries").status, 401)
        self.sandbox.steer("POST", "/reset")
        self.assertEqual(self.sandbox.call("GET", "/v2/registries").status, 200)
        wrong = self.sandbox.steer("POST", "/tokens", {"scopes": ["registry:fly"]}, expect=422)
        self.assertIn("registry:read", wrong["message"])

    def test_scripted_responses_are_sent_once_and_in_order(self):
        for scripted in [{"status": 503}, {"status": 200, "json": {"registries": None}}]:
            self.sandbox.steer("POST", "/responses", {"operation": "registries_list", "response": scripted})
        self.assertEqual(self.sandbox.steer("GET", "/responses"), {"waiting": {"registries_list": 2}})
        responses = [self.sandbox.call("GET", "/v2/registries") for _ in range(3)]
        self.assertEqual([response.status for response in responses], [503, 200, 200])
        self.assertEqual(responses[1].json, {"registries": None})
        self.assertEqual(self.sandbox.steer("GET", "/responses"), {"waiting": {}})
        wrong = {"operation": "list_registries", "response": {"status": 503}}
        self.assertIn("registries_list", self.sandbox.steer("POST", "/responses", wrong, expect=422)["message"])

    def test_the_former_names_of_scripted_responses_still_work(self):
        self.sandbox.steer("POST", "/answers", {"operation": "registries_list", "answer": {"status": 503}})
        self.assertEqual(self.sandbox.steer("GET", "/responses"), {"waiting": {"registries_list": 1}})
        self.sandbox.steer("DELETE", "/answers")
        self.sandbox.steer("POST", "/faults", {"operation": "registries_list", "answer": {"status": 502}})
        self.assertEqual(self.sandbox.call("GET", "/v2/registries").status, 502)

    def test_faults_affect_matching_requests(self):
        fault = {
            "path": "/v2/registr*",
            "method": "get",
            "skip": 1,
            "times": 2,
            "response": {"status": 502, "body": "<h1>Bad gateway</h1>", "content_type": "text/html", "headers": {"via": "proxy"}},
        }
        added = self.sandbox.steer("POST", "/faults", fault)["id"]
        responses = [self.sandbox.call("GET", "/v2/registries") for _ in range(4)]
        self.assertEqual([response.status for response in responses], [200, 502, 502, 200])
        self.assertEqual(responses[1].headers["via"], "proxy")
        self.assertEqual(self.sandbox.call("GET", "/v2/certificates").status, 200)
        counted = self.sandbox.steer("GET", "/faults")["faults"]
        self.assertEqual(counted, [{"id": added, "matched": 4, "applied": 2, "befallen": 2}])
        self.sandbox.steer("DELETE", f"/faults/{added}")
        self.sandbox.steer("DELETE", f"/faults/{added}", expect=404)
        for wrong, place in [
            ({"operation": "nothing", "connection": "reset"}, "nothing"),
            ({"path": "[", "connection": "reset"}, "["),
            ({"probability": 2, "connection": "reset"}, "probability"),
            ({"method": "GET"}, "response"),
            ({"cut_off": 1, "connection": "reset"}, "cut_off"),
            ({"response": {"status": 99}}, "99"),
            ({"response": {"status": 200, "headers": {"content-length": "1"}}}, "content-length"),
        ]:
            self.assertIn(place, self.sandbox.steer("POST", "/faults", wrong, expect=422)["message"])

    def test_a_seeded_probability_affects_the_same_requests_again(self):
        def statuses():
            fault = {"operation": "registries_list", "probability": 0.5, "seed": 7, "response": {"status": 500}}
            added = self.sandbox.steer("POST", "/faults", fault)["id"]
            seen = [self.sandbox.call("GET", "/v2/registries").status for _ in range(20)]
            self.sandbox.steer("DELETE", f"/faults/{added}")
            return seen

        first = statuses()
        self.assertEqual(set(first), {200, 500})
        self.assertEqual(statuses(), first)

    def test_a_request_takes_effect_if_its_response_is_lost_but_not_after_a_reset(self):
        self.sandbox.steer("POST", "/faults", {"operation": "registries_create", "connection": "lost", "times": 1})
        body = {"name": "lost", "subscription_tier_slug": "basic"}
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.sandbox.call("POST", "/v2/registries", body)
        self.assertEqual(self.sandbox.call("GET", "/v2/registries/lost").status, 200)
        self.sandbox.steer("POST", "/faults", {"method": "DELETE", "connection": "reset", "times": 1})
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.sandbox.call("DELETE", "/v2/registries/lost")
        self.assertEqual(self.sandbox.call("GET", "/v2/registries/lost").status, 200)

    def test_a_response_is_cut_off(self):
        self.seed()
        self.sandbox.steer("POST", "/faults", {"operation": "registries_list", "cut_off": 12, "times": 1})
        with self.assertRaises(http.client.IncompleteRead) as cut:
            self.sandbox.call("GET", "/v2/registries")
        self.assertEqual(len(cut.exception.partial), 12)

    def test_requests_are_listed_counted_and_found(self):
        self.sandbox.call("GET", "/v2/registries?per_page=3")
        self.sandbox.call("POST", "/v2/certificates", {"name": "a", "private_key": "secret", "leaf_certificate": "x"})
        self.sandbox.call("GET", "/v2/nothing")
        listed = self.sandbox.steer("GET", "/requests")["requests"]
        self.assertEqual([each["operation"] for each in listed], ["registries_list", "certificates_create", None])
        self.assertLessEqual({"answered_at", "took_microseconds"}, set(listed[0]))
        self.assertEqual(listed[0]["query"], "per_page=3")
        text = json.dumps(listed)
        self.assertNotIn("secret", text)
        self.assertNotIn(self.sandbox.token, text)
        self.assertEqual(json.loads(listed[0]["response_body"])["registries"], [])
        count = self.sandbox.steer("GET", "/requests/count?method=get")
        self.assertEqual(count, {"count": 2})
        unmatched = self.sandbox.steer("GET", "/requests/unmatched")["requests"]
        self.assertEqual([each["path"] for each in unmatched], ["/v2/nothing"])
        number = listed[1]["number"]
        self.assertEqual(self.sandbox.steer("GET", f"/requests/{number}"), listed[1])
        after = self.sandbox.steer("GET", f"/requests?after={number}&limit=5")["requests"]
        self.assertEqual(after, listed[2:])
        self.sandbox.steer("DELETE", "/requests")
        self.assertEqual(self.sandbox.steer("GET", "/requests"), {"requests": []})
        self.sandbox.steer("GET", f"/requests/{number}", expect=404)

    def test_rate_limits_are_set_and_forgotten(self):
        self.sandbox.steer("PUT", "/rate-limits", {"per_minute": 2, "per_hour": 100})
        statuses = [self.sandbox.call("GET", "/v2/registries").status for _ in range(3)]
        self.assertEqual(statuses, [200, 200, 429])
        self.sandbox.steer("POST", "/rate-limits/forget")
        self.assertEqual(self.sandbox.call("GET", "/v2/registries").status, 200)
        self.sandbox.steer("POST", "/reset")
        self.assertEqual(self.sandbox.steer("GET", "/rate-limits"), {"per_minute": 250, "per_hour": 5000})

    def test_steering_is_neither_limited_nor_faulted_nor_recorded(self):
        self.sandbox.steer("PUT", "/rate-limits", {"per_minute": 0, "per_hour": 0})
        self.sandbox.steer("POST", "/faults", {"path": "/**", "connection": "reset"})
        self.assertEqual(self.sandbox.steer("GET", "/health/live"), {"status": "live"})
        self.assertEqual(self.sandbox.steer("GET", "/health/ready"), {"status": "ready"})
        self.assertEqual(self.sandbox.steer("GET", "/requests"), {"requests": []})

    def test_a_snapshot_restores_the_state(self):
        self.seed()
        self.sandbox.steer("PUT", "/clock", {"frozen": True})
        before = self.sandbox.steer("GET", "/accounts")
        taken = self.sandbox.steer("PUT", "/snapshots/before")
        for _ in range(2):
            deleted = self.sandbox.call("DELETE", "/v2/registries/acme/repositories/shop%2Fapi")
            self.assertEqual(deleted.status, 204)
            self.sandbox.call("GET", "/v2/registries/acme/docker-credentials")
            self.sandbox.steer("POST", "/clock/advance", {"seconds": 3600})
            self.sandbox.steer("POST", "/snapshots/before/restore")
            self.assertEqual(self.sandbox.steer("GET", "/accounts"), before)
            self.assertEqual(self.sandbox.steer("GET", "/clock")["now"], taken["taken_at"])
            tags = self.sandbox.call("GET", "/v2/registries/acme/repositories/shop%2Fapi/tags")
            self.assertEqual(tags.json["meta"]["total"], 4)
        self.assertEqual([each["name"] for each in self.sandbox.steer("GET", "/snapshots")["snapshots"]], ["before"])
        self.sandbox.steer("DELETE", "/snapshots/before")
        self.sandbox.steer("POST", "/snapshots/before/restore", expect=404)

    def test_a_garbage_collection_is_advanced(self):
        self.seed()
        path = "/v2/registries/acme/garbage-collection"
        steer = "/registries/acme/garbage-collection"
        self.sandbox.steer("POST", steer, {"to": "end"}, expect=404)
        both = {"type": "untagged manifests and unreferenced blobs"}
        self.assertEqual(self.sandbox.call("POST", path, both).json["garbage_collection"]["status"], "requested")
        status = self.sandbox.steer("POST", steer, {"to": "next"})["status"]
        self.assertEqual(status, "waiting for write JWTs to expire")
        self.assertEqual(self.sandbox.call("GET", path).json["garbage_collection"]["status"], status)
        self.assertEqual(self.sandbox.steer("POST", steer, {"to": "end"}), {"status": "succeeded"})
        runs = self.sandbox.call("GET", path + "s").json["garbage_collections"]
        self.assertGreaterEqual(runs[0]["freed_bytes"], 7000)
        self.sandbox.call("POST", path, both)
        self.assertEqual(self.sandbox.steer("POST", steer, {"to": "fail"}), {"status": "failed"})
        self.assertEqual(self.sandbox.call("GET", path).status, 404)

    def test_a_certificate_is_released_and_renewed(self):
        first = self.seed()["accounts"][0]["certificates"][0]
        renewed = self.sandbox.steer("POST", "/certificates/shop", {"in_use": False, "renew": True})["id"]
        self.assertNotEqual(renewed, first)
        self.assertEqual(self.sandbox.call("DELETE", f"/v2/certificates/{renewed}").status, 204)
        self.sandbox.steer("POST", "/certificates/none", {"fail": True}, expect=404)

    def test_events_are_streamed(self):
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.sandbox.url).netloc, timeout=30)
        connection.request("GET", "/_docr/v1/events")
        stream = connection.getresponse()
        self.assertEqual(stream.headers["content-type"], "text/event-stream")
        threading.Thread(target=self.seed).start()
        events = []
        while "change" not in events:
            line = stream.readline().decode()
            if line.startswith("event:"):
                events.append(line.split(":", 1)[1].strip())
        self.sandbox.call("GET", "/v2/registries")
        while True:
            line = stream.readline().decode()
            if line.startswith("data:") and "registries_list" in line:
                break
        self.assertEqual(json.loads(line[5:])["status"], 200)
        connection.close()

    def test_invalid_requests_are_refused_with_a_reason(self):
        for method, path, status in [
            ("GET", "/_docr/v1/nothing", 404),
            ("PATCH", "/_docr/v1/reset", 405),
            ("GET", "/_docr/v1/requests?limit=many", 422),
            ("GET", "/_docr/v1/requests?colour=red", 422),
        ]:
            response = self.sandbox.request(method, path, None, {})
            self.assertEqual(response.status, status)
            self.assertTrue(response.json["message"])
        form = {"content-type": "text/plain"}
        self.assertEqual(self.sandbox.request("POST", "/_docr/v1/seed", SEED, form).status, 415)
        other_site = {"origin": "http://evil.example"}
        self.assertEqual(self.sandbox.request("POST", "/_docr/v1/reset", None, other_site).status, 403)

    def test_this_suite_covers_every_path_of_the_description(self):
        description = self.sandbox.request("GET", "/_docr/openapi.json", None, {}).json
        self.assertTrue(description["openapi"].startswith("3."))
        operations = [each["operationId"] for item in description["paths"].values() for each in item.values()]
        self.assertEqual(len(operations), len(set(operations)))
        with open(__file__, encoding="utf-8") as suite:
            text = suite.read()
        for path in description["paths"]:
            first = path.removeprefix("/_docr/v1").split("{")[0]
            self.assertIn(first, text, "is not tested here")

        def references(value):
            if isinstance(value, dict):
                if "$ref" in value:
                    yield value["$ref"]
                for each in value.values():
                    yield from references(each)
            elif isinstance(value, list):
                for each in value:
                    yield from references(each)

        for reference in references(description):
            self.assertIn(reference.removeprefix("#/components/schemas/"), description["components"]["schemas"])


class Starting(unittest.TestCase):
    def test_a_reset_restores_the_seed(self):
        with tempfile.TemporaryDirectory() as directory:
            seed, ready = os.path.join(directory, "seed.json"), os.path.join(directory, "ready.json")
            with open(seed, "w", encoding="utf-8") as file:
                json.dump(SEED, file)
            sandbox = Sandbox("--seed", seed, "--ready-file", ready)
            with open(ready, encoding="utf-8") as file:
                self.assertEqual(json.load(file), sandbox.ready)
            names = lambda: [each["name"] for each in sandbox.call("GET", "/v2/registries").json["registries"]]
            self.assertEqual(names(), ["acme"])
            self.assertEqual(sandbox.call("DELETE", "/v2/registries/acme").status, 204)
            self.assertEqual(names(), [])
            sandbox.steer("POST", "/reset")
            self.assertEqual(names(), ["acme"])
            self.assertEqual(sandbox.stop(), 0)
            self.assertFalse(os.path.exists(ready))

    def test_a_refused_seed_is_reported_with_the_invalid_field(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as seed:
            seed.write('{"accounts": [{"registries": [{"name": "UPPER"}]}]}')
            seed.flush()
            ended = subprocess.run([SANDBOX, "--seed", seed.name], capture_output=True, text=True, timeout=30)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("accounts[0].registries[0]", ended.stderr)

    def test_urls_have_the_host_of_the_request(self):
        sandbox = Sandbox()
        try:
            for number in range(2):
                body = {"name": f"certificate-{number}", "type": "lets_encrypt", "dns_names": ["a.example.com"]}
                sandbox.call("POST", "/v2/certificates", body)
            first = sandbox.call("GET", "/v2/certificates?per_page=1", headers={"host": "sandbox.internal:8080"})
            self.assertTrue(first.json["links"]["pages"]["next"].startswith("http://sandbox.internal:8080/v2/"))
        finally:
            sandbox.stop()

    def test_an_open_event_stream_does_not_delay_the_shutdown(self):
        sandbox = Sandbox()
        with socket.create_connection(urllib.parse.urlsplit(sandbox.url).netloc.split(":"), timeout=30) as client:
            client.sendall(b"GET /_docr/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
            self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 200"))
            self.assertEqual(sandbox.stop(), 0)


if __name__ == "__main__":
    unittest.main()
