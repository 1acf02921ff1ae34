"""Calls in Arabic with the embedded engines: single words, typed text, keys, and no English out of Arabic."""
import json
import re
import subprocess

import numpy as np
from voxgate_harness import GatewayTest, audio, corpus_speech, main

WORDS = ("صفر", "واحد", "اثنان", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة", "نعم", "أيوه", "لا")
LATIN = re.compile("[A-Za-z]")


def plain(text):
    """Without the marks of short vowels."""
    return re.sub("[\u064b-\u0652]", "", text)


def synthetic(text, voice="ar"):
    wav = subprocess.run(["espeak-ng", "-v", voice, "--stdout", text], capture_output=True, check=True).stdout
    at = wav.index(b"data") + 8
    rate = int.from_bytes(wav[24:28], "little")
    pcm = np.frombuffer(wav[at:at + (len(wav) - at) // 2 * 2], "<i2")
    return audio.resample(pcm // 2, rate, 16000)


class Arabic(GatewayTest):
    def assert_no_english(self, call):
        for message in call.of("transcript_interim", "transcript_final"):
            self.assertIsNone(LATIN.search(message["text"]), message)

    async def greeted(self):
        """A call whose greeting is cut short."""
        call = await self.started(language="ar")
        call.mic.start()
        await call.wait_for("response")
        await call.send({"type": "barge_in"})
        await call.wait_for("interrupted")
        return call

    async def test_it_says_what_it_understands(self):
        call = await self.started(language="ar")
        await call.wait_reply_end()
        ready = call.of("ready")[0]
        self.assertEqual((ready["stt"]["language"], ready["stt"]["open_speech"]), ("ar", False))
        self.assertEqual(ready["stt"]["engine"], "pocketsphinx")
        said = plain("".join(m["text"] for m in call.of("response")))
        for word in ("نعم", "صفر", "تسعة", "تكتب", "الأزرار"):
            self.assertIn(word, said)

    async def test_a_word_is_taken(self):
        call = await self.greeted()
        seen = len(call.messages)
        call.mic.play(synthetic("ثَمَانِيَة"))
        final = await call.wait_for("transcript_final", after=seen)
        self.assertIn(final["text"], WORDS)
        self.assertTrue(0.5 <= final["confidence"] <= 0.8, final)
        await call.wait_reply_end(after=seen)
        self.assertEqual(call.of("transcript_interim"), [])

    async def test_english_speech_gives_no_english(self):
        call = await self.greeted()
        speech = corpus_speech("goforward")
        call.mic.play(speech)
        call.mic.play(np.concatenate([np.zeros(16000, np.int16), speech[6400:20000]]))
        await call.wait_quiet(3.0)
        self.assertGreater(len(call.of("speech_stopped")), 0)
        self.assert_no_english(call)

    async def test_typed_text_and_keys_are_answered(self):
        call = await self.greeted()
        seen = len(call.messages)
        await call.say_text("السلام عليكم")
        final = await call.wait_for("transcript_final", after=seen)
        await call.wait_reply_end(after=seen)
        self.assertIn("مرحبا", plain(call.reply_text(final["turn_id"])))
        seen = len(call.messages)
        await call.send({"type": "dtmf", "digit": "5"})
        await call.wait_reply_end(after=seen)

    async def choosing(self):
        """A call whose caller is asked for a language, the question cut short; the position after it."""
        agent = json.loads(self.gw.run("admin", "agent", "create", "--tenant", self.tenant.id, "--name", "Both",
                                       "--prompt", "Help.", "--greeting", "What would you like?",
                                       "--language", "auto", "--json").stdout)["agent_id"]
        await self.eventually(lambda: self.rest.start_call(agent_id=agent).status == 200)
        call = await self.started(language="auto", agent_id=agent)
        call.mic.start()
        await call.wait_for("response")
        await call.send({"type": "barge_in"})
        await call.wait_for("interrupted")
        return call, len(call.messages)

    async def assert_chosen(self, call, seen, language):
        await call.wait_reply_end(after=seen)
        said = plain("".join(m["text"] for m in call.messages[seen:] if m.type == "response"))
        self.assertIn("تسعة" if language == "ar" else "What would you like?", said)
        ready = await call.configure(turn={"barge_in": False})
        self.assertEqual((ready["stt"]["language"], ready["stt"]["open_speech"]), (language, language == "en"))
        self.assertEqual(self.rest.get(f"/call/{call.call_id}").json["language"], language)

    async def test_who_chooses_arabic_by_key_leaves_the_english_recogniser(self):
        call, seen = await self.choosing()
        await call.send({"type": "dtmf", "digit": "2"})
        await self.assert_chosen(call, seen, "ar")
        call.mic.play(corpus_speech("goforward"))
        await call.wait_for("speech_stopped", after=seen)
        await call.wait_quiet(2.0)
        self.assert_no_english(call)

    async def test_who_says_arabic_is_taken_on_in_arabic(self):
        for word, voice in (("عَرَبِي", "ar"), ("Arabic", "en-us+f2")):
            with self.subTest(word=word):
                call, seen = await self.choosing()
                call.mic.play(synthetic(word, voice))
                final = await call.wait_for("transcript_final", after=seen)
                self.assertEqual(final["text"], "عربي")
                self.assertEqual(call.of("transcript_interim"), [])
                await self.assert_chosen(call, seen, "ar")

    async def test_who_says_english_is_taken_on_in_english(self):
        call, seen = await self.choosing()
        call.mic.play(synthetic("English", "en-us"))
        final = await call.wait_for("transcript_final", after=seen)
        self.assertEqual(final["text"], "english")
        await self.assert_chosen(call, seen, "en")
        seen = len(call.messages)
        call.mic.play(corpus_speech("goforward"))  # open speech again, with interims
        final = await call.wait_for("transcript_final", after=seen)
        self.assertIn("forward", final["text"])
        self.assertNotEqual(call.of("transcript_interim"), [])

    async def test_the_word_may_be_typed_and_the_choice_is_made_once(self):
        call, seen = await self.choosing()
        await call.say_text("عربي، من فضلك")
        await self.assert_chosen(call, seen, "ar")
        seen = len(call.messages)
        await call.say_text("English")
        await call.wait_reply_end(after=seen)
        self.assertEqual(self.rest.get(f"/call/{call.call_id}").json["language"], "ar")

    async def test_who_asks_at_once_in_english_is_answered_and_may_still_choose(self):
        call, seen = await self.choosing()
        call.mic.play(corpus_speech("goforward"))
        final = await call.wait_for("transcript_final", after=seen)
        self.assertIn("forward", final["text"])
        await call.wait_reply_end(after=seen)
        seen = len(call.messages)
        await call.say_text("Arabic")
        await self.assert_chosen(call, seen, "ar")


if __name__ == "__main__":
    main()
