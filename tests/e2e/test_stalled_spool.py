"""A spool whose disk hangs: nobody waits for it without end, and what it says late doubles nothing."""
import asyncio
import os
import sqlite3
import time

from voxgate_harness import LOOPBACK, GatewayTest, main
from voxgate_harness.gateway import uuid_of


class StalledSpool(GatewayTest):
    env = LOOPBACK

    def setUp(self):
        self.lock = None

    def tearDown(self):
        self.release()

    def stall(self):
        """Holds the spool's write lock, as another process would; the gateway's writer waits 5 s for it at most."""
        self.lock = sqlite3.connect(os.path.join(self.gw.env["VOXGATE_DATA_DIR"], "spool.db"), isolation_level=None,
                                    check_same_thread=False)
        self.lock.execute("BEGIN EXCLUSIVE")

    def release(self):
        if self.lock:
            self.lock.execute("ROLLBACK")
            self.lock.close()
            self.lock = None

    def spool_check(self):
        return self.rest.get("/readyz").json["checks"]["spool"]

    def messages(self, call):
        """(role, text) in the record."""
        return self.gw.sql("select role, text from messages where session_id = %s order by turn",
                           (uuid_of(call.started["session_id"]),))

    def timeouts(self, waiting):
        return self.gw.metrics().value("voxgate_spool_timeouts_total", waiting=waiting)

    async def test_a_turn_is_told_as_not_recorded_and_never_as_final(self):
        call = await self.started(language="en")
        await call.say_text("before")
        await call.wait_reply_end()
        await call.wait_quiet()
        seen = len(call.messages)
        self.stall()
        await call.say_text("held up")
        error = await call.wait_for("error", timeout_s=5, after=seen)
        self.assertEqual((error["code"], error["fatal"]), ("RECORD_FAILED", False))
        self.assertEqual(self.timeouts("turn"), 1)
        await call.wait_reply_end(after=seen)  # the call goes on, without a final
        await call.say_text("held up as well")  # what is behind a late one does not wait again
        await call.wait_reply_end(after=len(call.messages))
        self.assertIn("does not answer", self.spool_check())
        self.assertEqual(self.rest.get("/readyz").status, 503)
        self.release()
        await self.eventually(lambda: self.spool_check() == "ok", timeout_s=20)
        await call.wait_quiet()
        self.assertEqual([m["text"] for m in call.messages[seen:] if m.type == "transcript_final"], [])
        self.assertEqual(len(call.of("error")), 1)
        seen = len(call.messages)
        await call.say_text("after")
        await call.wait_for("transcript_final", after=seen)
        await call.wait_reply_end(after=seen)
        await call.hang_up()
        await self.eventually(lambda: self.rest.get(f"/call/{call.call_id}").json["status"] == "ended")
        await self.eventually(lambda: "after" in [text for _, text in self.messages(call)])
        said = [text for role, text in self.messages(call) if role == "user"]
        self.assertEqual(len(said), len(set(said)), "nothing is recorded twice")
        self.assertEqual((said[0], said[-1]), ("before", "after"))

    async def test_a_start_is_refused_in_time_and_leaves_no_call_behind(self):
        self.stall()
        began = time.monotonic()
        answer = await asyncio.to_thread(self.rest.start_call, language="en")
        self.assertError(answer, 503, "UNAVAILABLE")
        self.assertIn("Retry-After", answer.headers)
        self.assertLess(time.monotonic() - began, 4.5)
        self.assertEqual(self.timeouts("start"), 1)
        self.release()
        await self.eventually(lambda: self.rest.start_call(language="en").status == 200, timeout_s=20)
        rows = "select status, end_reason from calls"
        await self.eventually(lambda: ("ended", "record_failed") in self.gw.sql(rows))
        self.assertLessEqual(len([row for row in self.gw.sql(rows) if row[0] == "ready"]), 1)

    async def test_an_end_is_answered_in_time_and_confirmed_when_asked_again(self):
        call = await self.started(language="en")
        await call.wait_quiet(0.5)
        self.stall()
        began = time.monotonic()
        answer = await asyncio.to_thread(self.rest.post, f"/call/{call.call_id}/end", {})
        self.assertError(answer, 503, "UNAVAILABLE")
        self.assertLess(time.monotonic() - began, 4.5)
        self.assertEqual(self.timeouts("end"), 1)
        self.assertEqual(await call.wait_closed(), 1000)
        self.release()
        ended = await self.eventually(lambda: (a := self.rest.post(f"/call/{call.call_id}/end", {})).status == 200 and a,
                                      timeout_s=20)
        self.assertEqual((ended.json["status"], ended.json["end_reason"]), ("ended", "api_request"))
        await self.eventually(lambda: self.gw.sql("select status from calls where id = %s",
                                                  (uuid_of(call.call_id),)) == [("ended",)])


if __name__ == "__main__":
    main()
