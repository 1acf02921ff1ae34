"""The synthesis process fails in the middle of a reply: killed, crashed, hanging, talking nonsense, silent, gone. The turn
is told of it, its text is complete, the call goes on, and the next turn is spoken."""
import os
import signal
import tempfile

from voxgate_harness import GatewayTest, audio, main

# Stands in for espeak-ng, found first on the gateway's PATH. Takes its part from the first line of `parts`: `speak`, and
# without a line as well, is the real program, which children find, as the gateway gives them a PATH of its own.
ACTOR = """#!/bin/sh
read -r part <'{dir}/parts'
sed -i 1d '{dir}/parts'
echo $$ >>'{dir}/pids'
some() {{ espeak-ng "$@" | head -c {some_bytes}; }}
case $part in
    crash) some "$@"; kill -SEGV $$ ;;
    hang) exec sleep 60 ;;
    stall) some "$@"; exec sleep 60 ;;
    garbage) exec head -c 20000 /dev/urandom ;;
    silent) exit 0 ;;
    refuse) exit 3 ;;
    *) exec espeak-ng "$@" ;;
esac
"""
SOME_BYTES = 44 + 22050
SOME_SECONDS = 0.5  # at espeak-ng's 22,050 Hz
# Three clauses, each of a process of its own, and the reply to them.
CLAUSES = ["Where is my order at this time? ", "Please look into yesterday's list. ", "It has number four hundred."]
REPLY = ["you said: " + CLAUSES[0], *CLAUSES[1:]]
SHORT = ["you said: Hello."]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class VoiceFailure(GatewayTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="vgv-", dir="/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = folder.name
        cls.actor = os.path.join(cls.dir, "espeak-ng")
        cls.env = {"VOXGATE_STT": "loopback", "VOXGATE_LLM": "loopback", "PATH": f"{cls.dir}:{os.environ['PATH']}"}
        super().setUpClass()

    def setUp(self):
        with open(self.actor, "w", encoding="utf-8") as file:
            file.write(ACTOR.format(dir=self.dir, some_bytes=SOME_BYTES))
        os.chmod(self.actor, 0o755)
        self.play()
        open(os.path.join(self.dir, "pids"), "w", encoding="ascii").close()

    def play(self, *parts):
        """What the next processes do."""
        with open(os.path.join(self.dir, "parts"), "w", encoding="ascii") as file:
            file.write("".join(part + "\n" for part in parts))

    def pids(self):
        with open(os.path.join(self.dir, "pids"), encoding="ascii") as file:
            return [int(line) for line in file]

    def attempts(self):
        """(done, failed) clauses so far."""
        metrics = self.gw.metrics()
        return tuple(int(metrics.value("voxgate_provider_attempts_total", provider="espeak", status=status))
                     for status in ("success", "error"))

    async def call(self):
        """A connected call by a voice of espeak-ng, its greeting over."""
        call = await self.started(voice_id="english_uk_male")
        call.mic.start()
        await call.wait_quiet(1.0)
        return call

    async def reply(self, call, seen):
        """The reply that began after message `seen`, to its end: (texts, seconds heard, errors)."""
        final = await call.wait_for("transcript_final", after=seen)
        await call.wait_reply_end(60, after=seen)
        heard = call.reply_audio(seen)
        if len(heard):
            self.assertGreater(audio.frame_levels_db(heard).max(), 50)
        texts = [m["text"] for m in call.messages[seen:] if m.type == "response" and m["text"]]
        self.assertTrue(all("audio" in m.data for m in call.messages[seen:] if m.type == "response"))
        self.assertEqual({m["turn_id"] for m in call.messages[seen:] if m.type == "response"}, {final["turn_id"]})
        return texts, len(heard) / 16000, [(m["code"], m["fatal"]) for m in call.messages[seen:] if m.type == "error"]

    async def turn(self, call, text="".join(CLAUSES)):
        """A typed turn, to the end of its reply."""
        seen = len(call.messages)
        await call.say_text(text)
        return await self.reply(call, seen)

    async def assert_spoken(self, call):
        """The next turn is, and no process is left."""
        texts, heard_s, errors = await self.turn(call, "Hello.")
        self.assertEqual((texts, errors), (SHORT, []))
        self.assertGreater(heard_s, 0.5)
        self.assertEqual([pid for pid in self.pids() if alive(pid)], [])
        self.assertFalse(call.closed.is_set())

    async def assert_second_clause_lost(self, part):
        call = await self.call()
        done, failed = self.attempts()
        self.play("speak", part)
        texts, heard_s, errors = await self.turn(call)
        self.assertEqual("".join(texts), "".join(REPLY))
        self.assertEqual(errors, [("TTS_FAILED", False)])
        self.assertGreater(heard_s, 2.0, "the clauses around it are heard")
        self.assertEqual(self.attempts(), (done + 2, failed + 1))
        await self.assert_spoken(call)
        return heard_s

    async def test_a_whole_reply_takes_a_process_a_clause(self):
        call = await self.call()
        done, failed = self.attempts()
        before = len(self.pids())
        texts, heard_s, errors = await self.turn(call)
        self.assertEqual((texts, errors), (REPLY, []))
        self.assertEqual((self.attempts(), len(self.pids())), ((done + 3, failed), before + 3))
        self.assertGreater(heard_s, 4.0)

    async def test_a_crash_in_the_middle_costs_the_rest_of_its_clause(self):
        crashed_s = await self.assert_second_clause_lost("crash")
        nothing_s = await self.assert_second_clause_lost("silent")
        self.assertAlmostEqual(crashed_s - nothing_s, SOME_SECONDS, delta=0.1)

    async def test_a_hanging_process_is_given_up(self):
        await self.assert_second_clause_lost("hang")

    async def test_a_process_that_stalls_after_some_sound_is_given_up(self):
        await self.assert_second_clause_lost("stall")

    async def test_garbage_is_not_spoken(self):
        await self.assert_second_clause_lost("garbage")

    async def test_a_process_that_refuses_costs_its_clause(self):
        await self.assert_second_clause_lost("refuse")

    async def test_a_process_that_is_killed_from_outside_costs_its_clause(self):
        call = await self.call()
        self.play("stall")
        seen, failed, before = len(call.messages), self.attempts()[1], len(self.pids())
        await call.say_text("".join(CLAUSES))
        await call.wait_for("response", after=seen, match=lambda m: m.get("audio"))
        os.kill(self.pids()[before], signal.SIGKILL)
        texts, heard_s, errors = await self.reply(call, seen)
        self.assertEqual("".join(texts), "".join(REPLY))
        self.assertEqual(errors, [("TTS_FAILED", False)])
        self.assertGreater(heard_s, 2.0)
        self.assertEqual(self.attempts()[1], failed + 1)
        await self.assert_spoken(call)

    async def test_a_reply_of_which_nothing_is_spoken_is_told_once_and_shown(self):
        call = await self.call()
        failed = self.attempts()[1]
        self.play("garbage", "silent", "refuse")
        texts, heard_s, errors = await self.turn(call)
        self.assertEqual((texts, heard_s, errors), (REPLY, 0, [("TTS_FAILED", False)]))
        self.assertEqual(self.attempts()[1], failed + 3)
        await self.assert_spoken(call)

    async def test_a_program_that_does_not_run_is_told_and_found_again(self):
        call = await self.call()
        with open(self.actor, "wb") as file:
            file.write(b"\x7fELF nothing that runs")
        texts, heard_s, errors = await self.turn(call)
        self.assertEqual((texts, heard_s, errors), (REPLY, 0, [("TTS_FAILED", False)]))
        self.setUp()
        await self.assert_spoken(call)


if __name__ == "__main__":
    main()
