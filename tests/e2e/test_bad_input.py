"""What a careless or hostile client sends on the WebSocket: a clear error or close code, a counter, and the call goes on."""
import base64
import json
import os

from voxgate_harness import LOOPBACK, GatewayTest, main

CHUNK = base64.b64encode(bytes(640)).decode()


class BadMessages(GatewayTest):
    env = LOOPBACK

    async def expect_error(self, call, code):
        error = await call.wait_for("error", after=self.seen)
        self.assertEqual(error["code"], code, error)
        self.assertFalse(error["fatal"])
        self.assertTrue(error["message"])

    async def check(self, raw, code, **options):
        """`raw` is answered by the error `code`, counted, and the call lives on."""
        call = await self.started(**options)
        before = self.gw.metrics().value("voxgate_ws_bad_input_total", code=code)
        self.seen = len(call.messages)
        await call.send_raw(raw)
        await self.expect_error(call, code)
        await call.send({"type": "ping"})
        await call.wait_for("pong")
        self.assertEqual(self.gw.metrics().value("voxgate_ws_bad_input_total", code=code), before + 1)

    async def test_malformed_json(self):
        for raw in ("{", "", "nonsense", '{"type":"ping"', '{"type":"ping"}{"type":"ping"}', '{"type":"ping",}',
                    '{"type":"ping","type":"ping"}', "[" * 3000, '{"type":"\ud83d"}'.encode("utf-8", "surrogatepass").decode("latin-1")):
            with self.subTest(raw=raw[:40]):
                call = await self.started()
                self.seen = len(call.messages)
                await call.send_raw(raw)
                error = await call.wait_for("error", after=self.seen)
                self.assertIn(error["code"], ("BAD_JSON", "UNKNOWN_TYPE"))
        await self.check("{", "BAD_JSON")

    async def test_wrong_types(self):
        for body in ({"type": 5}, {"type": "text"}, {"type": "text", "text": 5}, {"type": "text", "text": "x" * 4001},
                     {"type": "dtmf", "digit": "x"}, {"type": "dtmf", "digit": "55"}, {"type": "dtmf"},
                     {"type": "played", "turn_id": 5, "ms": 1}, {"type": "played", "turn_id": "a", "ms": "1"},
                     {"type": "audio", "data": 5}, {"type": "audio"}, {"type": "config", "audio": 5},
                     {"type": "config", "audio": {"in": {"codec": "mp3"}}},
                     {"type": "config", "audio": {"in": {"rate": 7999}}},
                     {"type": "config", "audio": {"in": {"rate": 96000}}},
                     {"type": "config", "audio": {"out": {"transport": "pigeon"}}},
                     {"type": "config", "turn": {"endpointing_ms": 5}}):
            with self.subTest(body=str(body)[:60]):
                await self.check(json.dumps(body), "BAD_FIELD")

    async def test_unknown_message(self):
        await self.check('{"type":"teleport"}', "UNKNOWN_TYPE")

    async def test_an_array_is_no_message(self):
        await self.check("[1,2]", "BAD_JSON")

    async def test_bad_base64(self):
        for data in ("####", "AAA", "A===", "AAAA=AAA", "AA==AAAA", "A A=", "AAAA\\u0000", "====", "AAB="):
            with self.subTest(data=data):
                await self.check('{"type":"audio","data":"' + data + '"}', "BAD_BASE64")

    async def test_odd_byte_counts(self):
        odd = base64.b64encode(bytes(641)).decode()
        call = await self.started()
        self.seen = len(call.messages)
        await call.send_raw('{"type":"audio","data":"' + odd + '"}')
        await self.expect_error(call, "BAD_AUDIO")

    async def test_more_than_a_second_of_audio(self):
        await self.check('{"type":"audio","data":"' + base64.b64encode(bytes(32002)).decode() + '"}', "CHUNK_TOO_LONG")

    async def test_a_second_of_audio_is_taken(self):
        call = await self.started()
        await call.send_raw('{"type":"audio","data":"' + base64.b64encode(bytes(32000)).decode() + '"}')
        await call.send({"type": "ping"})
        await call.wait_for("pong")
        self.assertEqual(call.of("error"), [])

    async def test_an_opus_packet_that_is_none(self):
        call = await self.started(audio_in={"codec": "opus", "rate": 48000, "transport": "binary"})
        self.seen = len(call.messages)
        await call.send_raw(os.urandom(1) + b"\xff" * 3)
        await call.send_raw(b"\xff" * 200)
        await self.expect_error(call, "BAD_AUDIO")

    async def test_binary_while_json_was_negotiated_is_taken_or_told(self):
        call = await self.started()
        await call.send_raw(bytes(640))
        await call.send({"type": "ping"})
        await call.wait_for("pong")

    async def test_a_large_control_message(self):
        await self.check('{"type":"text","text":"x","pad":"' + "y" * 20000 + '"}', "MESSAGE_TOO_BIG")

    async def test_a_huge_message_closes(self):
        for raw in ('{"type":"text","text":"' + "x" * 300000 + '"}',
                    '{"type":"audio","data":"' + "A" * 300000 + '"}', bytes(300000)):
            call = await self.started()
            await call.send_raw(raw)
            self.assertEqual(await call.wait_closed(), 1009)

    async def test_a_fragmented_message_is_one_message(self):
        call = await self.started()

        async def pieces():
            for piece in ('{"ty', 'pe":"pi', 'ng","id":', "7}"):
                yield piece
        await call.ws.send(pieces())
        self.assertEqual((await call.wait_for("pong")).get("id"), 7)

    async def test_a_flood_of_control_messages_closes(self):
        call = await self.started()
        try:
            for _ in range(5000):
                await call.send({"type": "ping"})
        except Exception:  # the close may come while we send
            pass
        self.assertEqual(await call.wait_closed(), 4429)


class SilentSocket(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_SILENT_SECONDS": "5"}

    async def test_a_client_that_says_nothing_is_closed(self):
        call = await self.started()
        error = await call.wait_for("error", timeout_s=15)
        self.assertEqual((error["code"], error["fatal"]), ("SILENT_SOCKET", True))
        self.assertEqual(await call.wait_closed(), 1008)


if __name__ == "__main__":
    main()
