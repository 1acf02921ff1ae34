"""Connections that never finish what they began do not keep others out."""
import asyncio
import socket
import time

from voxgate_harness import LOOPBACK, GatewayTest, main

COUNT = 1000


class HalfOpen(GatewayTest):
    env = {**LOOPBACK, "VOXGATE_HEADER_TIMEOUT_MS": "3000", "VOXGATE_HALF_OPEN_PER_IP": "400"}

    def open_one(self, first_bytes):
        connection = socket.create_connection(("127.0.0.1", self.gw.port), timeout=5)
        connection.sendall(first_bytes)
        connection.setblocking(False)
        return connection

    @staticmethod
    def is_closed(connection):
        try:
            while True:
                if connection.recv(4096) == b"":
                    return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    async def test_a_thousand_half_open_connections_cost_little_and_go_away(self):
        for first in (b"", b"GET /heal", b"POST /call/start HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
            with self.subTest(first=first[:12]):
                open_before = self.gw.metrics().value("process_open_fds")
                memory = self.gw.memory_bytes()
                connections = []
                for _ in range(COUNT):
                    try:
                        connections.append(self.open_one(first))
                    except OSError:
                        pass  # refused at the accept limit: as good
                self.assertLess(self.gw.memory_bytes() - memory, 40 << 20)
                # From another address of the loop: the first one's own limit is not everybody's.
                probe = socket.create_connection(("127.0.0.1", self.gw.port), timeout=5,
                                                 source_address=("127.0.0.2", 0))
                probe.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                self.assertIn(b" 200 ", probe.recv(4096).split(b"\r\n", 1)[0])
                probe.close()
                deadline = time.monotonic() + 15
                while time.monotonic() < deadline and not all(map(self.is_closed, connections)):
                    await asyncio.sleep(0.2)
                self.assertTrue(all(map(self.is_closed, connections)))
                for connection in connections:
                    connection.close()
                await asyncio.sleep(0.5)
                self.assertLess(self.gw.metrics().value("process_open_fds") - open_before, 20)

    async def test_a_call_goes_on_meanwhile(self):
        call = await self.started()
        held = []
        for _ in range(300):
            try:
                held.append(self.open_one(b"GET /"))
            except OSError:
                pass
        await call.say_text("hello there")
        await call.wait_reply_end()
        for connection in held:
            connection.close()


if __name__ == "__main__":
    main()
