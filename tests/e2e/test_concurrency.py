"""Many calls at once over two shards, doing everything at the same time: what the thread sanitizer is to see, and
what only shows where a connection lands on another shard than its call."""
import asyncio
import random

from websockets import ConnectionClosed

from voxgate_harness import LOOPBACK, Call, Gateway, GatewayTest, Refused, corpus_speech, main, uuid_of
from voxgate_harness.call import Microphone

CALLS = 20
BINARY = {"codec": "pcm_s16le", "rate": 16000, "transport": "binary"}
G711 = {"codec": "pcmu", "rate": 8000, "transport": "json"}


class Concurrency(GatewayTest):
    # Under the thread sanitizer all of it is ten times slower.
    env = {**LOOPBACK, "VOXGATE_SHARDS": "2", "VOXGATE_SILENT_SECONDS": "60", "VOXGATE_DRAIN_SECONDS": "2"}

    async def resumed(self, call, **options):
        second = Call(call.call_id, call.session_token, call.ws_url)
        second.audio_in, second.audio_out = dict(call.audio_in), dict(call.audio_out)
        await second.connect(resume_token=call.of("ready")[-1]["resume_token"], **options)
        self.addAsyncCleanup(second.drop)
        ready = await second.wait_for("ready", 30)
        self.assertTrue(ready["resumed"])
        return second

    def moves(self, call_id):
        """For each resume of the call that is in the log, which leaves out what repeats too often: did the connection
        land on another shard than the call's?"""
        return [e["other_shard"] for e in self.gw.log() if e.get("event") == "call.resumed" and e["call_id"] == call_id]

    async def test_of_several_that_resume_at_once_one_gets_the_call_and_the_others_are_told_of_it(self):
        for lost in (False, True):
            call = await self.started()
            token = call.of("ready")[-1]["resume_token"]
            for _ in range(5):
                others = [Call(call.call_id, call.session_token, call.ws_url) for _ in range(4)]
                if lost:
                    await call.drop()
                await asyncio.gather(*(other.connect(resume_token=token) for other in others))
                await asyncio.gather(*(other.wait_for("ready", timeout_s=5) for other in others if other.ws),
                                     return_exceptions=True)
                await self.eventually(lambda o=others: len([x for x in o if not x.closed.is_set()]) == 1)
                self.assertEqual(await call.wait_closed(), 1006 if lost else 4409)
                self.assertEqual([x.close_code for x in others if x.closed.is_set()], [4409] * 3)
                call, = [x for x in others if not x.closed.is_set()]
                self.assertTrue(call.of("ready")[0]["resumed"])
            seen = len(call.messages)
            await call.say_text("still there")
            await call.wait_for("transcript_final", after=seen)
            await call.hang_up()

    async def test_a_call_is_resumed_on_either_shard(self):
        call = await self.started()
        seen = set()
        for number in range(24):
            taken_over = call
            seq = call.last_seq
            call = await self.resumed(call, last_seq=seq)
            self.assertEqual(await taken_over.wait_closed(30), 4409)
            await call.configure(audio_out=BINARY if number % 2 else G711, turn={"endpointing_ms": 400})
            await call.say_text(f"question {number}")
            final = await call.wait_for("transcript_final", 30)
            self.assertEqual(final["text"], f"question {number}")
            await call.wait_reply_end(60)
            self.assertGreater(len(call.reply_audio()), 0)
            self.assertEqual(call.seq_errors, [])
            seen.update(self.moves(call.call_id)[-1:])
            if seen == {0, 1} and number >= 7:
                break
        self.assertEqual(seen, {0, 1}, "no connection landed on the other shard")

    async def test_speech_reaches_the_call_from_either_shard(self):
        call = await self.started(audio_in=BINARY)
        seen = set()
        for _ in range(12):
            call = await self.resumed(call)
            await call.configure(audio_in=BINARY)
            seen.update(self.moves(call.call_id)[-1:])
            if seen == {0, 1}:
                break
        clip = corpus_speech("goforward")
        for at in range(0, len(clip) + 16000, 1600):
            piece = clip[at:at + 1600].tobytes()
            await call.send_wire_audio(piece + bytes(3200 - len(piece)))
            await asyncio.sleep(0.1)
        self.assertIn("loopback", (await call.wait_for("transcript_final", 30))["text"])

    async def test_a_refusal_reaches_a_client_on_either_shard(self):
        seen = set()
        for _ in range(16):
            call = await self.resumed(await self.started())
            await call.send_raw("{")
            self.assertEqual((await call.wait_for("error", 30))["code"], "BAD_JSON")
            await call.send_raw("x" * 300000)
            await call.wait_for("error", 30, match=lambda m: m["fatal"])
            self.assertEqual(await call.wait_closed(30), 1009)
            seen.update(self.moves(call.call_id)[-1:])
            if seen == {0, 1}:
                break
        self.assertEqual(seen, {0, 1})

    async def test_a_call_is_ended_over_rest_from_any_shard(self):
        # Each request is a connection of its own, and lands where it likes.
        calls = await asyncio.gather(*(self.started() for _ in range(12)))
        for call in calls:
            answer = await self.rest.apost(f"/call/{call.call_id}/end", {"reason": "enough"})
            self.assertEqual((answer.status, answer.json["status"]), (200, "ended"))
            self.assertEqual(await call.wait_closed(30), 1000)
            self.assertEqual(call.of("call_ended")[-1]["reason"], "enough")

    async def test_ends_from_all_sides_at_once_end_a_call_once(self):
        for _ in range(8):
            call = await self.started()
            second = Call(call.call_id, call.session_token, call.ws_url)
            token = call.of("ready")[-1]["resume_token"]
            answers = await asyncio.gather(
                self.rest.apost(f"/call/{call.call_id}/end"), self.rest.apost(f"/call/{call.call_id}/end"),
                call.send({"type": "end"}), second.connect(resume_token=token), return_exceptions=True)
            self.assertEqual([a.status for a in answers[:2]], [200, 200])
            await call.wait_closed(30)
            if second.ws:
                await second.wait_closed(30)
            self.assertEqual(self.rest.get(f"/call/{call.call_id}").json["status"], "ended")
        await self.eventually(lambda: self.gw.sql(
            "select count(*) from usage_events where call_id = %s and kind = 'call'", (uuid_of(call.call_id),))[0][0] == 1)

    async def busy(self, number, source):
        """One caller's life: speech, text, keys, barge-in, lost connections, a handoff, one of three ends."""
        call = await self.started(audio_in=BINARY, audio_out=BINARY if number % 2 else None, chunk_ms=100)
        call.mic.start()
        await asyncio.sleep(source.random())
        for turn in range(3):
            call.mic.play(corpus_speech("goforward"))
            await asyncio.sleep(source.uniform(0.5, 2.0))
            await call.send({"type": "barge_in"})
            await call.say_text(f"caller {number} says {turn}")
            await call.send({"type": "dtmf", "digit": "5"})
            await asyncio.sleep(source.uniform(0.1, 1.0))
            if turn == number % 3:
                await call.mic.stop()
                lost = source.random() < 0.5
                seq = call.last_seq
                if lost:
                    await call.drop()
                call = await self.resumed(call, last_seq=seq)
                await call.configure(audio_in=BINARY)
                call.mic = Microphone(call, 100).start()
        if number % 4 == 0:
            asked = await self.rest.apost("/handoff", {"call_id": call.call_id, "reason": "test"})
            self.assertEqual(asked.status, 200, asked)
            await call.wait_for("handoff", 30)
            change = ("accept", "decline")[number // 4 % 2]
            notice = call.of("handoff")[-1]["handoff_id"]
            self.assertEqual((await self.rest.apost(f"/handoffs/{notice}/{change}", {})).status, 200)
        await self.rest.aget(f"/call/{call.call_id}")
        if number % 3 == 0:
            self.assertEqual((await self.rest.apost(f"/call/{call.call_id}/end")).status, 200)
        elif number % 3 == 1:
            await call.send({"type": "end"})
        else:
            await call.drop()
            self.assertEqual((await self.rest.apost(f"/call/{call.call_id}/end")).status, 200)
        await call.wait_closed(30)
        self.assertEqual((await self.rest.aget(f"/call/{call.call_id}")).json["status"], "ended")

    async def test_twenty_calls_do_everything_at_once(self):
        source = random.Random(7)
        await asyncio.gather(*(self.busy(n, source) for n in range(CALLS)),
                             *(self.rest.aget("/metrics") for _ in range(5)))
        await self.eventually(
            lambda: self.gw.sql("select count(*) from calls where status = 'ended'")[0][0] >= CALLS, 30)

    async def careless(self, source):
        """A call whose client connects, drops, takes over, talks, configures and ends in no order at all."""
        started = (await self.rest.astart_call()).json
        url = f"ws://{self.rest.host}:{self.rest.port}/ws/{started['call_id']}"
        connections = []

        async def connect():
            tokens = [m["resume_token"] for c in connections for m in c.of("ready")]
            call = Call(started["call_id"], started["session_token"], url)
            connections.append(call)
            await call.connect(resume_token=tokens[-1] if tokens and source.random() < 0.8 else None,
                               last_seq=source.choice([None, 0, 3, 10**18]))
            return call

        async def step():
            live = [c for c in connections if c.ws and not c.closed.is_set()]
            kind = source.randrange(10) if live else 0
            call = source.choice(live) if live else None
            if kind <= 1:
                call = await connect()
                if source.random() < 0.3:
                    await call.drop()
            elif kind == 2:
                await call.drop()
            elif kind == 3:
                await call.say_text("one, two. Three and four, and so on.")
            elif kind == 4:
                for _ in range(source.randrange(1, 20)):
                    await call.send_wire_audio(source.randbytes(3200))
            elif kind == 5:
                audio = {"codec": source.choice(["opus", "pcmu", "pcm_s16le"]), "rate": source.choice([8000, 48000]),
                         "transport": source.choice(["json", "binary"])}
                await call.send({"type": "config", "audio": {"in": audio, "out": audio}})
            elif kind == 6:
                await call.send({"type": source.choice(["barge_in", "ping", "end"])})
            elif kind == 7:
                await asyncio.gather(*(connect() for _ in range(3)), return_exceptions=True)
            elif kind == 8:
                await self.rest.apost("/handoff", {"call_id": started["call_id"]})
            elif source.random() < 0.3:
                await self.rest.apost(f"/call/{started['call_id']}/end")
            else:
                await call.send_raw(source.choice(["{", "x" * 300000, bytes(7)]))

        for _ in range(source.randrange(2, 14)):
            try:
                await step()
            except (Refused, ConnectionClosed):
                pass
            await asyncio.sleep(source.choice([0, 0, 0.001, 0.01, 0.1, 0.3]))
        for call in connections:
            if call.ws and not call.closed.is_set():
                await call.drop()
        self.assertEqual((await self.rest.apost(f"/call/{started['call_id']}/end")).status, 200)

    async def test_careless_clients_leave_nothing_behind(self):
        source, gate = random.Random(2), asyncio.Semaphore(12)

        async def one():
            async with gate:
                await asyncio.wait_for(self.careless(source), 90)
        await asyncio.gather(*(one() for _ in range(100)))
        await self.eventually(lambda: self.gw.metrics().value("voxgate_calls_live") == 0, 60)

    async def test_drain_with_calls_in_every_state(self):
        gw = Gateway(self.servers, self.env, database_url=self.gw.database_url)
        self.addCleanup(gw.close)
        gw.start()
        rest = gw.rest(self.tenant)
        calls = await asyncio.gather(*(self.started(rest, audio_in=BINARY, chunk_ms=100) for _ in range(8)))
        for number, call in enumerate(calls):
            call.mic.start()
            if number % 2:
                call.mic.play(corpus_speech("goforward"))
            else:
                await call.say_text("a long sentence that is being answered while the gateway is asked to end")
        await calls[0].drop()
        self.assertEqual((await rest.astart_call()).status, 200)  # and one that nobody connected to
        await asyncio.sleep(1)
        gw.terminate()
        for call in calls[1:]:
            self.assertEqual(await call.wait_closed(30), 1001)
        self.assertEqual(await asyncio.to_thread(gw.process.wait, 30), 0)


if __name__ == "__main__":
    main()
