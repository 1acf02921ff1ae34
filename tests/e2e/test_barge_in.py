"""Interrupting the agent: by message, by voice, and not by noise or when it is switched off."""
import asyncio

import numpy as np

from voxgate_harness import LOOPBACK, GatewayTest, corpus_speech, main

LONG = "one two three four five six seven eight nine ten " * 15  # nine seconds of loopback voice


class BargeIn(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_STT_STREAMS": "50"}

    async def talking(self, **options):
        """A call whose agent has just begun a long reply."""
        call = await self.started(audio_out={"codec": "pcm_s16le", "rate": 16000, "transport": "binary"}, **options)
        call.mic.start()
        await asyncio.sleep(0.5)
        await call.say_text(LONG)
        start = await call.wait_for("audio_start")
        await asyncio.sleep(1.0)
        return call, start["turn_id"]

    async def test_by_message_no_old_frame_leaves_later_than_60_ms_after(self):
        call, turn_id = await self.talking()
        await call.send({"type": "barge_in"})
        asked = asyncio.get_running_loop().time()
        cut = await call.wait_for("interrupted")
        await call.wait_quiet(0.5)
        self.assertEqual(cut["turn_id"], turn_id)
        self.assertTrue(call.reply_text(turn_id).startswith(cut["heard_text"].strip()[:20]), cut)
        self.assertTrue(200 <= cut["played_ms"] <= 2500, cut)
        frames = [m.at for m in call.messages if m.type == "binary"]
        # One clock, one machine: what arrives later than 60 ms (and a scheduling slice) left later.
        self.assertLess(max(frames) - asked, 0.090)

    async def test_by_voice_the_reply_is_cut_and_the_caller_is_heard(self):
        call, turn_id = await self.talking()
        seen = len(call.messages)
        call.mic.play(corpus_speech("goforward"))
        cut = await call.wait_for("interrupted", timeout_s=5)
        self.assertEqual(cut["turn_id"], turn_id)
        final = await call.wait_for("transcript_final", after=seen)
        self.assertNotEqual(final["turn_id"], turn_id)
        self.assertTrue(final["text"].startswith("loopback"))

    async def test_a_click_does_not_cut(self):
        call, _ = await self.talking()
        click = np.zeros(1600, np.int16)
        click[:160] = np.random.default_rng(3).integers(-12000, 12000, 160)
        call.mic.play(np.tile(click, 3))
        await asyncio.sleep(2)
        self.assertEqual(call.of("interrupted"), [])

    async def test_switched_off_the_agent_talks_on(self):
        call, _ = await self.talking(turn={"barge_in": False})
        call.mic.play(corpus_speech("goforward"))
        await asyncio.sleep(2.5)
        self.assertEqual(call.of("interrupted"), [])

    async def test_the_event_goes_over_redis(self):
        with self.servers.redis_client() as client:
            listener = client.pubsub()
            listener.psubscribe("barge_in:*")
            call, _ = await self.talking()
            await call.send({"type": "barge_in"})
            await call.wait_for("interrupted")

            def heard():
                message = listener.get_message(ignore_subscribe_messages=True, timeout=0.1)
                return message and message["channel"].decode() == f"barge_in:{call.call_id}"
            await self.eventually(heard)
            listener.close()


if __name__ == "__main__":
    main()
