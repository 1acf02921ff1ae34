#!/usr/bin/python3
"""PostgreSQL stopped for a minute and Redis restarted during calls: no call drops, nothing is lost, new calls start,
/readyz says degraded meanwhile, and leases and live state are written again into the empty Redis."""
import asyncio
import sys

from bench import Bench, options
from record_check import Told, check, wait_drained

from voxgate_harness import LOOPBACK, Call, corpus_speech

AUDIO = {"codec": "pcm_s16le", "rate": 16000, "transport": "binary"}


async def talk(call, clip):
    while not call.closed.is_set():
        said = call.mic.play(clip)
        await said.done.wait()
        await asyncio.sleep(2.0)


async def readiness(bench, seen):
    """Collects what /readyz says, twice a second."""
    while True:
        answer = await bench.rest.aget("/readyz")
        seen.append((answer.status, answer.json.get("status")))
        await asyncio.sleep(0.5)


async def run(bench, calls_count, away_s):
    clip, calls, talks, seen = corpus_speech("goforward"), [], [], []

    async def add(count):
        new = await asyncio.gather(*(Call.start(bench.rest, audio_in=AUDIO, audio_out=AUDIO) for _ in range(count)))
        for call in new:
            call.mic.start()
            talks.append(asyncio.ensure_future(talk(call, clip)))
        calls.extend(new)
        return len(new)

    await add(calls_count)
    await asyncio.sleep(3)
    watcher = asyncio.ensure_future(readiness(bench, seen))
    bench.note("PostgreSQL stops")
    bench.servers.stop_postgres()
    await asyncio.sleep(away_s / 2)
    new_while_postgres_away = await add(5)
    bench.note("Redis stops")
    bench.servers.stop_redis()
    await asyncio.sleep(5)
    new_while_both_away = await add(5)
    bench.servers.start_redis()
    bench.note("Redis is back, empty")
    await asyncio.sleep(max(0, away_s / 2 - 5))
    bench.servers.start_postgres()
    bench.note("PostgreSQL is back")
    watcher.cancel()
    await asyncio.sleep(10)
    with bench.servers.redis_client() as client:
        keys = [k.decode() for k in client.scan_iter("*")]
    live = sum(any(c.call_id in k for k in keys) for c in calls)
    dropped = sum(c.closed.is_set() for c in calls)
    for task in talks:
        task.cancel()
    await asyncio.gather(*(c.wait_quiet(1.0) for c in calls), return_exceptions=True)
    told = [Told(c) for c in calls]
    await asyncio.gather(*(c.hang_up() for c in calls))
    return {"told": told, "dropped": dropped, "live_again": live, "calls": len(calls), "readyz": seen,
            "new_calls": new_while_postgres_away + new_while_both_away}


def main():
    parser = options(__doc__)
    parser.add_argument("--calls", type=int, default=20, help="calls at a time, loopback engines")
    parser.add_argument("--seconds", type=int, default=60, help="how long PostgreSQL is away")
    arguments = parser.parse_args()
    with Bench(arguments, {**LOOPBACK, "VOXGATE_STT_STREAMS": "200"}, durable=True) as bench:
        result = asyncio.run(run(bench, arguments.calls, arguments.seconds))
        wait_drained(bench.gw)
        problems = check(bench.gw, result["told"])
        for problem in problems[:10]:
            bench.note(problem)
        finals = sum(len(t.finals) for t in result["told"])
        degraded = [s for s in result["readyz"][4:] if s == (200, "degraded")]
        bench.figures.update(calls=result["calls"], finals=finals, dropped=result["dropped"], problems=problems,
                             new_calls=result["new_calls"], live_again=result["live_again"])
        bench.table("Outage", ["calls", "started meanwhile", "finals", "dropped", "problems", "live state again"],
                    [[result["calls"], result["new_calls"], finals, result["dropped"], len(problems), result["live_again"]]])
        bench.bound("dropped calls", result["dropped"], 0)
        bench.bound("lost or doubled", len(problems), 0)
        bench.bound("calls started meanwhile", result["new_calls"], 10, at_least=True)
        bench.bound("calls with live state again", result["live_again"], result["calls"], at_least=True)
        bench.bound("readyz not degraded meanwhile", len(result["readyz"][4:]) - len(degraded), 2)
        bench.bound("readyz after", 1 if bench.rest.get("/readyz").json["status"] == "degraded" else 0, 0)
        return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
