"""The base of the tests of the running process: one pair of servers a test program, a gateway a test class.

    class Calls(GatewayTest):
        env = LOOPBACK
        async def test_a_call_is_answered(self): ...
"""
import asyncio
import atexit
import unittest

from . import contract
from .call import Call
from .gateway import Gateway
from .servers import Servers

_servers = None


def shared_servers():
    """The servers of this test program, started when first asked for."""
    global _servers
    if _servers is None:
        _servers = Servers()
        _servers.start()
        atexit.register(_servers.stop)
    return _servers


class GatewayTest(unittest.IsolatedAsyncioTestCase):
    """`env`: settings of the class's gateway. `self.gw`, `self.tenant`, `self.rest` (logged in)."""

    env = {}
    own_servers = False

    @classmethod
    def setUpClass(cls):
        cls.servers = Servers() if cls.own_servers else shared_servers()
        if cls.own_servers:
            cls.servers.start()
            cls.addClassCleanup(cls.servers.stop)
        cls.gw = Gateway(cls.servers, cls.env)
        cls.addClassCleanup(cls.gw.close)
        cls.gw.migrate()
        cls.gw.start()
        cls.tenant = cls.gw.new_tenant("Test")
        cls.rest = cls.gw.rest(cls.tenant)

    async def started(self, rest=None, **options):
        """A connected call that is hung up after the test."""
        call = await Call.start(rest or self.rest, **options)
        self.addAsyncCleanup(self._finish, call)
        return call

    async def _finish(self, call):
        await call.hang_up()
        self.assertEqual(call.seq_errors, [])
        self.assertEqual(contract.message_problems(call.messages)[:5], [])

    async def eventually(self, condition, timeout_s=10, what="condition"):
        """Polls `condition` without blocking the calls of the test; gives its true value."""
        for _ in range(int(timeout_s / 0.05)):
            value = await asyncio.to_thread(condition)
            if value:
                return value
            await asyncio.sleep(0.05)
        self.fail(f"{what}: not within {timeout_s} s")

    def assertError(self, answer, status, code):
        """The error shape of the contract, whole."""
        self.assertEqual((answer.status, answer.error_code), (status, code), answer)
        error = answer.json["error"]
        self.assertIsInstance(error["message"], str)
        self.assertIn("details", error)
        self.assertEqual(error["requestId"], answer.headers["X-Request-Id"])


def main():
    unittest.main(verbosity=2, warnings="ignore")
