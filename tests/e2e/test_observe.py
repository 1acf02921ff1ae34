"""What operators look at: health, readiness, metrics, logs, configuration, traces."""
import asyncio
import http.server
import json
import os
import signal
import subprocess
import threading

from voxgate_harness import LOOPBACK, Gateway, GatewayTest, Rest, corpus_speech, main


class Collector(http.server.ThreadingHTTPServer):
    """An OTLP/HTTP collector that keeps the spans."""

    def __init__(self):
        self.spans = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in body["resourceSpans"]:
                    for scope in resource["scopeSpans"]:
                        outer.spans += scope["spans"]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Observe(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.collector = Collector()
        cls.env = {**LOOPBACK, "OTEL_EXPORTER_OTLP_ENDPOINT": cls.collector.url}
        super().setUpClass()
        cls.addClassCleanup(cls.collector.server_close)
        cls.addClassCleanup(cls.collector.shutdown)

    def test_health_and_readiness(self):
        health = Rest(self.gw.url).get("/health")
        self.assertEqual(health.status, 200)
        self.assertEqual(health.json["status"], "healthy")
        self.assertIsInstance(health.json["timestamp"], float)
        self.assertIn("version", health.json)
        ready = Rest(self.gw.url).get("/readyz")
        self.assertEqual(ready.status, 200, ready)
        self.assertEqual(ready.json["checks"], {n: "ok" for n in ("redis", "postgres", "spool", "engines", "calls")})
        self.assertEqual(Rest(self.gw.url).get("/healthz").status, 200)

    async def test_metrics_are_clean_and_move_with_a_call(self):
        before = self.gw.metrics()
        call = await self.started()
        call.mic.start()
        call.mic.play(corpus_speech("goforward"))
        await call.wait_for("transcript_final")
        await call.wait_reply_end()
        self.assertEqual(self.gw.metrics().value("voxgate_calls_live"), before.value("voxgate_calls_live") + 1)
        await call.hang_up()
        after = self.gw.metrics()
        for name in ("voxgate_turn_latency_seconds", "voxgate_turn_endpointing_seconds",
                     "voxgate_turn_final_transcript_seconds", "voxgate_turn_answer_seconds",
                     "voxgate_turn_synthesis_seconds"):
            self.assertGreater(after.value(name + "_count"), before.value(name + "_count"), name)
        self.assertGreater(after.value("gateway_requests_total", method="POST"), 0)
        self.assertGreater(after.value("gateway_call_events_total", event_type="started"), 0)
        checked = subprocess.run(["promtool", "check", "metrics"], input=after.text, capture_output=True, text=True,
                                 check=False)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    async def test_spans_reach_the_collector_under_the_callers_trace(self):
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        answer = self.rest.post("/call/start", {"tenant_id": self.tenant.id, "language": "en"},
                                headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        self.assertEqual(answer.status, 200)
        self.rest.post("/rag/query", {"tenant_id": self.tenant.id, "query": "x"})
        self.gw.run("admin", "agent", "update", self.tenant.agent_id, "--tenant", self.tenant.id,
                    "--greeting", "Hello.")
        await asyncio.sleep(1)
        call = await self.started()
        await call.say_text("hello")  # before the handoff: from then on the agent holds back
        turn = (await call.wait_for("transcript_final"))["turn_id"]
        await call.wait_for("response", 30, match=lambda m: m["turn_id"] == turn and m.get("final"))
        handoff = "9" * 32
        self.rest.post("/handoff", {"call_id": call.call_id, "reason": "x", "agent_queue": "general"},
                       headers={"traceparent": f"00-{handoff}-00f067aa0ba902b7-01"})
        await call.hang_up()
        wanted = {"start_call", "rag_query", "handoff", "call", "turn", "llm", "tts"}
        await self.eventually(lambda: wanted <= {s["name"] for s in self.collector.spans}, 20, "spans")
        mine = [s for s in self.collector.spans if s["traceId"] == trace]
        self.assertEqual([s["name"] for s in mine if s["name"] == "start_call"], ["start_call"])
        self.assertEqual([s["name"] for s in self.collector.spans if s["traceId"] == handoff], ["handoff"])
        # Every span of a call hangs on another: call below start_call, turn below call, engines below turn or call.
        named = {s["spanId"]: s["name"] for s in self.collector.spans}
        above = {(named.get(s.get("parentSpanId")), s["name"]) for s in self.collector.spans}
        self.assertIn(("start_call", "call"), above)
        self.assertLessEqual({pair for pair in above if pair[1] in ("call", "turn", "stt", "llm", "tts")},
                             {("start_call", "call"), ("call", "turn"), ("turn", "stt"), ("turn", "llm"),
                              ("turn", "tts"), ("call", "tts")}, above)

    def test_the_log_is_json_without_secrets(self):
        self.rest.get("/health", headers={"X-Request-Id": "look-for-me"})
        lines = [line for line in self.gw.log_text().splitlines() if line.strip()]
        for line in lines:
            entry = json.loads(line)
            self.assertLessEqual({"ts", "level", "event"}, set(entry), line)
        text = self.gw.log_text()
        for secret in (self.tenant.api_key, self.gw.env["JWT_SECRET"], self.gw.env["VOXGATE_ADMIN_KEY"], self.rest.token):
            self.assertNotIn(secret, text)


class Engines(GatewayTest):
    env = LOOPBACK

    async def test_without_the_parent_of_the_engines_it_is_not_ready(self):
        self.assertEqual(Rest(self.gw.url).get("/readyz").json["checks"]["engines"], "ok")
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.gw.pid)], capture_output=True, text=True,
                                  check=True).stdout.split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        await self.eventually(lambda: Rest(self.gw.url).get("/readyz").status == 503, 5, "not ready")
        health = Rest(self.gw.url).get("/health")
        self.assertEqual((health.status, health.json["status"]), (200, "degraded"))


