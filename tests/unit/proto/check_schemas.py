#!/usr/bin/python3
"""The contracts agree with each other and with the C code.

    check_schemas.py CONTRACT_PROBE

Schemas are valid; every reference leads somewhere; examples pass and refused ones do not, in the schemas and in the C
readers alike; what the C writers say passes; the table of error codes is the one of errors.inc.
"""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

import jsonschema  # noqa: E402
from contract import PROTO, Contract, ContractError  # noqa: E402

PROBE = sys.argv.pop(1) if len(sys.argv) > 1 else None
CONTRACT = Contract()
ROUTES = {("GET", "/"), ("POST", "/auth/token"), ("POST", "/call/start"), ("GET", "/call/{call_id}"),
          ("POST", "/call/{call_id}/end"), ("GET", "/ws/{call_id}"), ("POST", "/handoff"), ("GET", "/handoffs"),
          ("POST", "/handoffs/{handoff_id}/accept"), ("POST", "/handoffs/{handoff_id}/decline"),
          ("POST", "/handoffs/{handoff_id}/complete"), ("POST", "/ingest"), ("GET", "/ingest/{document_id}"),
          ("DELETE", "/ingest/{document_id}"), ("POST", "/rag/query"), ("GET", "/v1/voices"), ("GET", "/health"),
          ("GET", "/readyz"), ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/try")}


def examples(name):
    return json.loads((PROTO / "examples" / f"{name}.json").read_text())


def probe(*args, lines=()):
    """Lines that the C side answers, one per line that it is given."""
    said = subprocess.run([PROBE, *args], input="".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines),
                          capture_output=True, text=True, check=True)
    return said.stdout.splitlines()


