"""The contracts as tests see them: openapi.yaml, asyncapi.yaml and proto/schema, and checks of real answers.

    contract = Contract()
    contract.response("POST", "/call/start", 200, body)         # body: parsed JSON, or text for text types
    contract.server_message({"type": "ready", ...})             # a message of the WebSocket
    contract.redis_payload("call.started", payload)

Each check raises ContractError, which says where and why. `strict` (the default) also refuses fields that no schema
names: what is sent must be documented.
"""
import json
import pathlib
import re
from urllib.parse import urldefrag, urljoin

import jsonschema
import yaml

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


class ContractError(AssertionError):
    """A real answer that is not as the contract says."""


class Schemas:
    """The files of proto/schema (and the two YAML files) with their references."""

    def __init__(self, root=PROTO):
        self.base = root.resolve().as_uri() + "/"
        self.documents = {}
        for path in sorted(root.glob("schema/*.json")):
            self.documents[path.resolve().as_uri()] = json.loads(path.read_text())
        for name in ("openapi.yaml", "asyncapi.yaml"):
            self.documents[(root / name).resolve().as_uri()] = yaml.safe_load((root / name).read_text())

    def document(self, name):
        return self.documents[urljoin(self.base, name)]

    def resolve(self, reference, base):
        """The part that `reference` names, and the URI of the document that it stands in."""
        uri, fragment = urldefrag(urljoin(base, reference))
        part = self.documents[uri]
        for step in filter(None, fragment.split("/")):
            part = part[step.replace("~1", "/").replace("~0", "~")]
        return part, uri

    def validate(self, instance, reference, base=None, strict=True):
        """Raises ContractError unless `instance` is as the schema at `reference` says."""
        base = base or self.base
        schema, uri = self.resolve(reference, base)
        resolver = jsonschema.RefResolver(uri, self.documents[uri], store=self.documents)
        validator = jsonschema.Draft202012Validator(schema, resolver=resolver, format_checker=jsonschema.FormatChecker())
        error = jsonschema.exceptions.best_match(validator.iter_errors(instance))
        if error is not None:
            raise ContractError(f"{reference}: at {error.json_path}: {error.message}")
        if strict:
            unknown = self._unknown(instance, [(schema, uri)], "$")
            if unknown:
                raise ContractError(f"{reference}: not documented: {', '.join(unknown)}")

    def _flatten(self, schemas):
        """The schemas with what they refer to and what they are made of."""
        todo, flat = list(schemas), []
        while todo:
            schema, uri = todo.pop()
            if not isinstance(schema, dict):
                continue
            flat.append((schema, uri))
            if "$ref" in schema:
                todo.append(self.resolve(schema["$ref"], uri))
            for key in ("allOf", "oneOf", "anyOf"):
                todo += [(part, uri) for part in schema.get(key, ())]
        return flat

    def _unknown(self, instance, schemas, where):
        """Paths of the fields of `instance` that none of the schemas names. An object without `properties` is open."""
        flat = self._flatten(schemas)
        if isinstance(instance, list):
            items = [(schema["items"], uri) for schema, uri in flat if "items" in schema]
            return [u for i, value in enumerate(instance) for u in self._unknown(value, items, f"{where}[{i}]")] if items else []
        named = [(schema["properties"], uri) for schema, uri in flat if "properties" in schema]
        if not isinstance(instance, dict) or not named or any("additionalProperties" in s for s, _ in flat):
            return []
        found = []
        for key, value in instance.items():
            inner = [(properties[key], uri) for properties, uri in named if key in properties]
            found += self._unknown(value, inner, f"{where}.{key}") if inner else [f"{where}.{key}"]
        return found


class Contract:
    """Checks of what the running gateway says."""

    def __init__(self, root=PROTO):
        self.schemas = Schemas(root)
        self.openapi = self.schemas.document("openapi.yaml")
        self.asyncapi = self.schemas.document("asyncapi.yaml")
        self.errors = {e["code"]: e for e in self.asyncapi["x-error-codes"]}
        self._openapi_uri = urljoin(self.schemas.base, "openapi.yaml")
        self._server = self.schemas.document("schema/ws_server.json")["$defs"]
        self._client = self.schemas.document("schema/ws_client.json")["$defs"]

    def operation(self, method, path):
        """The documented operation of a real path; None if there is none."""
        path = path.split("?")[0]
        for template, item in sorted(self.openapi["paths"].items(), key=lambda kv: "{" in kv[0]):
            if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
                return item.get(method.lower())
        return None

    def response(self, method, path, status, body=None, strict=True):
        """A real REST answer: its status must be documented, its body as the schema says, its code of that status."""
        where = f"{method} {path} -> {status}"
        operation = self.operation(method, path)
        if operation is None:  # an unknown path or method has the common error shape
            if status not in (404, 405, 501):
                raise ContractError(f"{where}: the route is not documented")
            self._error_body(where, status, body, None)
            return
        documented = operation["responses"].get(str(status))
        if documented is None and status >= 400:
            documented = operation["responses"]["default"]
        if documented is None:
            raise ContractError(f"{where}: the status is not documented")
        if "$ref" in documented:
            documented, _ = self.schemas.resolve(documented["$ref"], self._openapi_uri)
        if "x-codes" in documented:
            self._error_body(where, status, body, documented["x-codes"])
            return
        media = documented.get("content", {}).get("application/json")
        if media is None:
            return
        try:
            self.schemas.validate(body, media["schema"]["$ref"], self._openapi_uri, strict)
        except ContractError as error:
            raise ContractError(f"{where}: {error}") from None

    def _error_body(self, where, status, body, codes):
        try:
            self.schemas.validate(body, "schema/rest.json#/$defs/error")
        except ContractError as error:
            raise ContractError(f"{where}: {error}") from None
        code = body["error"]["code"]
        if code not in self.errors or self.errors[code]["http"] != status:
            raise ContractError(f"{where}: {code} is not an error of this status")
        if codes is not None and code not in codes:
            raise ContractError(f"{where}: {code} is not documented here ({', '.join(codes)})")

    def request(self, method, path, body, strict=False):
        """A body that a client sends."""
        media = self.operation(method, path)["requestBody"]["content"]["application/json"]
        self.schemas.validate(body, media["schema"]["$ref"], self._openapi_uri, strict)

    def server_message(self, message, strict=True):
        """A text message of the WebSocket, from the server."""
        kind = message.get("type")
        if kind not in self._server or kind in ("stamp", "transcript", "speech", "of_turn"):
            raise ContractError(f"no message of the server has the type {kind!r}")
        self.schemas.validate(message, f"schema/ws_server.json#/$defs/{kind}", strict=strict)
        if kind == "error":
            known = self.errors.get(message["code"])
            if known is None:
                raise ContractError(f"{message['code']} is not in the table of error codes")
            if message["fatal"] and not known["fatal"]:
                raise ContractError(f"{message['code']} is not a fatal error")

    def client_message(self, message, strict=False):
        """A text message of the WebSocket, from a client."""
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str) or kind not in self._client or kind == "format_change":
            raise ContractError(f"no message of a client has the type {kind!r}")
        self.schemas.validate(message, f"schema/ws_client.json#/$defs/{kind}", strict=strict)

    def redis_payload(self, channel, payload):
        """A payload (parsed) that was published on a real channel."""
        name = channel.split(":")[0].replace(".", "_")
        self.schemas.validate(payload, f"schema/redis.json#/$defs/{name}", strict=False)
