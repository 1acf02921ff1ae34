"""The complete clients printed in docs/protocol.md, taken out of the page and run: Python, and JavaScript in a browser
and in Node with what a browser would give it (node_browser.js)."""
import asyncio
import functools
import http.server
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import unittest

import numpy as np
from voxgate_harness import LOOPBACK, ROOT, GatewayTest, audio, corpus_speech, main
from voxgate_harness.browser import CHROMIUM, Browser

NODE = shutil.which("node")
NODE_BROWSER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_browser.js")
FINAL = r"loopback 1 \d+"  # what the loopback recogniser makes of an utterance: its number and its length


def example(language):
    """The one block of `language` in docs/protocol.md."""
    with open(os.path.join(ROOT, "docs", "protocol.md"), encoding="utf-8") as page:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", page.read(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"docs/protocol.md has {len(blocks)} blocks of {language}"
    return blocks[0]


class DocumentedClient(GatewayTest):
    env = LOOPBACK

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vgd-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    async def run_client(self, *command, env=None):
        """Standard output of a client that ends by itself with status 0."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(env or {})})
        try:
            out, err = await asyncio.wait_for(process.communicate(), 60)
        except asyncio.TimeoutError:
            process.kill()
            out, err = await process.communicate()
            self.fail(f"the client does not end: {out.decode()}{err.decode()}")
        self.assertEqual(process.returncode, 0, out.decode() + err.decode())
        self.assertEqual(err.decode(), "")
        return out.decode()

    def assert_answered(self, shown):
        """[(who, text)] as a client shows it: what was said, and the reply to it."""
        said = [text for who, text in shown if who == "you"]
        self.assertEqual(len(said), 1, shown)
        self.assertRegex(said[0], f"^{FINAL}$")
        reply = "".join(text for who, text in shown[shown.index(("you", said[0])) + 1:])
        self.assertEqual(reply, f"you said: {said[0]}")

    def new_call(self):
        """What POST /call/start answers: all that the JavaScript needs to know."""
        return self.rest.start_call(language="en").json

    async def assert_ended(self, call):
        await self.eventually(lambda: self.rest.get(f"/call/{call['call_id']}").json["status"] == "ended",
                              what="the client has hung up")


class Python(DocumentedClient):
    async def test_it_plays_a_recording_and_keeps_the_reply(self):
        script = self.write("client.py", example("python"))
        speech = os.path.join(self.folder, "speech.raw")
        corpus_speech("goforward").tofile(speech)
        out = await self.run_client(sys.executable, script, speech,
                                    env={"VOXGATE_URL": self.gw.url, "VOXGATE_TENANT_ID": self.tenant.id,
                                         "VOXGATE_API_KEY": self.tenant.api_key})
        self.assert_answered([re.match(r"(you|agent): +(.*)$", line).groups() for line in out.splitlines()])
        rate, reply = audio.read_wav(os.path.join(self.folder, "reply.wav"))
        self.assertEqual(rate, 16000)
        self.assertGreater(len(reply), 1600)
        self.assertGreater(audio.frame_levels_db(reply).max(), 40)


@unittest.skipUnless(NODE, "there is no Node here")
class JavaScriptInNode(DocumentedClient):
    async def test_it_takes_a_microphone_and_plays_the_reply(self):
        client = self.write("client.js", example("javascript"))
        speech = os.path.join(self.folder, "speech.raw")
        corpus_speech("goforward").tofile(speech)
        call = self.new_call()
        out = await self.run_client(NODE, NODE_BROWSER, client, speech, json.dumps(call),
                                    env={"NODE_PATH": "/usr/share/nodejs"})
        result = json.loads(out)
        self.assert_answered([tuple(line) for line in result["shown"]])
        self.assertEqual(result["protocol"], "voxgate.v1")
        self.assertGreater(result["played_ms"], 100)
        self.assertEqual(result["overlap_ms"], 0, "pieces are played back to back")
        self.assertGreater(result["peak"], 0.01)
        await self.assert_ended(call)


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@unittest.skipUnless(CHROMIUM, "there is no Chromium here")
class JavaScriptInABrowser(DocumentedClient):
    def page(self):
        """The URL of a page of our own, as a reader's would be: it has the client and nothing else."""
        self.write("index.html", '<!doctype html><title>Client</title><link rel="icon" href="data:,">'
                   f"<script>{example('javascript')}</script>")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietFiles, directory=self.folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/index.html"

    async def test_it_takes_a_microphone_and_plays_the_reply(self):
        wav = os.path.join(self.folder, "microphone.wav")
        speech = np.concatenate([np.zeros(24000, np.int16), corpus_speech("goforward"), np.zeros(320000, np.int16)])
        audio.write_wav(wav, audio.resample(speech, 16000, 48000), 48000)
        call = self.new_call()
        async with Browser(wav) as browser:
            page = await browser.open(self.page())
            await page.evaluate("window.shown = []; talk(%s, (who, text) => shown.push([who, text]))"
                                ".then((end) => { window.end = end; })" % json.dumps(call))
            await page.wait_for("shown.some(([who]) => who === 'you')", 30)
            await page.wait_for("shown.map(([, text]) => text).join('').includes('you said: loopback 1')")
            self.assert_answered([tuple(line) for line in await page.evaluate("shown")])
            await page.evaluate("end()")
            await self.assert_ended(call)
            self.assertEqual(page.errors, [])


if __name__ == "__main__":
    main()