def parts(node):
    """All objects inside a document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts(child)


class Documents(unittest.TestCase):
    def test_every_schema_is_one(self):
        for uri, document in CONTRACT.schemas.documents.items():
            if uri.endswith(".json"):
                jsonschema.Draft202012Validator.check_schema(document)

    def test_every_reference_leads_somewhere(self):
        for uri, document in CONTRACT.schemas.documents.items():
            for node in parts(document):
                if isinstance(node.get("$ref"), str):
                    CONTRACT.schemas.resolve(node["$ref"], uri)

    def test_every_message_and_body_has_an_example(self):
        helpers = {"stamp", "speech", "of_turn", "format_change", "event"}
        for name in ("ws_client", "ws_server", "redis", "rest"):
            defs = set(CONTRACT.schemas.document(f"schema/{name}.json")["$defs"])
            if name == "ws_server":
                defs.discard("transcript")
            self.assertEqual(defs - helpers, set(examples(name)), name)

    def test_openapi_has_every_route_and_each_answers_errors(self):
        found = {(method.upper(), path) for path, item in CONTRACT.openapi["paths"].items() for method in item
                 if method in ("get", "post", "put", "patch", "delete")}
        self.assertEqual(found, ROUTES)
        for method, path in found:
            operation = CONTRACT.openapi["paths"][path][method.lower()]
            self.assertIn("default", operation["responses"], path)
            self.assertTrue(operation["summary"] and operation["tags"] and operation["operationId"])

    def test_openapi_examples_are_valid(self):
        for path, item in CONTRACT.openapi["paths"].items():
            for method, operation in item.items():
                body = operation.get("requestBody", {}) if isinstance(operation, dict) else {}
                for media in body.get("content", {}).values():
                    if "example" in media:
                        CONTRACT.request(method, path, media["example"], strict=True)

    def test_asyncapi_names_every_message(self):
        messages = CONTRACT.asyncapi["channels"]["/ws/{call_id}"]
        for side, name in (("publish", "ws_client"), ("subscribe", "ws_server")):
            listed = {m["$ref"].split("_", 1)[1] for m in messages[side]["message"]["oneOf"] if "binary" not in m["$ref"]}
            of_schema = {r["$ref"].split("/")[-1] for r in CONTRACT.schemas.document(f"schema/{name}.json")["oneOf"]}
            self.assertEqual(listed, of_schema)


class ErrorCodes(unittest.TestCase):
    def test_asyncapi_has_the_table_of_the_code(self):
        table = [json.loads(line) for line in probe("errors")]
        for entry in table:
            entry["http"] = entry["http"] or None
            entry["close"] = entry["close"] or None
        self.assertEqual(CONTRACT.asyncapi["x-error-codes"], table)

    def test_every_close_code_is_explained(self):
        closes = {e["close"] for e in CONTRACT.errors.values() if e["close"]}
        self.assertEqual(closes, set(CONTRACT.asyncapi["x-close-codes"]))

    def test_each_http_error_is_documented_under_its_status(self):
        responses = CONTRACT.openapi["components"]["responses"]
        listed = [code for response in responses.values() for code in response["x-codes"]]
        self.assertEqual(sorted(listed), sorted(c for c, e in CONTRACT.errors.items() if e["http"]))
        for name, response in responses.items():
            if name != "Other":
                self.assertEqual(len({CONTRACT.errors[c]["http"] for c in response["x-codes"]}), 1, name)


class Examples(unittest.TestCase):
    def test_examples_are_as_their_schemas_say(self):
        for name in ("ws_client", "ws_server", "redis", "rest"):
            for kind, instances in examples(name).items():
                for instance in instances:
                    with self.subTest(schema=name, kind=kind):
                        CONTRACT.schemas.validate(instance, f"schema/{name}.json#/$defs/{kind}", strict=name != "redis")

    def test_refused_examples_are_not(self):
        for code, messages in examples("ws_client_refused").items():
            for message in messages:
                with self.subTest(code=code, message=str(message)[:60]), self.assertRaises(ContractError):
                    CONTRACT.client_message(message)
        for kind, bodies in examples("rest_refused").items():
            for body in bodies:
                with self.subTest(kind=kind, body=str(body)[:60]), self.assertRaises(ContractError):
                    CONTRACT.schemas.validate(body, f"schema/rest.json#/$defs/{kind}", strict=False)


class Code(unittest.TestCase):
    def test_the_reader_takes_the_examples_of_a_client(self):
        for kind, messages in examples("ws_client").items():
            self.assertEqual(probe("ws_client", lines=messages), ["ok"] * len(messages), kind)

    def test_the_reader_refuses_what_is_to_be_refused_with_its_code(self):
        for code, messages in examples("ws_client_refused").items():
            self.assertEqual(probe("ws_client", lines=messages), [code] * len(messages), code)

    def test_the_writers_say_what_is_documented(self):
        said = [json.loads(line) for line in probe("ws_server")]
        for message in said:
            CONTRACT.server_message(message)
        self.assertEqual({m["type"] for m in said}, set(examples("ws_server")))

    def test_the_rest_readers_take_and_refuse_the_examples(self):
        for name, verdict in (("rest", "ok"), ("rest_refused", "refused")):
            for kind, bodies in examples(name).items():
                if kind.endswith("_request"):
                    self.assertEqual(probe("rest", kind, lines=bodies), [verdict] * len(bodies), kind)


class ContractHelper(unittest.TestCase):
    def test_real_answers_are_checked(self):
        start = examples("rest")["call_started"][0]
        error = examples("rest")["error"][0]
        CONTRACT.response("POST", "/call/start", 200, start)
        CONTRACT.response("POST", "/call/start", 400, error)
        CONTRACT.response("GET", "/metrics", 200, "text")
        CONTRACT.redis_payload("audio:call_0192", examples("redis")["audio"][0])
        for status, body in ((201, start), (200, {**start, "secret": 1}), (200, {**start, "status": "x"}), (404, error),
                             (200, {**start, "stt": {**start["stt"], "more": 1}}), (418, error)):
            with self.subTest(status=status), self.assertRaises(ContractError):
                CONTRACT.response("POST", "/call/start", status, body)
        with self.assertRaises(ContractError):
            CONTRACT.response("GET", "/nowhere", 200, {})
        with self.assertRaises(ContractError):
            CONTRACT.server_message({**examples("ws_server")["error"][0], "code": "NO_SUCH"})


if __name__ == "__main__":
    unittest.main()
