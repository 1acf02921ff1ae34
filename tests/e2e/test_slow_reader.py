"""A client that reads too slowly is closed, and finds out why when it reads again."""
import asyncio
import base64
import json
import os
import socket
import struct
import time

from voxgate_harness import LOOPBACK, GatewayTest, main

TEXT = "word " * 790


def frame(opcode, payload):
    """A client's frame, masked by zeros."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += bytes([0x80 | 126]) + struct.pack(">H", len(payload))
    return head + bytes(4) + payload


class Peer:
    """A WebSocket by hand, with a small receive buffer that nobody empties until read_all()."""

    def __init__(self, gw, call_id, token):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", gw.port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /ws/{call_id}?token={token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                             f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        self.got = b""
        while b"\r\n\r\n" not in self.got:
            self.got += self.socket.recv(1024)
        assert self.got.startswith(b"HTTP/1.1 101"), self.got
        self.got = self.got.split(b"\r\n\r\n", 1)[1]

    def send(self, body):
        self.socket.sendall(frame(1, json.dumps(body).encode()))

    def _take(self, count):
        while len(self.got) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.got += more
        taken, self.got = self.got[:count], self.got[count:]
        return taken

    def read_all(self):
        """[(opcode, payload)] up to the close frame, which is answered; then the end must come, no reset."""
        frames = []
        while not frames or frames[-1][0] != 8:
            first, length = self._take(2)
            if length == 126:
                length = struct.unpack(">H", self._take(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self._take(8))[0]
            frames.append((first & 15, self._take(length)))
        self.socket.sendall(frame(8, frames[-1][1][:2]))
        assert self.socket.recv(1) == b""
        return frames


class SlowReader(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_WS_QUEUE_BYTES": "65536"}

    def slow_readers(self):
        return self.gw.metrics().value("voxgate_ws_bad_input_total", code="SLOW_READER")

    async def test_it_reads_the_close_code_when_it_reads_again(self):
        started = self.rest.start_call(language="en").json
        peer = Peer(self.gw, started["call_id"], started["session_token"])
        deadline = time.monotonic() + 60
        for _ in range(150):
            peer.send({"type": "text", "text": TEXT})
        while not self.slow_readers():
            self.assertLess(time.monotonic(), deadline, "it was never found slow")
            peer.send({"type": "text", "text": TEXT})
            await asyncio.sleep(0.03)
        for _ in range(20):  # what it goes on saying does not cost it the news
            peer.send({"type": "ping", "id": 1})
        await asyncio.sleep(0.3)
        frames = await asyncio.to_thread(peer.read_all)
        messages = [json.loads(payload) for opcode, payload in frames if opcode == 1]
        self.assertEqual(messages[0]["type"], "ready")
        self.assertGreater(len([m for m in messages if m["type"] == "transcript_final"]), 10)
        code, reason = struct.unpack(">H", frames[-1][1][:2])[0], frames[-1][1][2:].decode()
        self.assertEqual((code, reason), (1008, "the client reads too slowly"))
        peer.socket.close()


if __name__ == "__main__":
    main()
