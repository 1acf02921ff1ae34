"""A whole call on real speech with the real engines, from start to the record."""
import json
import os
import subprocess
import tempfile

from voxgate_harness import GatewayTest, audio, corpus_speech, main, uuid_of

ARTICLE = "The rover is on its way: it goes forward ten meters and stops there."


class WholeCall(GatewayTest):
    async def test_a_caller_is_understood_answered_and_recorded(self):
        made = self.rest.post("/ingest", {"tenant_id": self.tenant.id, "source": "Steering", "title": "Steering the rover",
                                          "text": ARTICLE}).json
        await self.eventually(lambda: self.rest.get(f"/ingest/{made['document_id']}").json.get("status") == "ready")
        call = await self.started()
        ready = call.of("ready")[0]
        self.assertEqual(ready["stt"]["open_speech"], True)
        call.mic.start()
        await call.wait_quiet(2.0)  # a greeting, if the agent has one
        seen = len(call.messages)
        said = call.mic.play(corpus_speech("goforward"))
        await call.wait_for("speech_started", after=seen)
        interim = await call.wait_for("transcript_interim", after=seen)
        await said.done.wait()
        final = await call.wait_for("transcript_final", after=seen)
        self.assertEqual(final["text"], "go forward ten meters")
        self.assertLessEqual(interim.at, final.at)
        await call.wait_reply_end(after=seen)
        self.assertIn(ARTICLE, call.reply_text(final["turn_id"]))
        heard = call.reply_audio(seen)
        self.assertGreater(len(heard) / 16000, 2.0)
        self.assertGreater(audio.frame_levels_db(heard).max(), 55)
        await call.hang_up()
        rows = await self.eventually(lambda: self.gw.sql(
            "select role, text from messages where call_id = %s and role = 'user'", (uuid_of(call.call_id),)))
        self.assertEqual(rows, [("user", final["text"])])

    async def test_arabic_is_not_heard_by_the_english_model_and_says_so(self):
        call = await self.started(language="ar")
        self.assertEqual(call.of("ready")[0]["stt"]["open_speech"], False)
        call.mic.start()
        call.mic.play(corpus_speech("goforward"))
        await call.wait_quiet(3.0)
        for text in call.finals():
            self.assertNotIn("forward", text)

    async def test_the_command_line_makes_the_same_call(self):
        with tempfile.TemporaryDirectory() as folder:
            clip, reply = os.path.join(folder, "in.wav"), os.path.join(folder, "out.wav")
            audio.write_wav(clip, corpus_speech("goforward"))
            done = subprocess.run([self.gw.program, "call", clip, "--url", self.gw.url, "--tenant", self.tenant.id,
                                   "--api-key", self.tenant.api_key, "--json", "--realtime", "--out", reply],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("go forward ten meters", done.stdout)
            for line in done.stdout.splitlines():
                json.loads(line)
            rate, pcm = audio.read_wav(reply)
            self.assertGreater(len(pcm) / rate, 0.5)


if __name__ == "__main__":
    main()
