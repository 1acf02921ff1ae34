"""Who may do what: tokens, keys, tenants, the upgrade's refusals, CORS, the error shape."""
import asyncio
import base64
import json
import time

import jwt

from voxgate_harness import ADMIN_KEY, JWT_SECRET, LOOPBACK, Call, GatewayTest, Rest, main, uuid_of


def unsigned(token):
    """The same claims under `alg: none`."""
    claims = token.split(".")[1]
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{header}.{claims}."


class Tokens(GatewayTest):
    env = LOOPBACK

    def bearer(self, token):
        return Rest(self.gw.url, headers={"Authorization": f"Bearer {token}"})

    def start(self, rest):
        return rest.post("/call/start", {"tenant_id": self.tenant.id, "language": "en"})

    def claims(self, **changed):
        real = jwt.decode(self.rest.token, options={"verify_signature": False})
        real.update(changed)
        return {k: v for k, v in real.items() if v is not None}

    def test_a_token_has_the_documented_claims(self):
        claims = self.claims()
        self.assertEqual(claims["tenant_id"], self.tenant.id)
        self.assertLessEqual({"tenant_id", "sub", "scope", "iat", "exp", "jti"}, set(claims))
        self.assertEqual(claims["exp"] - claims["iat"], 3600)

    def test_a_wrong_key_gets_no_token(self):
        body = {"tenant_id": self.tenant.id, "api_key": "vgk_wrong"}
        self.assertError(Rest(self.gw.url).post("/auth/token", body), 401, "UNAUTHORIZED")

    def test_a_key_of_another_tenant_gets_no_token(self):
        other = self.gw.new_tenant("Other")
        body = {"tenant_id": other.id, "api_key": self.tenant.api_key}
        self.assertError(Rest(self.gw.url).post("/auth/token", body), 401, "UNAUTHORIZED")

    def test_nothing_is_started_without_credentials(self):
        self.assertError(self.start(Rest(self.gw.url)), 401, "UNAUTHORIZED")

    def test_an_api_key_serves_without_a_token(self):
        answer = self.start(Rest(self.gw.url, headers={"X-API-Key": self.tenant.api_key}))
        self.assertEqual(answer.status, 200, answer)

    def test_the_operators_key_is_an_api_key(self):
        answer = Rest(self.gw.url, headers={"X-API-Key": ADMIN_KEY}).get("/call/call_00000000000070008000000000000000")
        self.assertNotEqual(answer.status, 401, answer)

    def test_an_unsigned_token_is_refused(self):
        self.assertError(self.start(self.bearer(unsigned(self.rest.token))), 401, "UNAUTHORIZED")

    def test_a_token_with_another_algorithm_is_refused(self):
        for algorithm in ("HS384", "HS512"):
            token = jwt.encode(self.claims(), JWT_SECRET, algorithm)
            self.assertError(self.start(self.bearer(token)), 401, "UNAUTHORIZED")

    def test_a_wrong_signature_is_refused(self):
        token = jwt.encode(self.claims(), "another-secret-0123456789abcdef0123456789", "HS256")
        self.assertError(self.start(self.bearer(token)), 401, "UNAUTHORIZED")

    def test_an_expired_token_is_refused(self):
        headers = jwt.get_unverified_header(self.rest.token)
        past = int(time.time()) - 100
        token = jwt.encode(self.claims(exp=past, iat=past - 3600), JWT_SECRET, "HS256", headers=headers)
        self.assertError(self.start(self.bearer(token)), 401, "UNAUTHORIZED")

    def test_a_token_without_expiry_is_refused(self):
        headers = jwt.get_unverified_header(self.rest.token)
        token = jwt.encode(self.claims(exp=None), JWT_SECRET, "HS256", headers=headers)
        self.assertError(self.start(self.bearer(token)), 401, "UNAUTHORIZED")

    def test_garbage_in_place_of_a_token_is_refused(self):
        for token in ("x", "a.b.c", "..", "." * 5000, "eyJhbGciOiJIUzI1NiJ9." + "A" * 6000 + ".x", "\xff\xfe"):
            self.assertError(self.start(self.bearer(token)), 401, "UNAUTHORIZED")

    def test_a_session_token_is_no_access_token(self):
        session_token = self.start(self.rest).json["session_token"]
        self.assertIn(self.start(self.bearer(session_token)).status, (401, 403))

    def test_refusals_are_counted(self):
        before = self.gw.metrics().value("voxgate_auth_failures_total")
        self.start(self.bearer("a.b.c"))
        self.assertGreater(self.gw.metrics().value("voxgate_auth_failures_total"), before)

    def test_a_body_that_names_another_tenant_is_forbidden(self):
        other = self.gw.new_tenant("Other")
        self.assertError(self.rest.post("/call/start", {"tenant_id": other.id}), 403, "FORBIDDEN")

    def test_another_tenants_call_is_not_found(self):
        call_id = self.start(self.rest).json["call_id"]
        other = self.gw.rest(self.gw.new_tenant("Other"))
        self.assertError(other.get(f"/call/{call_id}"), 404, "RESOURCE_NOT_FOUND")
        self.assertError(other.post(f"/call/{call_id}/end"), 404, "RESOURCE_NOT_FOUND")
        self.assertError(other.post("/handoff", {"call_id": call_id}), 404, "RESOURCE_NOT_FOUND")
        self.assertEqual(self.rest.get(f"/call/{call_id}").status, 200)

    def test_an_unknown_agent_is_named_as_such(self):
        body = {"tenant_id": self.tenant.id, "agent_id": "agt_00000000000070008000000000000000"}
        self.assertError(self.rest.post("/call/start", body), 404, "AGENT_NOT_FOUND")

    def test_an_unknown_voice_lists_the_known_ones(self):
        answer = self.rest.post("/call/start", {"tenant_id": self.tenant.id, "voice_id": "nobody"})
        self.assertError(answer, 400, "VALIDATION_ERROR")
        self.assertIn("arabic_gulf_male", answer.text)


