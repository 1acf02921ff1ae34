"""The servers that are measured, each started alone and pinned: Voxgate with loopback engines, and its peers, which speak
a reduced protocol (transport and base64 only)."""
import os
import signal
import subprocess

from voxgate_harness import LOOPBACK, Gateway

from machine import LOOP_CORE, pin_gateway, raise_priority

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {"raw": "raw epoll", "fastapi": "FastAPI, uvicorn, uvloop, websockets", "node": "node, ws"}
NO_LIMIT = "1000000"
SETTINGS = {**LOOPBACK, "VOXGATE_SHARDS": "1", "VOXGATE_CALLS_MAX": NO_LIMIT, "VOXGATE_CONCURRENT_CALLS": NO_LIMIT,
            "VOXGATE_STT_STREAMS": "100000", "RATE_LIMIT_REQUESTS": "10000000"}
PORT = "18231"


class Voxgate(Gateway):
    """A new one, with a database and a Redis of its own contents: nothing of the run before is left."""

    def __init__(self, servers, program, env=None):
        super().__init__(servers, {**SETTINGS, **(env or {})}, program=program)
        with servers.redis_client() as client:
            client.flushall()

    def start(self, timeout_s=60):
        super().start(timeout_s)
        pin_gateway(self.pid)
        return self

    def bench_env(self):
        return {**os.environ, **self.env, "PORT": str(self.port)}


class Peer:
    """Another server, all of it on the loop's core."""

    def __init__(self, name, build, says=()):
        """`says`: for raw, after how many frames of audio a reply and a note are sent."""
        self.url = f"ws://127.0.0.1:{PORT}" + ("" if name == "raw" else "/ws")
        command = {"raw": [os.path.join(build, "raw_epoll")],
                   "fastapi": ["/usr/bin/python3", os.path.join(HERE, "fastapi_server.py")],
                   "node": ["node", os.path.join(HERE, "node_server.js")]}[name]
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "taskset", "-c", str(LOOP_CORE), *command, PORT, *map(str, says)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})
        if b"ready" not in self.process.stdout.readline():
            raise RuntimeError(f"{PEERS[name]} does not start")
        raise_priority(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
