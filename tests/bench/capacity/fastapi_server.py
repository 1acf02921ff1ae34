"""The same protocol on FastAPI, uvicorn, uvloop and websockets, as Python voice gateways are built: transport and
base64 only. Usage: fastapi_server.py PORT"""
import base64
import json
import sys

import uvicorn
import websockets
from fastapi import FastAPI, WebSocket

app = FastAPI()
heard = {"frames": 0, "bytes": 0}


@app.on_event("startup")
async def say_ready():
    print("ready", flush=True)


@app.websocket("/ws")
async def call(socket: WebSocket):
    await socket.accept()
    while True:
        message = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        data = message.get("bytes")
        if data is None:
            said = json.loads(message["text"])
            if said["type"] == "ping":
                try:
                    await socket.send_text(json.dumps({"type": "pong", "id": said.get("id")}, separators=(",", ":")))
                except websockets.ConnectionClosed:
                    return
                continue
            if said["type"] != "audio":
                continue
            data = base64.b64decode(said["data"])
        heard["frames"] += 1
        heard["bytes"] += len(data)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", ws="websockets", log_level="error",
                ws_ping_interval=None, ws_per_message_deflate=False, backlog=4096)