def with_life(token, seconds):
    """An access token like this one that expires in `seconds`."""
    claims = jwt.decode(token, options={"verify_signature": False})
    claims["exp"] = int(time.time()) + seconds
    return jwt.encode(claims, JWT_SECRET, "HS256", headers=jwt.get_unverified_header(token))


class Upgrade(GatewayTest):
    env = LOOPBACK

    def begun(self, rest=None):
        answer = (rest or self.rest).start_call()
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def test_without_a_token_it_is_refused(self):
        self.assertError(self.rest_without().upgrade(f"/ws/{self.begun()['call_id']}"), 401, "UNAUTHORIZED")

    def rest_without(self):
        return Rest(self.gw.url)

    def test_with_a_bad_token_it_is_refused(self):
        call = self.begun()
        for token in ("x", "a.b.c", unsigned(call["session_token"]), call["session_token"][:-4] + "AAAA"):
            answer = self.rest_without().upgrade(f"/ws/{call['call_id']}?token={token}")
            self.assertError(answer, 401, "UNAUTHORIZED")

    def test_with_the_token_of_another_call_it_is_forbidden(self):
        first, second = self.begun(), self.begun()
        answer = self.rest_without().upgrade(f"/ws/{first['call_id']}?token={second['session_token']}")
        self.assertError(answer, 403, "FORBIDDEN")

    def test_another_tenants_call_is_not_found(self):
        mine = self.begun()
        theirs = self.begun(self.gw.rest(self.gw.new_tenant("Other")))
        answer = self.rest_without().upgrade(f"/ws/{mine['call_id']}?token={theirs['session_token']}")
        self.assertIn((answer.status, answer.error_code), ((403, "FORBIDDEN"), (404, "RESOURCE_NOT_FOUND")))

    def test_an_unknown_call_is_not_found(self):
        answer = self.rest.upgrade("/ws/call_00000000000070008000000000000000")
        self.assertError(answer, 404, "RESOURCE_NOT_FOUND")

    def test_an_ended_call_is_gone(self):
        call = self.begun()
        self.rest.post(f"/call/{call['call_id']}/end")
        answer = self.rest_without().upgrade(f"/ws/{call['call_id']}?token={call['session_token']}")
        self.assertError(answer, 410, "CALL_ENDED")

    async def test_a_second_connection_is_refused_while_the_first_lives(self):
        call = await self.started()
        answer = self.rest_without().upgrade(f"/ws/{call.call_id}?token={call.session_token}")
        self.assertError(answer, 409, "CONFLICT")
        await call.send({"type": "ping"})
        await call.wait_for("pong")

    def test_a_revoked_key_opens_nothing_new_within_a_second(self):
        made = json.loads(self.gw.run("admin", "key", "create", "--tenant", self.tenant.id, "--json").stdout)
        rest = Rest(self.gw.url)
        token = rest.post("/auth/token", {"tenant_id": self.tenant.id, "api_key": made["api_key"]}).json["access_token"]
        with_token = Rest(self.gw.url, headers={"Authorization": f"Bearer {token}"})
        started = with_token.post("/call/start", {"tenant_id": self.tenant.id, "language": "en"})
        self.assertEqual(started.status, 200, started)
        path = f"/ws/{started.json['call_id']}?token={token}"
        self.gw.run("admin", "key", "revoke", made["key_id"])
        time.sleep(1)
        self.assertError(with_token.get(f"/call/{started.json['call_id']}"), 401, "UNAUTHORIZED")
        self.assertError(rest.upgrade(path), 401, "UNAUTHORIZED")
        self.assertError(Rest(self.gw.url, headers={"X-API-Key": made["api_key"]}).get("/v1/voices"), 401, "UNAUTHORIZED")

    async def test_the_token_is_taken_in_each_of_its_places(self):
        for place in ("query", "header", "subprotocol"):
            call = await self.started(connect=False)
            await call.connect(token=place)
            await call.wait_for("ready")
            self.assertEqual(call.ws.subprotocol, "voxgate.v1" if place == "subprotocol" else None)

    async def test_a_plain_get_is_told_to_upgrade(self):
        call = self.begun()
        answer = self.rest_without().get(f"/ws/{call['call_id']}?token={call['session_token']}")
        self.assertIn(answer.status, (400, 426), answer)


