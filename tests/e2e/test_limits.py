"""Limits are exact and say so: requests of a tenant, calls of a tenant, streams of the instance."""
import asyncio

from voxgate_harness import LOOPBACK, GatewayTest, main


class RequestRate(GatewayTest):
    env = {**LOOPBACK, "RATE_LIMIT_REQUESTS": "20", "RATE_LIMIT_WINDOW": "60"}

    def test_a_tenants_requests_are_limited_and_others_are_not(self):
        tenant = self.gw.new_tenant("Busy")
        busy = self.gw.rest(tenant)
        answers = [busy.get("/call/call_00000000000070008000000000000000") for _ in range(30)]
        statuses = [a.status for a in answers]
        # A window that begins within the test gives back a share, so the edge may lie one request further.
        self.assertTrue(18 <= statuses.count(404) <= 22, statuses)
        refused = answers[-1]
        self.assertError(refused, 429, "RATE_LIMITED")
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.assertEqual(refused.headers["RateLimit-Limit"], "20")
        self.assertEqual(refused.headers["RateLimit-Remaining"], "0")
        self.assertIsNotNone(refused.headers["RateLimit-Reset"])
        self.assertEqual(self.rest.get("/call/call_00000000000070008000000000000000").status, 404)
        self.assertGreater(self.gw.metrics().value("voxgate_rate_limited_total"), 0)
        with self.servers.redis_client() as client:
            keys = list(client.scan_iter("ratelimit:*"))
            self.assertTrue(any(tenant.id.encode() in key for key in keys), keys)
            client.delete(*keys)
        self.assertEqual(busy.get("/call/call_00000000000070008000000000000000").status, 404)

    def test_open_routes_are_not_counted(self):
        for _ in range(40):
            self.assertEqual(self.rest.get("/health").status, 200)


class ConcurrentCalls(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_CONCURRENT_CALLS": "3", "VOXGATE_STT_STREAMS": "50"}

    async def test_a_tenants_live_calls_are_limited_exactly(self):
        answers = await asyncio.gather(*(self.rest.astart_call() for _ in range(8)))
        started = [a.json for a in answers if a.status == 200]
        self.assertEqual(len(started), 3, answers)
        for answer in answers:
            if answer.status != 200:
                self.assertError(answer, 429, "CONCURRENCY_LIMIT")
        self.assertEqual({s["concurrency"]["limit"] for s in started}, {3})
        self.assertEqual({s["concurrency"]["remaining"] for s in started}, {0, 1, 2})
        self.rest.post(f"/call/{started[0]['call_id']}/end")
        again = await self.rest.astart_call()
        self.assertEqual(again.status, 200, again)
        for call in [*started[1:], again.json]:
            self.rest.post(f"/call/{call['call_id']}/end")


class Capacity(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_CALLS_MAX": "4", "VOXGATE_CONCURRENT_CALLS": "100", "VOXGATE_STT_STREAMS": "50"}

    async def test_past_the_instances_calls_it_says_when_to_come_again(self):
        answers = await asyncio.gather(*(self.rest.astart_call() for _ in range(7)))
        self.assertEqual([a.status for a in answers].count(200), 4, answers)
        refused = next(a for a in answers if a.status != 200)
        self.assertError(refused, 503, "CAPACITY")
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        for answer in answers:
            if answer.status == 200:
                self.rest.post(f"/call/{answer.json['call_id']}/end")
        self.assertEqual((await self.rest.astart_call()).status, 200)


class Streams(GatewayTest):
    env = {"VOXGATE_STT_STREAMS": "2", "VOXGATE_LLM": "loopback", "VOXGATE_TTS": "loopback"}

    async def test_each_call_reserves_a_recogniser_stream(self):
        answers = [await self.rest.astart_call() for _ in range(3)]
        self.assertEqual([a.status for a in answers], [200, 200, 503], answers)
        self.assertError(answers[2], 503, "CAPACITY")
        self.assertEqual(self.gw.metrics().value("voxgate_stt_streams"), 2)


if __name__ == "__main__":
    main()
