"""GET /try in a real browser: a recording is the microphone, transcript and reply appear, the reply is heard.

Screenshots go to VOXGATE_SCREENSHOTS, if that names a directory.
"""
import os
import tempfile
import unittest

import numpy as np
from voxgate_harness import GatewayTest, Rest, audio, corpus_speech, main
from voxgate_harness.browser import CHROMIUM, Browser

SCREENSHOTS = os.environ.get("VOXGATE_SCREENSHOTS")
# A tone through the microphone's worklet at the rates of sound cards: [frames of 20 ms, level at 16 kHz].
CAPTURE = """(async () => {
  const context = new OfflineAudioContext(1, %(rate)d, %(rate)d);
  await context.audioWorklet.addModule("/try/worklets.js");
  const tone = new OscillatorNode(context, { frequency: %(hz)d });
  const node = new AudioWorkletNode(context, "voxgate-capture", { numberOfOutputs: 0 });
  let frames = 0, level = 0;
  node.port.onmessage = ({ data }) => { if (++frames > 5) level = Math.max(level, data.level); };
  tone.connect(node);
  tone.start();
  await context.startRendering();
  await new Promise((done) => setTimeout(done, 500));
  return [frames, level];
})()"""

# A tone of 400 Hz in packets of 20 ms through the player's worklet: the largest step from sample to sample while it
# plays, which a gap or a click would exceed, and how long it was heard (ms).
PLAY = """(async () => {
  const context = new OfflineAudioContext(1, 96000, 48000);
  await context.audioWorklet.addModule("/try/worklets.js");
  const node = new AudioWorkletNode(context, "voxgate-player", { numberOfInputs: 0, outputChannelCount: [1] });
  node.connect(context.destination);
  node.port.postMessage({ turn: "t" });
  for (let packet = 0; packet < 50; packet++) {
    const pcm = new Int16Array(320);
    for (let i = 0; i < 320; i++) pcm[i] = 16000 * Math.sin(2 * Math.PI * 400 * (packet * 320 + i) / 16000);
    node.port.postMessage({ pcm: pcm.buffer });
  }
  node.port.postMessage({ end: true });
  await new Promise((done) => setTimeout(done, 300));
  const heard = (await context.startRendering()).getChannelData(0);
  let first = 0, last = heard.length - 1, step = 0;
  while (heard[first] === 0 && first < last) first++;
  while (Math.abs(heard[last]) < 1e-4 && last > first) last--;
  for (let i = first + 960; i <= last - 960; i++) step = Math.max(step, Math.abs(heard[i] - heard[i - 1]));
  return [step, (last - first) / 48];
})()"""

TEXT = "document.querySelector('#log').innerText"
AGENT = "[...document.querySelectorAll('.said.agent .text')].map(e => e.innerText).join('|')"


def microphone(path, *parts):
    """A WAV at 48 kHz, as a sound card has it, of clips at 16 kHz and of seconds of silence."""
    pieces = [np.zeros(int(p * 16000), np.int16) if isinstance(p, (int, float)) else p for p in parts]
    audio.write_wav(path, audio.resample(np.concatenate(pieces), 16000, 48000), 48000)


