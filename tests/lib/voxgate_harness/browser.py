"""A headless Chromium for tests of the web console, spoken to by its DevTools protocol.

    async with Browser(microphone="words.wav") as browser:
        page = await browser.open(url)
        await page.wait_for("document.querySelector('h1')")
        await page.screenshot("page.png")

The browser reaches nothing but what the test names: background networking is off. Without `microphone` there is
none; with it the WAV is what the microphone hears, once.
"""
import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile

import websockets

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
         "--disable-domain-reliability", "--disable-client-side-phishing-detection", "--no-pings", "--metrics-recording-only",
         "--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication,CertificateTransparencyComponentUpdater",
         "--autoplay-policy=no-user-gesture-required", "--hide-scrollbars", "--remote-debugging-port=0"]


class PageError(AssertionError):
    """The page did not come to what the test waits for, or a script of it failed."""


class Browser:
    def __init__(self, microphone=None, flags=()):
        self.dir = tempfile.mkdtemp(prefix="vgb-", dir="/tmp")
        microphone_flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
                            f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
        self.command = [CHROMIUM, *FLAGS, f"--user-data-dir={self.dir}", *microphone_flags, *flags, "about:blank"]
        self.process = None
        self._ids = itertools.count(1)
        self._answers = {}
        self._pages = {}

    async def __aenter__(self):
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self.command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "HOME": self.dir}, start_new_session=True)
        self._socket = await websockets.connect(await self._endpoint(), max_size=None)
        self._reader = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_):
        try:
            await asyncio.wait_for(self.send("Browser.close"), 5)
        except (asyncio.TimeoutError, PageError, websockets.ConnectionClosed):
            pass
        self._reader.cancel()
        await self._socket.close()
        try:
            await asyncio.to_thread(self.process.wait, 10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    async def _endpoint(self, timeout_s=60):
        """The address of the DevTools socket, from the file that the browser writes."""
        path = os.path.join(self.dir, "DevToolsActivePort")
        for _ in range(int(timeout_s / 0.1)):
            if os.path.exists(path):
                with open(path, encoding="ascii") as file:
                    lines = file.read().splitlines()
                if len(lines) == 2:
                    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            if self.process.poll() is not None:
                raise PageError(f"{CHROMIUM} ended with {self.process.returncode}")
            await asyncio.sleep(0.1)
        raise PageError(f"{CHROMIUM} did not start within {timeout_s} s")

    async def _read(self):
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                answer = self._answers.pop(message["id"], None)
                if answer and not answer.done():
                    answer.set_result(message)
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].on_event(message["method"], message["params"])

    async def send(self, method, session=None, **parameters):
        """One command; gives its result."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        await self._socket.send(json.dumps(command))
        message = await asyncio.wait_for(answer, 60)
        if "error" in message:
            raise PageError(f"{method}: {message['error']['message']}")
        return message["result"]

    async def open(self, url, width=1180, height=760, dark=False):
        """A new page at `url`, loaded."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.send(f"{domain}.enable")
        await page.resize(width, height)
        if dark:
            await page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        await page.send("Page.navigate", url=url)
        await page.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page


class Page:
    """`errors`: what the console was told of failures; `requests`: the URLs that the page asked for."""

    def __init__(self, browser, session):
        self.browser = browser
        self.session = session
        self.errors = []
        self.requests = []

    def on_event(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])

    def send(self, method, **parameters):
        return self.browser.send(method, self.session, **parameters)

    async def resize(self, width, height):
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    async def evaluate(self, expression):
        """The value of a JavaScript expression; promises are awaited."""
        result = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True,
                                 userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    async def wait_for(self, condition, timeout_s=20):
        """Polls a JavaScript expression until it is true."""
        for _ in range(int(timeout_s / 0.05)):
            if await self.evaluate(f"Boolean({condition})"):
                return
            await asyncio.sleep(0.05)
        raise PageError(f"{condition}: not within {timeout_s} s; the page said: {self.errors}")

    async def fill(self, selector, text):
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")

    async def click(self, selector):
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def key(self, key, code=None):
        """Presses a key as a keyboard does."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        numbers = {"Enter": 13, "Escape": 27, "Tab": 9}
        common = {"key": key, "code": code or key, "windowsVirtualKeyCode": numbers.get(key, ord(key[0].upper()))}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def screenshot(self, path):
        shot = await self.send("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
