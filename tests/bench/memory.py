#!/usr/bin/python3
"""Memory over many short calls: after 10,000 at most 1 MiB more than after 1,000."""
import asyncio
import sys

from bench import Bench, options

from voxgate_harness import LOOPBACK, Call


async def short_calls(bench, count, parallel):
    gate = asyncio.Semaphore(parallel)

    async def one():
        async with gate:
            call = await Call.start(bench.rest)
            await call.send({"type": "ping"})
            await call.wait_for("pong")
            await call.hang_up()
    await asyncio.gather(*(one() for _ in range(count)))


async def measure(bench, first, last, parallel):
    await short_calls(bench, first, parallel)
    await asyncio.sleep(3)
    before = bench.gw.memory_bytes()
    bench.note(f"after {first} calls: {before / 1048576:.1f} MiB")
    await short_calls(bench, last - first, parallel)
    await asyncio.sleep(3)
    return before, bench.gw.memory_bytes()


def main():
    parser = options(__doc__)
    parser.add_argument("--first", type=int, default=1000, help="calls before the first look")
    parser.add_argument("--last", type=int, default=10000, help="calls before the second look")
    parser.add_argument("--parallel", type=int, default=20, help="calls at a time")
    arguments = parser.parse_args()
    with Bench(arguments, {**LOOPBACK, "VOXGATE_STT_STREAMS": "200", "RATE_LIMIT_REQUESTS": "10000000"}) as bench:
        before, after = asyncio.run(measure(bench, arguments.first, arguments.last, arguments.parallel))
        bench.figures.update(before_bytes=before, after_bytes=after)
        bench.table("Memory", ["after", "MiB"], [[arguments.first, f"{before / 1048576:.2f}"],
                                                [arguments.last, f"{after / 1048576:.2f}"]])
        bench.bound("growth", (after - before) / 1048576, 1.0, "MiB")
        return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
