"""A call as a client makes it: POST /call/start, the WebSocket, paced speech, everything that came back.

    call = await Call.start(rest, language="en")
    call.mic.start()                        # speech is paced in real time, silence fills the gaps
    said = call.mic.play(samples)           # 16 kHz
    final = await call.wait_for("transcript_final")
    await call.hang_up()
"""
import asyncio
import base64
import json
import time

import numpy as np
import websockets

from . import opus
from .audio import RATE_HZ, dither, g711_decode, g711_encode, resample

DEFAULT_AUDIO = {"codec": "pcm_s16le", "rate": RATE_HZ, "transport": "json"}


class Refused(Exception):
    """The upgrade was refused: `status` and, where it came, the JSON error's `code`."""

    def __init__(self, status, code=None):
        super().__init__(f"upgrade refused: {status} {code or ''}")
        self.status = status
        self.code = code


class Message:
    """One message of the server: `at` is monotonic; `data` a dict, or bytes of a binary one."""

    def __init__(self, data, at):
        self.data = data
        self.at = at

    @property
    def type(self):
        return self.data.get("type") if isinstance(self.data, dict) else "binary"

    def __getitem__(self, name):
        return self.data[name]

    def get(self, name, default=None):
        return self.data.get(name, default) if isinstance(self.data, dict) else default

    def __repr__(self):
        if not isinstance(self.data, dict):
            return f"<binary {len(self.data)} B>"
        shown = {k: v for k, v in self.data.items() if k not in ("audio", "data")}
        return f"<{json.dumps(shown, ensure_ascii=False)}>"


class WireEncoder:
    """Samples at the wire's rate -> bytes of one message."""

    def __init__(self, codec, rate_hz):
        self.codec = codec
        self._opus = opus.Encoder(rate_hz) if codec == "opus" else None

    def encode(self, samples):
        if self._opus:
            return self._opus.encode(samples)
        if self.codec in ("pcmu", "pcma"):
            return g711_encode(self.codec, samples)
        return np.asarray(samples, "<i2").tobytes()


