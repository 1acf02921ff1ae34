"""Outages and crashes in small: the benches kill9.py and outage.py do the same at full length."""
import asyncio

from voxgate_harness import LOOPBACK, GatewayTest, corpus_speech, main, uuid_of


class Survival(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_STT_STREAMS": "50"}
    own_servers = True

    def recorded(self, call, text):
        return self.gw.sql("select count(*) from messages where call_id = %s and role = 'user' and text = %s",
                           (uuid_of(call.call_id), text))[0][0]

    async def spoken_turn(self, call):
        seen = len(call.messages)
        call.mic.play(corpus_speech("goforward"))
        final = await call.wait_for("transcript_final", after=seen)
        await call.wait_reply_end(after=seen)
        return final

    async def test_a_kill_loses_and_doubles_nothing(self):
        call = await self.started()
        call.mic.start()
        call.mic.play(corpus_speech("goforward"))
        final = await call.wait_for("transcript_final")
        self.gw.kill()
        await call.wait_closed()
        self.gw.start()
        self.rest = self.gw.rest(self.tenant)
        self.__class__.rest = self.rest
        await self.eventually(lambda: self.recorded(call, final["text"]))
        await asyncio.sleep(1)
        self.assertEqual(self.recorded(call, final["text"]), 1)

    async def test_without_postgres_calls_go_on_start_and_are_recorded_later(self):
        live = await self.started()
        live.mic.start()
        self.servers.stop_postgres()
        try:
            final = await self.spoken_turn(live)
            late = await self.started()
            late.mic.start()
            late_final = await self.spoken_turn(late)
            ready = await self.eventually(lambda: (lambda a: a.json["status"] == "degraded" and a)(self.rest.get("/readyz")))
            self.assertEqual(ready.status, 200)
            refused = self.rest.post("/ingest", {"tenant_id": self.tenant.id, "source": "x", "text": "y"})
            self.assertError(refused, 503, "UNAVAILABLE")
            self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        finally:
            self.servers.start_postgres()
        for call, said in ((live, final), (late, late_final)):
            await self.eventually(lambda: self.recorded(call, said["text"]) == 1, 20)
        await self.eventually(lambda: self.rest.get("/readyz").json["status"] in ("ready", "healthy", "ok"), 20)

    async def test_an_empty_redis_gets_leases_and_live_state_again(self):
        call = await self.started()
        call.mic.start()
        self.servers.stop_redis()
        final = await self.spoken_turn(call)
        self.assertTrue(final["text"])
        self.assertEqual((await self.rest.astart_call()).status, 200)
        self.servers.start_redis()

        def restored():
            with self.servers.redis_client() as client:
                return [k for k in client.scan_iter("*") if call.call_id.encode() in k]
        await self.eventually(restored, 20)
        await self.spoken_turn(call)


if __name__ == "__main__":
    main()
