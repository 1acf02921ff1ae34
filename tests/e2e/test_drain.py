"""SIGTERM: no new calls, live ones may end in their own time, then the process ends by itself with status 0."""
import asyncio

from voxgate_harness import LOOPBACK, Gateway, GatewayTest, corpus_speech, main


class Drain(GatewayTest):
    env = LOOPBACK

    def fresh(self, **env):
        gw = Gateway(self.servers, {**LOOPBACK, **env}, database_url=self.gw.database_url)
        self.addCleanup(gw.close)
        gw.start()
        return gw

    async def test_a_live_call_ends_its_turn_while_new_ones_are_refused(self):
        gw = self.fresh(VOXGATE_DRAIN_SECONDS="20")
        rest = gw.rest(self.tenant)
        call = await self.started(rest)
        call.mic.start()
        gw.terminate()
        await asyncio.sleep(0.3)
        try:
            refused = await rest.astart_call()
            self.assertEqual(refused.status, 503, refused)
        except OSError:
            pass  # the listener is closed: as good
        call.mic.play(corpus_speech("goforward"))
        await call.wait_for("transcript_final")
        await call.wait_reply_end()
        await call.hang_up()
        self.assertEqual(await asyncio.to_thread(gw.process.wait, 10), 0)

    async def test_after_the_time_for_draining_calls_are_told_and_it_ends(self):
        gw = self.fresh(VOXGATE_DRAIN_SECONDS="2")
        call = await self.started(gw.rest(self.tenant))
        gw.terminate()
        self.assertEqual(await call.wait_closed(10), 1001)
        self.assertEqual(await asyncio.to_thread(gw.process.wait, 10), 0)

    async def test_without_calls_it_ends_at_once(self):
        gw = self.fresh()
        gw.terminate()
        self.assertEqual(await asyncio.to_thread(gw.process.wait, 5), 0)

    async def test_calls_that_nobody_connected_to_are_not_waited_for(self):
        gw = self.fresh()
        tenant = gw.new_tenant()
        call = (await gw.rest(tenant).astart_call()).json
        gw.terminate()
        self.assertEqual(await asyncio.to_thread(gw.process.wait, 10), 0)
        gw.start()
        ended = gw.rest(tenant).get(f"/call/{call['call_id']}").json
        self.assertEqual((ended["status"], ended["end_reason"]), ("ended", "server_draining"))


if __name__ == "__main__":
    main()