class WireDecoder:
    """Bytes of one message -> samples at the wire's rate."""

    def __init__(self, codec, rate_hz):
        self.codec = codec
        self._opus = opus.Decoder(rate_hz) if codec == "opus" else None

    def decode(self, data):
        if self._opus:
            return self._opus.decode(data)
        if self.codec in ("pcmu", "pcma"):
            return g711_decode(self.codec, data)
        return np.frombuffer(data[:len(data) // 2 * 2], "<i2").astype(np.int16)


class Said:
    """A clip on its way: which samples of the uplink it is, in wire samples."""

    def __init__(self, mic, first, count):
        self._mic = mic
        self.first = first
        self.count = count
        self.done = asyncio.Event()

    def sent_at(self, sample_16k):
        """Monotonic time when the message with this sample of the clip (counted at 16 kHz) was sent."""
        wire = self.first + int(sample_16k * self._mic.rate_hz / RATE_HZ)
        return self._mic.sent_at(wire)


class Microphone:
    """Sends without a pause, as a microphone does: what was queued, else silence with a little dither."""

    def __init__(self, call, chunk_ms=20):
        self.call = call
        self.chunk_ms = chunk_ms
        self.rate_hz = call.audio_in["rate"]
        self.position = 0  # wire samples sent
        self.sends = []    # (end position, monotonic time)
        self._queue = np.empty(0, np.int16)
        self._queued_from = 0
        self._pending = []
        self._encoder = WireEncoder(call.audio_in["codec"], self.rate_hz)
        self._silence = dither(self.rate_hz)
        self._task = None

    def start(self):
        self._task = asyncio.ensure_future(self._run())
        return self

    def play(self, samples_16k, gain=1.0):
        """Queues a clip behind what is queued; resampled to the wire's rate. Does not wait."""
        wire = resample(samples_16k, RATE_HZ, self.rate_hz)
        if gain != 1.0:
            wire = np.clip(wire * gain, -32768, 32767).astype(np.int16)
        if len(self._queue) == 0:
            self._queued_from = self.position
        said = Said(self, self._queued_from + len(self._queue), len(wire))
        self._queue = np.concatenate([self._queue, wire])
        self._pending.append(said)
        return said

    def sent_at(self, wire_sample):
        ends = [end for end, _ in self.sends]
        index = int(np.searchsorted(ends, wire_sample, side="right"))
        return self.sends[min(index, len(self.sends) - 1)][1]

    async def stop(self):
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _next_chunk(self, size):
        chunk, self._queue = self._queue[:size], self._queue[size:]
        missing = size - len(chunk)
        if missing:
            at = self.position % (len(self._silence) // 2)
            fill = np.resize(self._silence[at:], missing)
            chunk = np.concatenate([chunk, fill])
        self._queued_from = self.position + size
        return chunk

    async def _run(self):
        size = self.rate_hz * self.chunk_ms // 1000
        began = time.monotonic()
        sent = 0
        try:
            while True:
                sent += 1
                # A chunk can only be sent when all of it has been spoken.
                await asyncio.sleep(max(0.0, began + sent * self.chunk_ms / 1000 - time.monotonic()))
                chunk = self._next_chunk(size)
                await self.call.send_wire_audio(self._encoder.encode(chunk))
                self.position += size
                self.sends.append((self.position, time.monotonic()))
                while self._pending and self._pending[0].first + self._pending[0].count <= self.position:
                    self._pending.pop(0).done.set()
        except websockets.ConnectionClosed:
            for said in self._pending:
                said.done.set()


class Call:
    """One connection to a call."""

    def __init__(self, call_id, session_token, ws_url):
        self.call_id = call_id
        self.session_token = session_token
        self.ws_url = ws_url
        self.started = None  # body of /call/start, where this object started it
        self.messages = []
        self.audio_in = dict(DEFAULT_AUDIO)
        self.audio_out = dict(DEFAULT_AUDIO)
        self.closed = asyncio.Event()
        self.close_code = None
        self.ws = None
        self.mic = None
        self.seq_errors = []
        self._last_seq = (-1, -1)
        self._news = asyncio.Condition()
        self._reader = None

    # Opening ------------------------------------------------------------------------------------------------
    @classmethod
    async def start(cls, rest, audio_in=None, audio_out=None, chunk_ms=20, turn=None, connect=True, **body):
        """Starts a call for the tenant that `rest` logged in, connects, negotiates, and makes a microphone."""
        answer = await rest.astart_call(**body)
        if answer.status != 200:
            raise AssertionError(f"/call/start: {answer}")
        started = answer.json
        url = f"ws://{rest.host}:{rest.port}/ws/{started['call_id']}"
        call = cls(started["call_id"], started["session_token"], url)
        call.started = started
        if connect:
            await call.connect()
            await call.wait_for("ready")
            if audio_in or audio_out or turn:
                await call.configure(audio_in, audio_out, turn)
            call.mic = Microphone(call, chunk_ms)
        return call

    async def connect(self, token="query", resume_token=None, last_seq=None, headers=None, subprotocols=None, url=None):
        """`token`: "query", "header", "subprotocol", None, or a token to be put into the query."""
        url = url or self.ws_url
        headers = dict(headers or {})
        query = []
        if token == "header":
            headers["Authorization"] = f"Bearer {self.session_token}"
        elif token == "subprotocol":
            subprotocols = ["voxgate.v1", f"bearer.{self.session_token}"]
        elif token is not None:
            query.append("token=" + (self.session_token if token == "query" else token))
        if resume_token:
            query.append(f"resume_token={resume_token}")
        if last_seq is not None:
            query.append(f"last_seq={last_seq}")
        if query:
            url += "?" + "&".join(query)
        try:
            self.ws = await websockets.connect(url, compression=None, max_size=None, max_queue=None, ping_interval=None,
                                               extra_headers=headers, subprotocols=subprotocols, open_timeout=10)
        except websockets.InvalidStatusCode as refusal:
            raise Refused(refusal.status_code) from None
        self._reader = asyncio.ensure_future(self._read())
        return self

    async def configure(self, audio_in=None, audio_out=None, turn=None):
        """Sends `config`, waits for the `ready` that answers it, and gives that."""
        audio = {}
        if audio_in:
            audio["in"] = audio_in
        if audio_out:
            audio["out"] = audio_out
        body = {"type": "config"}
        if audio:
            body["audio"] = audio
        if turn:
            body["turn"] = turn
        seen = len(self.messages)
        await self.send(body)
        answer = await self.wait_for(("ready", "error"), after=seen)
        if answer.type == "error":
            raise AssertionError(f"config refused: {answer}")
        self.audio_in.update(audio_in or {})
        self.audio_out.update(audio_out or {})
        return answer

    # Sending ------------------------------------------------------------------------------------------------
    async def send(self, body):
        await self.ws.send(json.dumps(body))

    async def send_raw(self, data):
        await self.ws.send(data)

    async def send_wire_audio(self, data):
        if self.audio_in["transport"] == "binary":
            await self.ws.send(data)
        else:
            await self.ws.send('{"type":"audio","data":"' + base64.b64encode(data).decode() + '"}')

    async def say_text(self, text):
        await self.send({"type": "text", "text": text})

    # Receiving ----------------------------------------------------------------------------------------------
    async def _read(self):
        try:
            async for raw in self.ws:
                at = time.monotonic()
                message = Message(raw if isinstance(raw, bytes) else json.loads(raw), at)
                self._check_seq(message)
                async with self._news:
                    self.messages.append(message)
                    self._news.notify_all()
        except websockets.ConnectionClosed:
            pass
        self.close_code = self.ws.close_code
        async with self._news:
            self.closed.set()
            self._news.notify_all()

    def _check_seq(self, message):
        """`seq` goes up strictly within a generation; a binary message takes one without saying it."""
        generation, last = self._last_seq
        if message.type == "binary":
            self._last_seq = (generation, last + 1)
            return
        seq, new = message.get("seq"), message.get("generation", generation)
        if not isinstance(seq, int) or (new, seq) <= self._last_seq:
            self.seq_errors.append((self._last_seq, repr(message)))
        else:
            self._last_seq = (new, seq)
        if not isinstance(message.get("timestamp"), (int, float)):
            self.seq_errors.append(("timestamp", repr(message)))

    @property
    def last_seq(self):
        return self._last_seq[1]

    def of(self, *types):
        return [m for m in self.messages if m.type in types]

    async def wait_for(self, types, timeout_s=15, after=0, match=None):
        """The first message of a type, at or after index `after`, for which `match` holds."""
        types = (types,) if isinstance(types, str) else types
        deadline = time.monotonic() + timeout_s
        index = after
        while True:
            async with self._news:
                while index < len(self.messages):
                    message = self.messages[index]
                    index += 1
                    if message.type in types and (match is None or match(message)):
                        return message
                if self.closed.is_set():
                    raise AssertionError(f"closed with {self.close_code} while waiting for {types}: {self.tail()}")
                try:
                    await asyncio.wait_for(self._news.wait(), max(0.001, deadline - time.monotonic()))
                except asyncio.TimeoutError:
                    raise AssertionError(f"no {types} within {timeout_s} s: {self.tail()}") from None

    async def wait_reply_end(self, timeout_s=30, after=0):
        """The message that ends a reply: `response` with `final`."""
        return await self.wait_for("response", timeout_s, after, lambda m: m.get("final"))

    async def wait_quiet(self, quiet_s=1.0, timeout_s=30):
        """Until no message came for `quiet_s`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            count = len(self.messages)
            await asyncio.sleep(quiet_s)
            if len(self.messages) == count:
                return
        raise AssertionError("still talking")

    async def wait_closed(self, timeout_s=15):
        await asyncio.wait_for(self.closed.wait(), timeout_s)
        return self.close_code

    def tail(self, count=12):
        return " ".join(repr(m) for m in self.messages[-count:])

    # What was heard -----------------------------------------------------------------------------------------
    def reply_frames(self, after=0):
        """[(monotonic time, samples at the out rate)] of all reply audio from message `after` on."""
        decoder = WireDecoder(self.audio_out["codec"], self.audio_out["rate"])
        frames = []
        for message in self.messages[after:]:
            if message.type == "binary":
                frames.append((message.at, decoder.decode(message.data)))
            elif message.type == "response" and message.get("audio"):
                frames.append((message.at, decoder.decode(base64.b64decode(message["audio"]))))
        return frames

    def reply_audio(self, after=0):
        frames = [samples for _, samples in self.reply_frames(after)]
        return np.concatenate(frames) if frames else np.empty(0, np.int16)

    def reply_text(self, turn_id=None):
        return "".join(m.get("text") or "" for m in self.of("response") if turn_id in (None, m.get("turn_id")))

    def finals(self):
        return [m["text"] for m in self.of("transcript_final")]

    # Ending -------------------------------------------------------------------------------------------------
    async def hang_up(self):
        """Ends the call by message and waits for the close."""
        if self.mic:
            await self.mic.stop()
        if self.ws and not self.closed.is_set():
            try:
                await self.send({"type": "end"})
                await self.wait_closed()
            except (websockets.ConnectionClosed, asyncio.TimeoutError):
                await self.drop()

    async def drop(self):
        """Cuts the connection without a farewell."""
        if self.mic:
            await self.mic.stop()
        if self.ws:
            self.ws.transport.abort()
            await self.wait_closed()
