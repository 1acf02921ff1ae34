"""The contract in proto/ applied to what a real gateway says: REST answers by openapi.yaml, messages by the schemas."""
import functools
import json
import os
import re

import jsonschema
import yaml

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "proto")
BASE = "file://" + os.path.realpath(PROTO) + "/"


@functools.lru_cache(maxsize=None)
def _openapi():
    with open(os.path.join(PROTO, "openapi.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


@functools.lru_cache(maxsize=None)
def _paths():
    """[(pattern, path item)], those without parameters first."""
    items = sorted(_openapi()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"\Z"), item) for path, item in items]


def _resolve(node):
    """Follows a local reference within openapi.yaml."""
    while isinstance(node, dict) and node.get("$ref", "").startswith("#/"):
        target = _openapi()
        for name in node["$ref"][2:].split("/"):
            target = target[name]
        node = target
    return node


@functools.lru_cache(maxsize=None)
def _validator(reference):
    """A validator for a reference relative to proto/."""
    resolver = jsonschema.RefResolver(BASE, {})
    return jsonschema.Draft202012Validator({"$ref": BASE + reference}, resolver=resolver)


def _problems(validator, value, where):
    return [f"{where}{''.join(f'[{p!r}]' for p in e.absolute_path)}: {e.message[:300]}" for e in validator.iter_errors(value)]


def _expected(method, path, status):
    """The documented response, or None where the path or the method is not documented."""
    for pattern, item in _paths():
        operation = item.get(method.lower())
        if operation and pattern.match(path.split("?")[0]):
            responses = operation["responses"]
            return _resolve(responses.get(str(status)) or responses.get("default") or {"missing": True})
    return None


def rest_problems(method, path, answer):
    """What is wrong with an answer, as a list of texts."""
    where = f"{method} {path[:80]} -> {answer.status} "
    expected = _expected(method, path, answer.status)
    if expected is None:
        # Nothing documented may only be refused, in the one shape of errors.
        if answer.status < 400 or method in ("HEAD", "OPTIONS"):
            return []
        expected = {"content": {"application/json": {"schema": {"$ref": "schema/rest.json#/$defs/error"}}}}
    if expected.get("missing"):
        return [where + "is a status that is not documented"]
    content = expected.get("content", {}).get("application/json")
    if not content:
        return []
    try:
        body = json.loads(answer.body)
    except ValueError:
        return [where + "is no JSON: " + repr(answer.body[:80])]
    problems = []
    if not (answer.headers["Content-Type"] or "").startswith("application/json"):
        problems.append(where + f"has Content-Type {answer.headers['Content-Type']}")
    reference = content.get("schema", {}).get("$ref")
    if reference:
        problems += _problems(_validator(reference), body, where)
    codes = expected.get("x-codes")
    if codes and answer.error_code not in codes:
        problems.append(where + f"has the code {answer.error_code}, documented are {codes}")
    return problems


@functools.lru_cache(maxsize=None)
def _message_types():
    with open(os.path.join(PROTO, "schema", "ws_server.json"), encoding="utf-8") as file:
        schema = json.load(file)
    return {one["$ref"].rsplit("/", 1)[1] for one in schema["oneOf"]}


def message_problems(messages):
    """What is wrong with a call's messages (Message objects); binary ones have no schema."""
    problems = []
    for message in messages:
        if message.type == "binary":
            continue
        if message.type not in _message_types():
            problems.append(f"unknown message {message!r}")
            continue
        problems += _problems(_validator(f"schema/ws_server.json#/$defs/{message.type}"), message.data, message.type)
    return problems


def event_problems(name, payload):
    """What is wrong with the payload of a Redis event; `name` as in proto/schema/redis.json."""
    return _problems(_validator(f"schema/redis.json#/$defs/{name}"), payload, name)
