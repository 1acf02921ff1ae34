"""Escalation to a person: queued with its context, announced, and the agent holds back until the desk decides."""
import asyncio
import json
import time

from voxgate_harness import GatewayTest, contract, main, uuid_of


class Handoff(GatewayTest):
    env = {"VOXGATE_STT": "loopback", "VOXGATE_TTS": "loopback"}

    async def queued(self):
        call = await self.started()
        await call.say_text("hello")
        await call.wait_reply_end()
        answer = await self.rest.apost("/handoff", {"call_id": call.call_id, "reason": "customer_request",
                                                    "agent_queue": "general"})
        self.assertEqual(answer.status, 200, answer)
        notice = await call.wait_for("handoff")
        return call, answer.json, notice

    async def test_it_answers_as_documented_and_is_announced(self):
        with self.servers.redis_client() as client:
            listener = client.pubsub()
            listener.subscribe("handoff.requested")
            call, body, notice = await self.queued()
            self.assertEqual(set(body) - {"handoff_id"}, {"status", "queue", "estimated_wait_seconds", "context"})
            self.assertEqual((body["status"], body["queue"]), ("queued", "general"))
            self.assertIsInstance(body["estimated_wait_seconds"], int)
            context = body["context"]
            self.assertEqual(set(context), {"call_id", "reason", "duration_seconds", "transcript", "intents", "sentiment"})
            self.assertEqual((context["call_id"], context["reason"]), (call.call_id, "customer_request"))
            self.assertTrue(any("hello" in line for line in context["transcript"]), context)
            self.assertIn("greeting", context["intents"])
            self.assertIn(context["sentiment"], ("positive", "neutral", "negative"))
            self.assertEqual(notice["status"], "queued")

            def event():
                message = listener.get_message(ignore_subscribe_messages=True, timeout=0.1)
                return message and json.loads(message["data"])
            event = await self.eventually(event)
            self.assertEqual(contract.event_problems("handoff_requested", event), [])
            self.assertEqual(event["call_id"], call.call_id)
            listener.close()
        row = await self.eventually(lambda: self.gw.sql("select status, queue from handoffs where call_id = %s",
                                                        (uuid_of(call.call_id),)))
        self.assertEqual(row, [("queued", "general")])

    def announcements(self, listener, call_id):
        """Of the call, in the second to come and before."""
        found = []
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            message = listener.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message and json.loads(message["data"])["call_id"] == call_id:
                found.append(message)
        return found

    async def test_who_asks_again_gets_the_same_answer_and_it_is_announced_once(self):
        with self.servers.redis_client() as client:
            listener = client.pubsub()
            listener.subscribe("handoff.requested")
            call, body, notice = await self.queued()
            again = await asyncio.gather(*(self.rest.apost("/handoff", {
                "call_id": call.call_id, "reason": "another_reason", "agent_queue": "other"}) for _ in range(4)))
            for answer in again:
                self.assertEqual((answer.status, answer.json), (200, body))
                self.assertEqual(answer.headers["Location"], f"/handoffs/{notice['handoff_id']}")
            self.assertEqual(len(self.announcements(listener, call.call_id)), 1)
            listener.close()
        self.assertEqual(len(call.of("handoff")), 1)
        self.assertEqual(self.gw.sql("select count(*) from handoffs where call_id = %s", (uuid_of(call.call_id),)), [(1,)])

    async def test_who_asks_for_a_call_that_its_agent_has_queued_gets_that_handoff(self):
        with self.servers.redis_client() as client:
            listener = client.pubsub()
            listener.subscribe("handoff.requested")
            call = await self.started()
            await call.say_text("I want to talk to a human")
            notice = await call.wait_for("handoff", timeout_s=20)
            answer = await self.rest.apost("/handoff", {"call_id": call.call_id, "reason": "customer_request",
                                                        "agent_queue": "general"})
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Location"], f"/handoffs/{notice['handoff_id']}")
            self.assertEqual(len(self.announcements(listener, call.call_id)), 1)
            listener.close()
        rows = await self.eventually(lambda: self.gw.sql("select status from handoffs where call_id = %s",
                                                         (uuid_of(call.call_id),)))
        self.assertEqual(rows, [("queued",)])

    async def test_the_agent_is_silent_while_it_waits_and_speaks_again_when_declined(self):
        call, _, notice = await self.queued()
        await call.wait_quiet()
        seen = len(call.messages)
        await call.say_text("are you there")
        await asyncio.sleep(1.5)
        self.assertEqual(call.of("response")[len([m for m in call.messages[:seen] if m.type == "response"]):], [])
        path = f"/handoffs/{notice['handoff_id']}"
        self.assertEqual((await self.rest.apost(path + "/decline", {"reason": "nobody is here"})).status, 200)
        await call.wait_for("handoff", after=seen, match=lambda m: m["status"] == "declined")
        seen = len(call.messages)
        await call.say_text("hello again")
        await call.wait_reply_end(after=seen)

    async def test_after_accept_it_transcribes_and_after_complete_it_is_done(self):
        call, _, notice = await self.queued()
        path = f"/handoffs/{notice['handoff_id']}"
        self.assertEqual((await self.rest.apost(path + "/accept")).status, 200)
        await call.wait_for("handoff", match=lambda m: m["status"] == "accepted")
        self.assertEqual(self.rest.get(f"/call/{call.call_id}").json["status"], "handed_off")
        self.assertError(await self.rest.apost(path + "/accept"), 409, "CONFLICT")
        self.assertEqual((await self.rest.apost(path + "/complete")).status, 200)

    async def test_one_call_has_one_open_handoff(self):
        call, _, _ = await self.queued()
        again = await self.rest.apost("/handoff", {"call_id": call.call_id})
        self.assertIn(again.status, (200, 409))
        await call.send({"type": "ping"})
        await call.wait_for("pong")
        self.assertEqual([m["status"] for m in call.of("handoff")], ["queued"])  # told once
        rows = self.gw.sql("select count(*) from handoffs where call_id = %s", (uuid_of(call.call_id),))
        self.assertEqual(rows[0][0], 1)

    async def test_ended_and_unknown_calls_cannot_be_handed_off(self):
        answer = self.rest.post("/handoff", {"call_id": "call_00000000000070008000000000000000"})
        self.assertError(answer, 404, "RESOURCE_NOT_FOUND")
        call_id = self.rest.start_call().json["call_id"]
        self.rest.post(f"/call/{call_id}/end")
        self.assertIn(self.rest.post("/handoff", {"call_id": call_id}).status, (409, 410))


if __name__ == "__main__":
    main()