class LiveCalls(GatewayTest):
    """What happens to calls when the credentials behind them end."""
    env = LOOPBACK

    async def two_calls(self):
        """A tenant's call that is connected, one that is not, and the id of the key that started both."""
        tenant = self.gw.new_tenant("Leaving")
        made = json.loads(self.gw.run("admin", "key", "create", "--tenant", tenant.id, "--json").stdout)
        tenant.api_key = made["api_key"]
        rest = self.gw.rest(tenant)
        return tenant, made["key_id"], await self.started(rest), (await rest.astart_call()).json

    async def expect_end(self, call, ready, code, error):
        self.assertEqual(await call.wait_closed(3), code)
        self.assertEqual([(m["code"], m["fatal"]) for m in call.of("error")], [(error, True)])
        self.assertEqual(call.messages[-1].type, "call_ended")
        late = Rest(self.gw.url).upgrade(f"/ws/{ready['call_id']}?token={ready['session_token']}")
        self.assertError(late, 410, "CALL_ENDED")

    async def test_calls_of_a_revoked_key_end_with_4401(self):
        _, key_id, call, ready = await self.two_calls()
        other = await self.started()
        await asyncio.to_thread(self.gw.run, "admin", "key", "revoke", key_id)
        await self.expect_end(call, ready, 4401, "TOKEN_EXPIRED")
        await other.send({"type": "ping"})
        await other.wait_for("pong")

    def recorded_reason(self, call_id):
        rows = self.gw.sql("select end_reason from calls where id = %s", (uuid_of(call_id),))
        return rows[0][0] if rows else None

    def counted_expired(self):
        return self.gw.metrics().value("voxgate_calls_ended_total", reason="token_expired")

    async def opened(self, token):
        """A call that is connected with this token, "query" for its session token."""
        call = await self.started(connect=False)
        await call.connect(token=token)
        await call.wait_for("ready")
        return call

    async def test_a_call_whose_access_token_expires_ends_with_4401_and_others_live_on(self):
        before = self.counted_expired()
        short, long = with_life(self.rest.token, 3), with_life(self.rest.token, 3600)
        call, longer, by_session = await self.opened(short), await self.opened(long), await self.opened("query")
        await call.send({"type": "ping"})
        await call.wait_for("pong")
        self.assertEqual(await call.wait_closed(10), 4401)
        self.assertGreaterEqual(time.time(), jwt.decode(short, options={"verify_signature": False})["exp"])
        self.assertEqual([(m["code"], m["fatal"]) for m in call.of("error")], [("TOKEN_EXPIRED", True)])
        self.assertEqual((call.messages[-1].type, call.messages[-1]["reason"]), ("call_ended", "token_expired"))
        found = self.rest.get(f"/call/{call.call_id}").json
        self.assertEqual((found["status"], found["end_reason"]), ("ended", "token_expired"))
        self.assertEqual(self.counted_expired(), before + 1)
        await self.eventually(lambda: self.recorded_reason(call.call_id) == "token_expired", what="the record")
        for other in (longer, by_session):
            await other.send({"type": "ping"})
            await other.wait_for("pong")

    async def test_who_takes_the_call_over_with_a_new_token_in_time_goes_on(self):
        call = await self.opened(with_life(self.rest.token, 3))
        token = (await call.wait_for("ready"))["resume_token"]
        again = Call(call.call_id, call.session_token, call.ws_url)
        await again.connect(token=with_life(self.rest.token, 3600), resume_token=token, last_seq=call.last_seq)
        self.addAsyncCleanup(again.hang_up)
        await again.wait_for("ready")
        self.assertEqual(await call.wait_closed(5), 4409)
        await asyncio.sleep(5)  # beyond the end of the first token
        await again.send({"type": "ping"})
        await again.wait_for("pong")

    async def test_a_call_that_is_taken_over_with_a_shorter_token_ends_with_that(self):
        call = await self.opened("query")
        token = (await call.wait_for("ready"))["resume_token"]
        again = Call(call.call_id, call.session_token, call.ws_url)
        await again.connect(token=with_life(self.rest.token, 3), resume_token=token, last_seq=call.last_seq)
        self.assertEqual(await again.wait_closed(10), 4401)

    async def test_calls_of_a_suspended_tenant_end_with_1008(self):
        tenant, _, call, ready = await self.two_calls()
        await asyncio.to_thread(self.gw.run, "admin", "tenant", "update", tenant.id, "--status", "suspended")
        await self.expect_end(call, ready, 1008, "TENANT_SUSPENDED")