@unittest.skipUnless(CHROMIUM, "there is no Chromium here")
class TryPage(GatewayTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vgp-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.wav = os.path.join(folder.name, "microphone.wav")

    async def page(self, browser, query="", **options):
        page = await browser.open(f"{self.gw.url}/try{query}", **options)
        return page

    async def sign_in(self, page, key=None, language="en"):
        await page.fill("#tenant", self.tenant.id)
        await page.fill("#api-key", key or self.tenant.api_key)
        await page.fill("#language", language)
        await page.click("#start")

    async def shot(self, page, name):
        if SCREENSHOTS:
            await page.screenshot(os.path.join(SCREENSHOTS, name + ".png"))

    async def test_speech_is_understood_and_answered(self):
        microphone(self.wav, 2.5, corpus_speech("goforward"), 20)
        async with Browser(self.wav) as browser:
            page = await self.page(browser)
            await self.shot(page, "signed_out")
            await self.sign_in(page)
            await page.wait_for("document.querySelector('#status').dataset.state === 'live'")
            await page.wait_for("document.querySelector('.said.you.interim')")
            await self.shot(page, "interim")
            await page.wait_for("document.querySelector('.said.you:not(.interim)')")
            self.assertIn("forward", (await page.evaluate(TEXT)).lower())
            await page.wait_for("document.querySelector('#status').dataset.state === 'speaking'")
            await page.wait_for("document.querySelector('.said.agent small')")
            await self.shot(page, "answered")
            latency_ms = int((await page.evaluate("document.querySelector('#latency').innerText")).split()[0])
            self.assertGreater(latency_ms, 200)
            self.assertLess(latency_ms, 4000)
            await page.wait_for("document.querySelector('#status').innerText === 'listening'")
            await page.click("#hang-up")
            await page.wait_for("document.querySelector('#status').innerText === 'call ended'")
            self.assertEqual(page.errors, [])
            self.assertEqual([u for u in page.requests if not u.startswith((self.gw.url, self.gw.ws_url))], [])

    async def test_typing_keys_and_interrupting_work_without_a_microphone(self):
        async with Browser() as browser:
            page = await self.page(browser, dark=True)
            await self.sign_in(page)
            await page.wait_for("document.querySelector('#status').dataset.state === 'live'")
            self.assertIn("You can still type", await page.evaluate("document.querySelector('#alert').innerText"))
            await page.fill("#text", "Hello")
            await page.evaluate("document.querySelector('#text').focus()")
            await page.key("Enter")
            await page.wait_for("document.querySelector('#status').dataset.state === 'speaking'")
            await page.key("Escape")
            await page.wait_for("document.querySelector('#status').innerText === 'listening'", 3)
            await page.evaluate("document.querySelector('#keypad-box').open = true")
            await page.click("#keypad button:nth-child(5)")
            await page.wait_for(f"{TEXT}.includes('Key 5')")
            await self.shot(page, "typed_dark")
            self.assertEqual(page.errors, [])

    async def test_an_arabic_call_reads_from_right_to_left(self):
        async with Browser() as browser:
            page = await self.page(browser)
            await self.sign_in(page, language="ar")
            await page.wait_for(AGENT)
            await page.fill("#text", "مرحبا")
            await page.click("#send")
            await page.wait_for(f"{TEXT}.includes('مرحبا')")
            await page.wait_for(f"{AGENT}.split('|').length > 1")
            direction = "getComputedStyle(document.querySelector('.said.agent .text')).direction"
            self.assertEqual(await page.evaluate(direction), "rtl")
            await self.shot(page, "arabic")

    async def test_a_reply_is_interrupted_by_speaking(self):
        words = corpus_speech("goforward")
        microphone(self.wav, 2.5, words, 1.2, words, 20)
        async with Browser(self.wav) as browser:
            self.rest.post("/ingest", {"tenant_id": self.tenant.id, "source": "long", "title": "Going forward", "text":
                           "You go forward ten meters and then you walk on along the river until you see the old mill."})
            page = await self.page(browser)
            await self.sign_in(page)
            await page.wait_for("document.querySelectorAll('.said.you:not(.interim)').length === 2", 30)
            await page.wait_for("document.querySelector('.unheard')", 5)
            await self.shot(page, "interrupted")

    async def test_the_worklets_keep_speech_and_add_nothing(self):
        async with Browser() as browser:
            page = await self.page(browser)
            for rate in (48000, 44100, 16000):
                frames, level = await page.evaluate(CAPTURE % {"rate": rate, "hz": 1000})
                self.assertGreaterEqual(frames, 48, rate)
                self.assertAlmostEqual(level, 0.707, delta=0.02, msg=rate)
            _, alias = await page.evaluate(CAPTURE % {"rate": 48000, "hz": 11000})  # would come back as 5 kHz
            self.assertLess(alias, 0.001)
            step, heard_ms = await page.evaluate(PLAY)
            self.assertLess(step, 16000 / 32768 * 2 * np.pi * 400 / 48000 * 1.1)
            self.assertAlmostEqual(heard_ms, 1000, delta=10)

    async def test_wrong_credentials_are_said_plainly(self):
        async with Browser() as browser:
            page = await self.page(browser, width=420, height=860)
            await self.sign_in(page, key="vgk_wrong")
            await page.wait_for("!document.querySelector('#alert').hidden")
            self.assertIn("do not fit", await page.evaluate("document.querySelector('#alert').innerText"))
            self.assertFalse(await page.evaluate("document.querySelector('#start').disabled"))
            await self.shot(page, "refused_narrow")

    async def test_a_lost_connection_comes_back_to_the_same_call(self):
        async with Browser() as browser:
            page = await self.page(browser)
            await page.evaluate("window.sockets = []; window.WebSocket = class extends WebSocket {"
                                "constructor(...a) { super(...a); sockets.push(this); } }")
            await self.sign_in(page)
            await page.wait_for("document.querySelector('#status').dataset.state === 'live'")
            await page.evaluate("sockets[0].close(4000)")
            await page.wait_for(f"{TEXT}.includes('The connection is back')")
            await page.fill("#text", "Hello")
            await page.click("#send")
            await page.wait_for(AGENT)

    async def test_a_token_in_the_address_signs_in_and_is_taken_out_of_it(self):
        async with Browser() as browser:
            page = await self.page(browser, f"?token={self.rest.token}")
            self.assertEqual(await page.evaluate("location.search"), "")
            self.assertTrue(await page.evaluate("document.querySelector('#credentials').hidden"))
            await page.wait_for("document.querySelectorAll('#voice option').length > 3")
            await page.click("#start")
            await page.wait_for("document.querySelector('#status').dataset.state === 'live'")


class Files(GatewayTest):
    def test_files_are_cached_by_their_content_and_closed_to_other_hosts(self):
        first = self.rest.get("/try")
        self.assertEqual(first.status, 200)
        self.assertIn("default-src 'none'", first.headers["Content-Security-Policy"])
        self.assertEqual(first.headers["X-Content-Type-Options"], "nosniff")
        again = Rest(self.gw.url, headers={"If-None-Match": first.headers["ETag"]})
        again.check_contract = False  # a 304 has no body to check
        again = again.get("/try")
        self.assertEqual((again.status, again.text), (304, ""))
        for name, kind in (("try.js", "text/javascript"), ("worklets.js", "text/javascript"), ("style.css", "text/css")):
            answer = self.rest.get(f"/try/{name}")
            self.assertEqual((answer.status, answer.headers["Content-Type"].split(";")[0]), (200, kind))

    def test_what_is_not_there_is_an_error_of_the_contract(self):
        for path in ("/try/nothing.js", "/try/index.html", "/try/try.js/x"):
            self.assertError(self.rest.get(path), 404, "RESOURCE_NOT_FOUND")


if __name__ == "__main__":
    main()
