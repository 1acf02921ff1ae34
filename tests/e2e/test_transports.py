"""Every codec, rate, transport and chunk length that the contract names carries a turn both ways."""
import asyncio
import base64

import numpy as np

from voxgate_harness import LOOPBACK, GatewayTest, corpus_speech, main

WORD_MS = 60  # the loopback voice: a tone of this length a word


class Transports(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_STT_STREAMS": "100"}

    async def turn(self, audio_in=None, audio_out=None, chunk_ms=20):
        """One spoken turn; checks what was understood and the sound that came back."""
        call = await self.started(audio_in=audio_in, audio_out=audio_out, chunk_ms=chunk_ms)
        call.mic.start()
        call.mic.play(corpus_speech("goforward"))
        final = await call.wait_for("transcript_final")
        self.assertRegex(final["text"], r"^loopback 1 \d+$")
        speech_ms = int(final["text"].split()[2])
        self.assertTrue(1000 <= speech_ms <= 4000, final)
        self.assertLessEqual(0, final["start_ms"])
        self.assertLess(final["start_ms"], final["end_ms"])
        end = await call.wait_reply_end()
        self.assertEqual(end["turn_id"], final["turn_id"])
        if call.audio_out["transport"] == "binary":
            await call.wait_for("audio_end")
            self.assertEqual(call.of("audio_start")[0]["turn_id"], final["turn_id"])
        heard = call.reply_audio()
        heard_ms = 1000 * len(heard) / call.audio_out["rate"]
        words = len(call.reply_text().split())
        self.assertAlmostEqual(heard_ms, words * WORD_MS, delta=80)
        self.assertGreater(np.abs(heard.astype(int)).max(), 1000)
        self.assertEqual(call.of("error"), [])
        return call

    async def all_of(self, cases):
        await asyncio.gather(*(self.turn(**case) for case in cases))

    async def test_codecs_and_transports(self):
        cases = []
        for transport in ("json", "binary"):
            for codec, rate in (("pcm_s16le", 16000), ("pcmu", 8000), ("pcma", 8000), ("opus", 48000), ("opus", 16000)):
                both = {"codec": codec, "rate": rate, "transport": transport}
                cases.append({"audio_in": both, "audio_out": both})
        await self.all_of(cases)

    async def test_rates(self):
        await self.all_of([{"audio_in": {"codec": "pcm_s16le", "rate": rate, "transport": "binary"},
                            "audio_out": {"codec": "pcm_s16le", "rate": rate, "transport": "binary"}}
                           for rate in (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)])

    async def test_chunk_lengths(self):
        await self.all_of([{"chunk_ms": ms} for ms in (10, 20, 30, 60, 100, 250, 500, 1000)])

    async def test_directions_are_negotiated_apart(self):
        await self.turn(audio_in={"codec": "pcmu", "rate": 8000, "transport": "binary"},
                        audio_out={"codec": "pcm_s16le", "rate": 24000, "transport": "json"})

    async def test_ready_says_what_is_in_force(self):
        call = await self.started()
        first = call.of("ready")[0]
        for name in ("call_id", "session_id", "resume_token", "audio"):
            self.assertIn(name, first.data)
        self.assertEqual(first["audio"]["in"], {"codec": "pcm_s16le", "rate": 16000, "transport": "json"})
        again = await call.configure({"codec": "opus", "rate": 48000, "transport": "binary"})
        self.assertEqual(again["audio"]["in"], {"codec": "opus", "rate": 48000, "transport": "binary"})
        self.assertEqual(again["audio"]["out"], first["audio"]["out"])

    async def test_a_bad_config_changes_nothing(self):
        call = await self.started()
        seen = len(call.messages)
        await call.send({"type": "config", "audio": {"in": {"codec": "mp3"}}})
        await call.wait_for("error", after=seen)
        call.mic.start()
        call.mic.play(corpus_speech("goforward"))
        await call.wait_for("transcript_final")

    async def test_a_whole_clip_at_once_is_held_by_tcp_and_understood(self):
        call = await self.started()
        samples = np.concatenate([corpus_speech("goforward"), np.zeros(16000 * 12, np.int16)])
        for at in range(0, len(samples), 4000):
            await call.send_wire_audio(samples[at:at + 4000].astype("<i2").tobytes())
        final = await call.wait_for("transcript_final", timeout_s=30)
        self.assertRegex(final["text"], r"^loopback 1 \d+$")
        self.assertEqual([e for e in call.of("error") if e["code"] != "AUDIO_DROPPED"], [])

    async def test_the_reply_is_paced_with_a_small_lead(self):
        call = await self.started(audio_out={"codec": "pcm_s16le", "rate": 16000, "transport": "binary"})
        await call.say_text("one two three four five six seven eight nine ten " * 5)
        await call.wait_for("audio_end", timeout_s=30)
        frames = call.reply_frames()
        began, played = frames[0][0], 0
        for at, samples in frames:
            played += len(samples) / 16000
            self.assertLess(played - (at - began), 0.65)
        self.assertGreater(frames[-1][0] - began, played - 0.7)

    async def test_a_client_that_falls_silent_still_ends_its_turn(self):
        call = await self.started()
        call.mic.start()
        said = call.mic.play(corpus_speech("goforward"))
        await said.done.wait()
        await call.mic.stop()
        await call.wait_for("transcript_final", timeout_s=5)

    async def test_base64_pieces_decode_to_whole_samples(self):
        call = await self.started()
        await call.say_text("hello")
        await call.wait_reply_end()
        for piece in call.of("response"):
            if piece.get("audio"):
                self.assertEqual(len(base64.b64decode(piece["audio"], validate=True)) % 2, 0)


if __name__ == "__main__":
    main()
