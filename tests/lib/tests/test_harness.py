"""Tests of the harness's own arithmetic: what scores the gateway must itself be right."""
import json
import os
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from voxgate_harness import Metrics, Servers, audio, contract, corpus, opus, stats, wer  # noqa: E402
from voxgate_harness.call import Message  # noqa: E402
from voxgate_harness.rest import Answer  # noqa: E402


class Arithmetic(unittest.TestCase):
    def test_word_errors_are_pooled(self):
        errors = wer.WordErrors()
        self.assertEqual(errors.add("Go forward, ten meters.", "go forward ten meters"), (0, 4))
        self.assertEqual(errors.add("seven of clubs", "seven clubs too"), (2, 3))
        self.assertAlmostEqual(errors.rate, 2 / 7)

    def test_wav_survives_a_round_trip(self):
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            audio.write_wav(file.name, np.arange(-500, 500), 8000)
            rate, pcm = audio.read_wav(file.name)
        self.assertEqual(rate, 8000)
        np.testing.assert_array_equal(pcm, np.arange(-500, 500))

    def test_g711_decodes_what_it_encoded_within_a_step(self):
        pcm = np.arange(-32000, 32000, 7, dtype=np.int16)
        for codec in ("pcmu", "pcma"):
            back = audio.g711_decode(codec, audio.g711_encode(codec, pcm)).astype(int)
            self.assertLess(np.abs(back - pcm).max(), 1030, codec)
            self.assertLess((np.abs(back - pcm) / (np.abs(pcm.astype(int)) + 64)).max(), 0.13, codec)
        self.assertEqual(audio.g711_encode("pcmu", [0]), b"\xff")
        self.assertEqual(audio.g711_encode("pcma", [0]), b"\xd5")
        codes = bytes(range(256))
        self.assertEqual(audio.g711_encode("pcma", audio.g711_decode("pcma", codes)), codes)

    def test_resampling_keeps_a_tone_and_its_level(self):
        tone = audio.tone(500, 440)
        for rate in (8000, 24000, 44100, 48000):
            there = audio.resample(tone, 16000, rate)
            back = audio.resample(there, rate, 16000)
            n = min(len(back), len(tone))
            error = back[800:n - 800].astype(float) - tone[800:n - 800]
            self.assertLess(np.sqrt((error ** 2).mean()), 80, rate)

    def test_opus_gives_back_frames_of_the_same_length(self):
        encoder, decoder = opus.Encoder(16000), opus.Decoder(16000)
        self.assertEqual(len(decoder.decode(encoder.encode(audio.tone(20)))), 320)

    def test_quantiles_of_a_histogram(self):
        m = Metrics('a_bucket{le="0.1"} 5\na_bucket{le="0.2"} 10\na_bucket{le="+Inf"} 10\nb{x="1",y="q"} 2\nb{x="2"} 3\n')
        self.assertAlmostEqual(m.quantile("a", 0.75), 0.15)
        self.assertEqual(m.value("b"), 5)
        self.assertEqual(m.value("b", x="1"), 2)

    def test_percentiles(self):
        self.assertEqual(stats.percentile([1, 2, 3, 4, 5], 0.5), 3)
        self.assertIsNone(stats.percentile([], 0.5))

    def test_the_debian_corpus_has_transcripts(self):
        clips = corpus.debian_clips()
        self.assertGreaterEqual(len(clips), 11)
        self.assertTrue(all(c.transcript and c.seconds > 0.3 for c in clips))


class Contract(unittest.TestCase):
    @staticmethod
    def answer(status, body):
        return Answer(status, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def test_answers_are_held_against_the_document(self):
        good = {"access_token": "a.b.c", "token_type": "bearer", "expires_in": 3600}
        self.assertEqual(contract.rest_problems("POST", "/auth/token", self.answer(200, good)), [])
        del good["access_token"]
        self.assertTrue(contract.rest_problems("POST", "/auth/token", self.answer(200, good)))

    def test_errors_have_one_shape_everywhere(self):
        error = {"error": {"code": "RESOURCE_NOT_FOUND", "message": "x", "details": None, "requestId": "r"}}
        self.assertEqual(contract.rest_problems("GET", "/nowhere", self.answer(404, error)), [])
        self.assertTrue(contract.rest_problems("GET", "/nowhere", self.answer(404, {"detail": "x"})))
        self.assertTrue(contract.rest_problems("POST", "/auth/token", self.answer(401, error)))

    def test_messages_are_held_against_the_schema(self):
        pong = {"type": "pong", "timestamp": 1.5, "seq": 1, "generation": 1}
        self.assertEqual(contract.message_problems([Message(pong, 0.0), Message(b"x", 0.0)]), [])
        self.assertTrue(contract.message_problems([Message({"type": "pong"}, 0.0)]))
        self.assertTrue(contract.message_problems([Message({"type": "nonsense"}, 0.0)]))


class Processes(unittest.TestCase):
    def test_servers_come_stop_and_come_again(self):
        with Servers() as servers:
            self.assertIn("/vg_1", servers.new_database())
            servers.stop_postgres()
            servers.start_postgres()
            servers.stop_redis()
            servers.start_redis()
            with servers.redis_client() as client:
                self.assertTrue(client.ping())


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
