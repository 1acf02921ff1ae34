"""A small REST client that never raises for a status: tests look at the answer."""
import asyncio
import http.client
import json
import urllib.parse

from . import contract


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client.HTTPMessage: case-insensitive
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error_code(self):
        """`error.code` of the contract's error shape, or None."""
        try:
            return self.json["error"]["code"]
        except (ValueError, KeyError, TypeError):
            return None

    def __repr__(self):
        return f"<{self.status} {self.text[:300]}>"


class Rest:
    """One connection a request, so that it may be used from several threads. Every answer is held against
    proto/openapi.yaml, unless `check_contract` is switched off."""

    check_contract = True

    def __init__(self, url, headers=None, timeout_s=15):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.headers = dict(headers or {})
        self.timeout_s = timeout_s
        self.tenant = None

    def request(self, method, path, body=None, headers=None):
        """`body`: bytes are sent as they are, anything else as JSON."""
        send = dict(self.headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            send.setdefault("Content-Type", "application/json")
        send.update(headers or {})
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        try:
            connection.request(method, path, body, send)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, b"" if response.status == 101 else response.read())
        finally:
            connection.close()
        problems = contract.rest_problems(method, path, answer) if self.check_contract else []
        if problems:
            raise AssertionError("not as documented: " + "; ".join(problems[:5]))
        return answer

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, {} if body is None else body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    def upgrade(self, path, headers=None):
        """Asks for a WebSocket by hand, to see what a refusal says; 101 is dropped at once."""
        return self.get(path, headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                       "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **(headers or {})})

    async def apost(self, path, body=None, **more):
        return await asyncio.to_thread(self.post, path, body, **more)

    async def aget(self, path, **more):
        return await asyncio.to_thread(self.get, path, **more)

    def login(self, tenant):
        answer = self.post("/auth/token", {"tenant_id": tenant.id, "api_key": tenant.api_key})
        if answer.status != 200:
            raise AssertionError(f"/auth/token: {answer}")
        self.tenant = tenant
        self.token = answer.json["access_token"]
        self.headers["Authorization"] = f"Bearer {self.token}"
        return self

    def start_call(self, **body):
        """POST /call/start for the tenant that logged in; the raw answer."""
        return self.post("/call/start", {"tenant_id": self.tenant.id, "language": "en", **body})

    async def astart_call(self, **body):
        return await asyncio.to_thread(self.start_call, **body)
