"""The program as a command: administration, calls from the shell, and what it says to wrong usage."""
import json
import os
import subprocess
import tempfile
import unittest

from voxgate_harness import LOOPBACK, Gateway, GatewayTest, audio, corpus_speech, main
from voxgate_harness.testcase import shared_servers

TLS = tempfile.TemporaryDirectory(prefix="vgc-", dir="/tmp")
CERTIFICATE, PRIVATE_KEY = os.path.join(TLS.name, "cert.pem"), os.path.join(TLS.name, "key.pem")


def make_certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", PRIVATE_KEY,
                    "-out", CERTIFICATE], check=True, capture_output=True)


class Cli(GatewayTest):
    env = LOOPBACK

    def run_json(self, *arguments):
        return json.loads(self.gw.run(*arguments, "--json").stdout)

    def refused(self, *arguments, status=2):
        """What the program says on standard error when it ends with `status`."""
        done = self.gw.run(*arguments, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("rror:", done.stderr)
        return done.stderr


class Administration(Cli):
    def test_a_tenant_is_made_listed_changed_and_suspended(self):
        made = self.run_json("admin", "tenant", "create", "--name", "Café ٣", "--rate-limit", "7", "--rate-window", "30",
                             "--concurrent-calls", "2")
        self.assertEqual((made["name"], made["rate_limit_requests"], made["rate_limit_window_seconds"],
                          made["concurrent_calls_max"]), ("Café ٣", 7, 30, 2))
        self.assertEqual(made["agent_id"], made["default_agent_id"])
        self.assertTrue(made["api_key"].startswith("vgk_"))
        changed = self.run_json("admin", "tenant", "update", made["tenant_id"], "--status", "suspended", "--plan=growth")
        self.assertEqual((changed["status"], changed["plan"], changed["name"]), ("suspended", "growth", "Café ٣"))
        self.assertNotIn("api_key", changed)
        self.assertEqual(self.run_json("admin", "tenant", "show", made["tenant_id"])["status"], "suspended")
        listed = {t["tenant_id"]: t for t in self.run_json("admin", "tenant", "list")}
        self.assertEqual(listed[made["tenant_id"]]["plan"], "growth")
        table = self.gw.run("admin", "tenant", "list").stdout
        self.assertRegex(table.splitlines()[0], r"^TENANT +NAME +STATUS")
        self.assertIn(made["tenant_id"], table)

    def test_keys_are_made_with_scopes_and_revoked(self):
        key = self.run_json("admin", "key", "create", "--tenant", self.tenant.id, "--name", "web", "--scopes", "calls,desk",
                            "--expires-days", "1")
        self.assertEqual(key["scopes"], "calls,desk")
        token = self.rest.post("/auth/token", {"tenant_id": self.tenant.id, "api_key": key["api_key"]})
        self.assertEqual(token.status, 200)
        self.gw.run("admin", "key", "revoke", key["key_id"])
        listed = {k["key_id"]: k for k in self.run_json("admin", "key", "list", "--tenant", self.tenant.id)}
        self.assertIsNotNone(listed[key["key_id"]]["revoked_at"])
        self.gw.wait_until(lambda: self.rest.post("/auth/token", {"tenant_id": self.tenant.id, "api_key": key["api_key"]})
                           .status == 401, what="the revoked key is refused")

    def test_an_agent_gets_versions_and_vocabulary(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as words:
            words.write("ten meters\nforward\n")
            words.flush()
            made = self.run_json("admin", "agent", "create", "--tenant", self.tenant.id, "--name", "Sara", "--prompt", "p",
                                 "--language", "en", "--vocabulary", words.name, "--barge-in", "off")
        self.assertEqual((made["version"], made["vocabulary"], made["barge_in"]), (1, ["ten meters", "forward"], False))
        updated = self.run_json("admin", "agent", "update", made["agent_id"], "--tenant", self.tenant.id, "--greeting", "Hi")
        self.assertEqual((updated["version"], updated["greeting"], updated["name"]), (2, "Hi", "Sara"))
        self.assertEqual(len(self.run_json("admin", "agent", "list", "--tenant", self.tenant.id)), 2)

    def test_a_document_is_taught_and_found(self):
        done = self.gw.run("admin", "ingest", "-", "--tenant", self.tenant.id, "--source", "parking",
                           stdin="Parking is free behind the house.")
        self.assertIn("version 1", done.stdout)
        found = self.rest.post("/rag/query", {"tenant_id": self.tenant.id, "query": "is parking free"})
        self.assertIn("Parking is free", json.dumps(found.json))

    def test_the_demo_tenant_answers(self):
        demo = self.run_json("admin", "demo")
        answer = self.rest.post("/auth/token", {"tenant_id": demo["tenant_id"], "api_key": demo["api_key"]})
        self.assertEqual(answer.status, 200)

    def test_wrong_usage_is_explained(self):
        self.assertIn("--name", self.refused("admin", "tenant", "create"))
        self.assertIn("no option --nam", self.refused("admin", "tenant", "create", "--nam", "x"))
        self.assertIn("choose one of", self.refused("admin", "tenat"))
        self.assertIn("starter|growth|custom", self.refused("admin", "tenant", "create", "--name", "x", "--plan", "big"))
        self.assertIn("whole number", self.refused("admin", "tenant", "create", "--name", "x", "--rate-limit", "many"))
        self.assertIn("no such tenant", self.refused("admin", "tenant", "show", "tnt_nonsense", status=1))
        self.assertIn("no such key", self.refused("admin", "key", "revoke", "key_nonsense", status=1))
        self.assertIn("scopes", self.refused("admin", "key", "create", "--tenant", self.tenant.id, "--scopes", "root"))
        self.assertIn("serve, migrate", self.refused("serv"))

    def test_a_database_that_is_away_is_said(self):
        done = subprocess.run([self.gw.program, "admin", "tenant", "list"], capture_output=True, text=True, check=False,
                              env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("voxgate admin tenant list:", done.stderr)

    def test_migrate_check_changes_nothing(self):
        self.assertIn("as this program needs it", self.gw.run("migrate", "--check").stdout)


class Calls(Cli):
    """The common part of the tests that call."""

    def call(self, *arguments, check=True, stdin=None, env=None):
        """`voxgate call --json` in a folder of its own: (process, events)."""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([self.gw.program, "call", *arguments, "--json"], capture_output=True, timeout=60, cwd=folder,
                                  check=False, input=stdin,
                                  env={"VOXGATE_URL": self.gw.url, "VOXGATE_TENANT_ID": self.tenant.id,
                                       "VOXGATE_API_KEY": self.tenant.api_key, **(env or {})})
            self.reply = audio.read_wav(os.path.join(folder, "reply.wav")) if os.path.exists(folder + "/reply.wav") else None
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def check_answered(self, events):
        self.assertEqual(events[0]["type"], "started")
        self.assertEqual(events[-1]["type"], "summary")
        self.assertTrue(events[-1]["ok"])
        finals = [e["text"] for e in events if e["type"] == "transcript_final"]
        self.assertEqual(len(finals), 1, finals)
        self.assertGreater(events[-1]["reply_ms"], 100)
        self.assertAlmostEqual(len(self.reply[1]) / self.reply[0] * 1000, events[-1]["reply_ms"], delta=2)

    def test_every_codec_and_transport_makes_a_call(self):
        clip = corpus_speech("goforward").tobytes()  # raw samples on standard input
        for codec, transport, more in (("pcm_s16le", "json", ["--chunk-ms", "250"]), ("pcm_s16le", "binary", ["--rate", "48000"]),
                                       ("pcmu", "binary", ["--chunk-ms", "10"]), ("pcma", "json", []),
                                       ("opus", "binary", ["--rate", "24000"]), ("opus", "json", [])):
            with self.subTest(codec=codec, transport=transport):
                _, events = self.call("-", "--codec", codec, "--transport", transport, *more, stdin=clip)
                self.check_answered(events)

    def test_fast_is_faster_than_speech(self):
        clip = corpus_speech("goforward")
        _, events = self.call("-", "--fast", stdin=clip.tobytes())
        self.check_answered(events)
        self.assertIsNone(events[-1]["first_reply_after_ms"])

    def test_text_and_keys_need_no_recording(self):
        _, events = self.call("--text", "Hello", "--digits", "4#")
        self.assertEqual([e["digit"] for e in events if e["type"] == "dtmf"], ["4", "#"])
        self.assertIn("Hello", [e["text"] for e in events if e["type"] == "transcript_final"])

    def test_people_read_a_reply_as_it_was_written(self):
        said = "Go forward ten meters: then stop. Turn left at the wall, please, and come back to me. Thank you!"
        done = self.gw.run("call", "--text", said, "--out", "", "--url", self.gw.url, "--tenant", self.tenant.id,
                           "--api-key", self.tenant.api_key)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], "^call call_")
        self.assertEqual(lines[1:3], [f"you     {said}", f"agent   you said: {said}"])

    def test_what_fails_says_why_and_ends_with_one(self):
        for arguments, env, why in ((["--text", "x"], {"VOXGATE_API_KEY": "vgk_wrong"}, "401"),
                                    (["--text", "x"], {"VOXGATE_URL": "http://127.0.0.1:1"}, "cannot be reached"),
                                    (["--text", "x", "--voice", "nobody"], {}, "arabic_gulf_male"),
                                    (["nothing.wav"], {}, "cannot be read")):
            with self.subTest(why=why):
                done, _ = self.call(*arguments, env=env, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(why, done.stderr.decode())

    def test_wrong_options_end_with_two(self):
        for arguments, why in (([], "needs a recording"), (["a.wav", "b.wav"], "one argument too many"),
                               (["a.wav", "--codec", "mp3"], "pcm_s16le|pcmu"), (["a.wav", "--rate", "44"], "8000 to 48000"),
                               (["a.wav", "--codec", "opus", "--rate", "44100"], "does not run at"),
                               (["a.wav", "--fast", "--realtime"], "exclude"), (["--digits", "x"], "0-9")):
            with self.subTest(why=why):
                done, _ = self.call(*arguments, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn(why, done.stderr.decode())

    def test_a_call_that_is_ended_by_the_gateway_ends_the_command(self):
        process = subprocess.Popen([self.gw.program, "call", "-", "--json", "--out", ""], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True,
                                   env={"VOXGATE_URL": self.gw.url, "VOXGATE_TENANT_ID": self.tenant.id,
                                        "VOXGATE_API_KEY": self.tenant.api_key})
        process.stdin.buffer.write(bytes(32000 * 30))
        process.stdin.close()
        call_id = json.loads(process.stdout.readline())["call_id"]
        self.gw.wait_until(lambda: self.rest.get(f"/call/{call_id}").json["status"] == "in_progress", what="the call is live")
        self.rest.post(f"/call/{call_id}/end", {"reason": "closing_time"})
        summary = json.loads(process.stdout.read().splitlines()[-1])
        self.assertEqual((process.wait(10), summary["end_reason"]), (0, "closing_time"))


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make_certificate()
        cls.gw = Gateway(shared_servers(), {**LOOPBACK, "TLS_CERT_FILE": CERTIFICATE, "TLS_KEY_FILE": PRIVATE_KEY})
        cls.addClassCleanup(cls.gw.close)
        cls.gw.migrate()
        cls.gw.start()
        cls.tenant = cls.gw.new_tenant("Test")

    call = Calls.call

    def test_a_call_over_tls_verifies_the_certificate(self):
        url = f"https://127.0.0.1:{self.gw.port}"
        done, _ = self.call("--text", "x", env={"VOXGATE_URL": url}, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("certificate", done.stderr.decode())
        _, events = self.call("--text", "Hello", "--insecure", env={"VOXGATE_URL": url})
        self.assertIn("Hello", [e["text"] for e in events if e["type"] == "transcript_final"])


if __name__ == "__main__":
    main()
