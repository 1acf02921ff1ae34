"""From start to end: states, records, events over Redis, resuming, typed turns, keys."""
import asyncio
import json

from voxgate_harness import LOOPBACK, Call, GatewayTest, Refused, contract, corpus_speech, main, uuid_of


class Lifecycle(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_READY_SECONDS": "4", "VOXGATE_RESUME_SECONDS": "4", "VOXGATE_STT_STREAMS": "100"}

    def status(self, call_id):
        return self.rest.get(f"/call/{call_id}").json

    async def spoken_turn(self, call):
        seen = len(call.messages)
        call.mic.play(corpus_speech("goforward"))
        final = await call.wait_for("transcript_final", after=seen)
        await call.wait_reply_end(after=seen)
        return final

    async def test_a_call_is_recorded_with_transcript_and_usage(self):
        call = await self.started(user_id="user_456", metadata={"order_id": "O67890"})
        call.mic.start()
        final = await self.spoken_turn(call)
        await call.hang_up()
        ended = call.of("call_ended")
        self.assertEqual(len(ended), 1)
        self.assertEqual(call.close_code, 1000)
        status = self.status(call.call_id)
        for name in ("call_id", "session_id", "tenant_id", "user_id", "agent_id", "status", "direction", "channel",
                     "language", "voice_id", "started_at", "answered_at", "ended_at", "duration_seconds", "end_reason",
                     "turns", "metadata"):
            self.assertIn(name, status)
        self.assertEqual((status["status"], status["channel"], status["user_id"], status["turns"]),
                         ("ended", "websocket", "user_456", 1))
        self.assertEqual(status["metadata"], {"order_id": "O67890"})
        call_uuid = uuid_of(call.call_id)
        row = await self.eventually(lambda: self.gw.sql(
            "select status, user_id, turns, end_reason from calls where id = %s and ended_at is not null", (call_uuid,)))
        self.assertEqual(row[0][:3], ("ended", "user_456", 1))
        rows = self.gw.sql("select role, text from messages where call_id = %s order by at, ordinal", (call_uuid,))
        self.assertIn(("user", final["text"]), rows)
        self.assertIn("assistant", [role for role, _ in rows])
        kinds = dict(self.gw.sql("select kind, count(*) from usage_events where call_id = %s group by 1", (call_uuid,)))
        self.assertLessEqual({"stt", "llm", "tts", "call"}, set(kinds), kinds)

    async def test_states_follow_the_call(self):
        started = self.rest.start_call().json
        self.assertEqual(self.status(started["call_id"])["status"], "ready")
        call = await self.started()
        self.assertEqual(self.status(call.call_id)["status"], "in_progress")
        first = self.rest.post(f"/call/{call.call_id}/end", {"reason": "done"})
        self.assertEqual((first.status, first.json["status"], first.json["end_reason"]), (200, "ended", "done"))
        self.assertEqual(await call.wait_closed(), 1000)
        again = self.rest.post(f"/call/{call.call_id}/end")
        self.assertEqual((again.status, again.json["end_reason"]), (200, "done"))

    async def test_redis_shows_a_live_call_as_its_status_does(self):
        call = await self.started(metadata={"order_id": "O67890"})
        key = f"voxgate:call:{{{call.call_id}}}"
        with self.servers.redis_client() as client:
            def shown():
                return json.loads(client.get(key) or "{}")

            await self.eventually(lambda: shown().get("status") == "in_progress", 5, "the live state")
            live, status = shown(), self.status(call.call_id)
            self.assertEqual(list(live), ["v", *status, "instance", "owner_epoch"])
            for name in set(status) - {"duration_seconds"}:
                self.assertEqual(live[name], status[name], name)
            await call.hang_up()
            await self.eventually(lambda: not client.exists(key), 5, "no live state")

    async def test_a_client_that_closes_normally_has_hung_up(self):
        call = await self.started()
        await call.ws.close()
        await self.eventually(lambda: self.status(call.call_id)["status"] == "ended", 3)
        self.assertEqual(self.status(call.call_id)["end_reason"], "client_closed")

    async def test_a_call_that_nobody_connects_to_ends(self):
        call_id = self.rest.start_call().json["call_id"]
        await self.eventually(lambda: self.status(call_id)["status"] in ("ended", "failed"), 10)

    async def test_typed_turns_and_keys(self):
        call = await self.started()
        await call.say_text("where is my order")
        await call.wait_reply_end()
        self.assertIn("where is my order", call.reply_text())
        seen = len(call.messages)
        await call.send({"type": "dtmf", "digit": "5"})
        self.assertEqual((await call.wait_for("dtmf", after=seen))["digit"], "5")

    async def test_events_go_over_redis(self):
        with self.servers.redis_client() as client:
            listener = client.pubsub()
            listener.psubscribe("call.*", "transcript:*", "barge_in:*", "audio:*")
            call = await self.started(publish=["audio"])
            call.mic.start()
            await self.spoken_turn(call)
            await call.hang_up()
            events = []

            def ended():
                message = listener.get_message(timeout=0.05)
                while message:
                    if message["type"] == "pmessage":
                        events.append((message["channel"].decode(), json.loads(message["data"])))
                    message = listener.get_message(timeout=0.05)
                return any(c == "call.ended" and e["call_id"] == call.call_id for c, e in events)
            await self.eventually(ended)
            listener.close()
        mine = {c: e for c, e in events if e["call_id"] == call.call_id}
        self.assertLessEqual({"call.started", "call.ended", f"transcript:{call.call_id}", f"audio:{call.call_id}"},
                             set(mine))
        for event in mine.values():
            self.assertEqual(set(event), {"event_type", "call_id", "timestamp", "data"})
        for channel, event in mine.items():
            name = channel.split(":")[0].replace(".", "_")
            self.assertEqual(contract.event_problems(name, event), [])
        audio = mine[f"audio:{call.call_id}"]["data"]
        self.assertEqual((audio["rate"], audio["encoding"]), (16000, "pcm_s16le"))

    async def test_the_end_of_a_call_that_nobody_connected_to_is_announced(self):
        with self.servers.redis_client() as client:
            listener = client.pubsub()
            listener.subscribe("call.ended")
            before = self.gw.metrics().value("voxgate_calls_ended_total", reason="custom")
            call_id = (await self.rest.astart_call()).json["call_id"]
            self.assertEqual((await self.rest.apost(f"/call/{call_id}/end", {"reason": "no time, sorry"})).status, 200)

            def ended():
                message = listener.get_message(ignore_subscribe_messages=True, timeout=0.05)
                event = message and json.loads(message["data"])
                return event if event and event["call_id"] == call_id else None
            event = await self.eventually(ended)
            listener.close()
        self.assertEqual(contract.event_problems("call_ended", event), [])
        self.assertEqual((event["data"]["reason"], event["data"]["turns"]), ("no time, sorry", 0))
        # What a client writes is for the record; in the metrics it would be a series each.
        self.assertEqual(self.gw.metrics().value("voxgate_calls_ended_total", reason="custom"), before + 1)

    def test_metadata_is_bounded(self):
        self.assertEqual(self.rest.start_call(metadata={"note": "x" * 16000}).status, 200)
        refused = self.rest.start_call(metadata={"note": "x" * 17000})
        self.assertError(refused, 400, "VALIDATION_ERROR")
        self.assertEqual(refused.json["error"]["details"][0]["field"], "metadata")

    async def resume(self, call, **options):
        second = Call(call.call_id, call.session_token, call.ws_url)
        await second.connect(resume_token=call.of("ready")[-1]["resume_token"], **options)
        self.addAsyncCleanup(second.drop)
        ready = await second.wait_for("ready")
        return second, ready

    async def test_a_lost_connection_is_resumed_and_missed_messages_are_replayed(self):
        call = await self.started()
        await call.say_text("first question")
        first = await call.wait_reply_end()
        seq = call.last_seq
        await call.say_text("second question")
        await asyncio.sleep(0.05)
        await call.drop()
        second, ready = await self.resume(call, last_seq=seq)
        self.assertTrue(ready.get("resumed"))
        end = await second.wait_reply_end()
        self.assertNotEqual(end["turn_id"], first["turn_id"])
        self.assertIn("second question", second.reply_text() + call.reply_text(end["turn_id"]))
        self.assertEqual(second.seq_errors, [])  # a client may drop what is not newer than what it has
        await second.say_text("third question")
        await second.wait_for("response", match=lambda m: "third" in (m.get("text") or ""))

    async def test_a_resume_token_takes_over_a_live_connection(self):
        call = await self.started()
        second, _ = await self.resume(call)
        self.assertEqual(await call.wait_closed(), 4409)
        await second.send({"type": "ping"})
        await second.wait_for("pong")

    async def test_a_wrong_resume_token_takes_nothing(self):
        call = await self.started()
        thief = Call(call.call_id, call.session_token, call.ws_url)
        with self.assertRaises(Refused) as refusal:
            await thief.connect(resume_token="wrong")
        self.assertIn(refusal.exception.status, (401, 403, 409))
        await call.send({"type": "ping"})
        await call.wait_for("pong")

    async def test_a_call_that_is_not_resumed_ends(self):
        call = await self.started()
        await call.drop()
        await self.eventually(lambda: self.status(call.call_id)["status"] == "ended", 12)
        second = Call(call.call_id, call.session_token, call.ws_url)
        with self.assertRaises(Refused) as refusal:
            await second.connect(resume_token=call.of("ready")[-1]["resume_token"])
        self.assertEqual(refusal.exception.status, 410)


if __name__ == "__main__":
    main()
