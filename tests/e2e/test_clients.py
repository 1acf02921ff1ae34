"""A client written to the voice gateway's first document, plus the token it now needs, works unchanged."""
import asyncio
import base64
import json

import aiohttp

from voxgate_harness import LOOPBACK, GatewayTest, corpus_speech, main


class FirstDocument(GatewayTest):
    env = LOOPBACK

    async def test_the_python_example_runs_with_the_token_added(self):
        base, tenant = self.gw.url, self.tenant
        received = []
        async with aiohttp.ClientSession() as session:
            # Get token
            async with session.post(f"{base}/auth/token",
                                    json={"tenant_id": tenant.id, "api_key": tenant.api_key}) as resp:
                token_data = await resp.json()
                token = token_data["access_token"]
            self.assertEqual(token_data["token_type"], "bearer")
            self.assertEqual(token_data["expires_in"], 3600)

            # Start call
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post(f"{base}/call/start", json={"tenant_id": tenant.id, "language": "ar"},
                                    headers=headers) as resp:
                self.assertEqual(resp.status, 200)
                call_data = await resp.json()
                call_id = call_data["call_id"]

            # Connect WebSocket
            async with session.ws_connect(f"{base.replace('http', 'ws')}/ws/{call_id}"
                                          f"?token={call_data['session_token']}") as ws:
                audio_chunk = base64.b64encode(b"..." * 1000).decode()
                await ws.send_json({"type": "audio", "data": audio_chunk})
                await ws.send_json({"type": "ping"})
                async for msg in ws:
                    data = json.loads(msg.data)
                    received.append(data["type"])
                    self.assertIsInstance(data["timestamp"], float)
                    if data["type"] == "pong":
                        break
        self.assertEqual(received[0], "ready")
        self.assertNotIn("error", received)

    async def test_call_start_answers_as_documented(self):
        answer = self.rest.post("/call/start", {
            "tenant_id": self.tenant.id, "user_id": "user_456", "language": "auto", "voice_id": "arabic_gulf_male",
            "metadata": {"customer_id": "C12345", "order_id": "O67890"}})
        self.assertEqual(answer.status, 200, answer)
        body = answer.json
        self.assertEqual(body["ws_url"], f"{self.gw.ws_url}/ws/{body['call_id']}")
        self.assertEqual(body["status"], "ready")
        self.assertRegex(body["call_id"], r"^call_[0-9a-f]{32}$")
        self.assertRegex(body["session_id"], r"^ses_[0-9a-f]{32}$")
        self.assertIn("expires_at", body)
        self.assertEqual(set(body["concurrency"]), {"limit", "remaining"})
        self.rest.post(f"/call/{body['call_id']}/end")

    async def test_its_chunks_of_250_ms_are_heard_and_answered(self):
        call = await self.started(chunk_ms=250)
        call.mic.start()
        call.mic.play(corpus_speech("goforward"))
        final = await call.wait_for("transcript_final")
        self.assertRegex(final["text"], r"^loopback 1 \d+$")
        await call.wait_reply_end()
        pieces = [m for m in call.of("response") if m.get("audio")]
        self.assertTrue(pieces)
        for piece in pieces:
            self.assertLessEqual(len(base64.b64decode(piece["audio"])), 16000 * 2 // 4)
        self.assertIn("loopback 1", call.reply_text())

    async def test_metrics_carry_the_documented_names(self):
        await asyncio.sleep(0)
        text = self.rest.get("/metrics").text
        for name in ("gateway_requests_total", "gateway_request_duration_seconds", "gateway_ws_connections_total",
                     "gateway_call_events_total"):
            self.assertIn(f"# TYPE {name} ", text)


if __name__ == "__main__":
    main()
