"""The load generator against a running gateway: what it counts is what happened, and it says so when that was not good."""
import json
import os
import subprocess
import tempfile

from voxgate_harness import LOOPBACK, GatewayTest, main

CALLS_MAX = 6


class Bench(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_CALLS_MAX": "400", "VOXGATE_CONCURRENT_CALLS": "400", "VOXGATE_SHARDS": "1"}

    def bench(self, *arguments, status=0):
        """(the JSON of one run, what it printed)."""
        with tempfile.TemporaryDirectory(prefix="vgb-", dir="/tmp") as folder:
            path = os.path.join(folder, "bench.json")
            done = subprocess.run([self.gw.program, "bench", "--quiet", "--json", path, "--pid", str(self.gw.pid), *arguments],
                                  env={**self.gw.env, "PORT": str(self.gw.port)}, capture_output=True, text=True, timeout=100,
                                  check=False)
            if status is not None:
                self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            if not os.path.exists(path):
                return None, done.stderr
            with open(path, encoding="utf-8") as file:
                return json.load(file), done.stdout

    def rows(self):
        return self.gw.sql("select count(*) from calls")[0][0]


class Requests(Bench):
    def test_a_live_call_is_read_at_the_pace_that_was_asked_for(self):
        figures, printed = self.bench("--rest", "get-call", "--rate", "100", "--duration", "2", "--connections", "4")
        self.assertEqual((figures["asked"], figures["good"], figures["refused"], figures["broken"]), (200, 200, 0, 0))
        self.assertEqual(figures["latency"]["count"], 200)
        self.assertEqual(sum(figures["timeline_good"]), 200)
        self.assertGreater(len(figures["cores_busy"]), 0)
        self.assertIn("200 answered 200", printed)

    def test_calls_that_were_started_are_in_the_database(self):
        before = self.rows()
        figures, _ = self.bench("--rest", "start", "--rate", "40", "--duration", "2")
        self.assertEqual((figures["asked"], figures["good"]), (80, 80))
        self.gw.wait_until(lambda: self.rows() == before + 80, what="80 rows")

    def test_requests_without_a_pace_go_as_fast_as_answers_come(self):
        figures, _ = self.bench("--rest", "get-call", "--duration", "1", "--connections", "2")
        self.assertGreater(figures["good"], 100)
        self.assertEqual(figures["asked"], figures["good"])


class Calls(Bench):
    def test_calls_are_set_up_say_nothing_and_hang_up(self):
        figures, printed = self.bench("--setup", "--calls", "50", "--ramp", "0", "--settle", "0")
        self.assertGreater(figures["setup_seconds"], 0)
        self.assertLess(figures["setup_seconds"], 30)
        self.assertEqual((figures["steps"][0]["held"], figures["steps"][0]["frames_sent"], figures["failed"]), (50, 0, 0))
        self.assertIn("50 calls were set up in", printed)
        self.gw.wait_until(lambda: self.gw.metrics().value("voxgate_calls_live") == 0, what="no call left")

    def test_a_soak_is_told_its_time_in_words_and_held_in_slices(self):
        figures, _ = self.bench("--soak", "4s", "--calls", "3", "--settle", "0", status=None)
        self.assertEqual([s["held"] for s in figures["steps"]], [3, 3])
        self.assertEqual(figures["failed"], 0)
        self.assertAlmostEqual(sum(s["seconds"] for s in figures["steps"]), 4, delta=1.5)
        self.assertGreater(figures["steps"][0]["rss_bytes"], 1 << 20)

    def test_an_agent_that_is_asked_to_talks_for_its_share_of_the_time(self):
        figures, _ = self.bench("--shape", "pcm20", "--calls", "5", "--agent-talk", "30", "--duration", "20", "--settle", "1",
                                status=None)
        self.assertGreater(figures["steps"][0]["agent_talk_share"], 0.15)
        self.assertLess(figures["steps"][0]["agent_talk_share"], 0.45)
        to_ring, to_stt = figures["steps"][0]["frame_to_ring"], figures["steps"][0]["frame_to_stt"]
        self.assertGreater(to_ring["p50_ms"], 0)
        self.assertLess(to_ring["p50_ms"], to_stt["p50_ms"])

    def test_wrong_usage_is_said_in_words(self):
        for arguments, word in ((["--soak", "soon", "--calls", "1"], "30m"), (["--soak", "1m"], "--calls"),
                                (["--setup", "--search", "--calls", "1"], "choose one"), (["--rest", "all"], "get-call"),
                                (["--rest", "start", "--ws-url", "ws://127.0.0.1:1/"], "--ws-url")):
            with self.subTest(arguments):
                _, said = self.bench(*arguments, status=2)
                self.assertIn(word, said)


class TooMuch(Bench):
    env = {**Bench.env, "VOXGATE_CALLS_MAX": str(CALLS_MAX)}

    def test_past_the_limit_calls_are_refused_in_order_and_the_rest_goes_on(self):
        figures, _ = self.bench("--overload", "--calls", str(CALLS_MAX), "--duration", "2", "--settle", "1", status=None)
        before, over, after = figures["steps"]
        self.assertEqual((before["held"], over["calls"], over["held"], after["held"]), (CALLS_MAX, CALLS_MAX * 3 // 2, CALLS_MAX, 3))
        self.assertGreater(over["failures"]["refused_capacity"], 0)
        self.assertEqual(figures["refused_without_retry_after"], 0)
        self.assertEqual({kind for kind, n in figures["failures"].items() if n}, {"refused_capacity"})
        self.assertGreaterEqual(figures["recovered_seconds"], 0)

    def test_requests_that_are_refused_are_no_success(self):
        figures, _ = self.bench("--rest", "start", "--rate", "50", "--duration", "1", status=1)
        self.assertEqual(figures["good"] + figures["refused"], 50)
        self.assertGreater(figures["refused"], 0)


if __name__ == "__main__":
    main()