class Configuration(GatewayTest):
    env = LOOPBACK

    def test_all_that_is_wrong_is_named_at_once(self):
        broken = Gateway(self.servers, {"PORT": "banana", "APP_ENV": "", "JWT_SECRET": "", "RATE_LIMIT_REQUESTS": "-1"},
                         database_url=self.gw.database_url)
        try:
            done = broken.run("serve", check=False, timeout_s=10)
            self.assertNotEqual(done.returncode, 0)
            said = done.stdout + done.stderr
            for name in ("PORT", "APP_ENV", "JWT_SECRET", "RATE_LIMIT_REQUESTS"):
                self.assertIn(name, said)
        finally:
            broken.close()

    def test_an_engine_that_does_not_exist_stops_the_start_and_those_that_do_are_named(self):
        broken = Gateway(self.servers, {"VOXGATE_STT": "whisperx", "VOXGATE_LLM": "gpt", "VOXGATE_TTS": "nobody",
                                        "LOG_LEVEL": "LOUD"}, database_url=self.gw.database_url)
        try:
            for command in (("serve",), ("config", "--check")):
                done = broken.run(*command, check=False, timeout_s=10)
                said = done.stdout + done.stderr
                self.assertEqual(done.returncode, 2, said)
                self.assertIn("VOXGATE_STT names no speech recogniser of this build; choose one of pocketsphinx, loopback",
                              said)
                self.assertIn("VOXGATE_LLM names no answer engine of this build; choose one of builtin, loopback", said)
                self.assertRegex(said, "VOXGATE_TTS .*auto, flite, espeak, loopback")
                self.assertIn("LOG_LEVEL", said)
                self.assertNotIn("whisperx", said)
            self.assertEqual(broken.run("config", check=False).returncode, 2)
        finally:
            broken.close()
        self.assertEqual(self.gw.run("config", "--check").stdout, "")

    def test_production_refuses_the_documents_secret(self):
        weak = Gateway(self.servers, {"APP_ENV": "production", "JWT_SECRET": "your-secret-key-change-in-production"},
                       database_url=self.gw.database_url)
        try:
            done = weak.run("serve", check=False, timeout_s=10)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("JWT_SECRET", done.stdout + done.stderr)
        finally:
            weak.close()

    def test_config_prints_what_is_in_force_without_secrets(self):
        said = self.gw.run("config").stdout
        self.assertIn("RATE_LIMIT_REQUESTS", said)
        self.assertNotIn(self.gw.env["JWT_SECRET"], said)

    def test_every_subcommand_helps(self):
        for command in ([], ["serve"], ["migrate"], ["admin"], ["call"], ["config"]):
            said = self.gw.run(*command, "--help").stdout
            self.assertIn("voxgate", said)
            self.assertGreater(len(said), 80)
        self.assertRegex(self.gw.run("version").stdout, r"\d+\.\d+\.\d+")

    def test_migrating_again_changes_nothing(self):
        self.gw.run("migrate")


if __name__ == "__main__":
    main()