class Shape(GatewayTest):
    env = {**LOOPBACK, "CORS_ORIGINS": "https://app.example.com, https://two.example.com"}

    def test_unknown_routes_and_methods_have_the_error_shape(self):
        self.assertError(self.rest.get("/no/such/route"), 404, "RESOURCE_NOT_FOUND")
        wrong = self.rest.request("DELETE", "/call/start")
        self.assertError(wrong, 405, "METHOD_NOT_ALLOWED")
        self.assertIn("POST", wrong.headers["Allow"])

    def test_request_ids_are_echoed_or_made(self):
        self.assertEqual(self.rest.get("/health", headers={"X-Request-Id": "abc.DEF-1_2"}).headers["X-Request-Id"],
                         "abc.DEF-1_2")
        for bad in ("a b", "x" * 65, "ä"):
            made = self.rest.get("/health", headers={"X-Request-Id": bad.encode("latin-1")}).headers["X-Request-Id"]
            self.assertRegex(made, r"^req_[0-9a-f]{32}$")

    def test_bad_bodies_name_what_is_wrong(self):
        for body in (b"", b"{", b"[]", b'"x"', b'{"tenant_id":1}', b'{"tenant_id":"a","tenant_id":"b"}', b"\xff\xfe",
                     b'{"language":"en"}'):
            self.assertError(self.rest.post("/call/start", body), 400, "VALIDATION_ERROR")
        answer = self.rest.post("/call/start", {"tenant_id": self.tenant.id, "language": "klingon", "metadata": 5})
        self.assertError(answer, 400, "VALIDATION_ERROR")
        for name in ("language", "metadata"):
            self.assertIn(name, json.dumps(answer.json["error"]["details"]))

    def test_every_route_with_a_body_refuses_one_that_is_no_object(self):
        call, handoff = "/call/call_00000000000070008000000000000000", "/handoffs/hnd_00000000000070008000000000000000"
        for path in ("/auth/token", "/call/start", f"{call}/end", "/handoff", f"{handoff}/decline", "/ingest", "/rag/query"):
            for body in (b"[]", b"{", b'{"reason":1,"call_id":1,"tenant_id":1}'):
                answer = self.rest.post(path, body)
                self.assertError(answer, 400, "VALIDATION_ERROR")
                self.assertTrue(answer.json["error"]["details"], (path, body))

    def test_too_large_a_body_is_refused(self):
        answer = self.rest.post("/call/start", b'{"tenant_id":"' + b"x" * (2 << 20) + b'"}')
        self.assertError(answer, 413, "PAYLOAD_TOO_LARGE")

    def test_unknown_fields_are_ignored(self):
        answer = self.rest.post("/call/start", {"tenant_id": self.tenant.id, "language": "en", "new_thing": {"a": 1}})
        self.assertEqual(answer.status, 200, answer)

    def test_configured_origins_may_call_and_others_may_not(self):
        asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization,content-type"}
        answer = Rest(self.gw.url).request("OPTIONS", "/call/start", headers=asked)
        self.assertIn(answer.status, (200, 204))
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://app.example.com")
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        self.assertIn("authorization", answer.headers["Access-Control-Allow-Headers"].lower())
        self.assertIn("Origin", answer.headers["Vary"])
        plain = Rest(self.gw.url).get("/health", headers={"Origin": "https://two.example.com"})
        self.assertEqual(plain.headers["Access-Control-Allow-Origin"], "https://two.example.com")
        stranger = Rest(self.gw.url).get("/health", headers={"Origin": "https://evil.example.com"})
        self.assertIsNone(stranger.headers["Access-Control-Allow-Origin"])


if __name__ == "__main__":
    main()
