#!/usr/bin/python3
"""PostgreSQL stopped for a minute and Redis restarted during calls: no call drops, nothing is lost, new calls start,
/readyz says degraded meanwhile, and leases and live state are written again into the empty Redis."""
import asyncio
import itertools
import sys
import time

from bench import Bench, options
from record_check import Told, check, wait_drained

from voxgate_harness import LOOPBACK, Call, corpus, corpus_speech

AUDIO = {"codec": "pcm_s16le", "rate": 16000, "transport": "binary"}
# Settings, calls at first, calls that start at either moment of the outage. Real engines take three streams a core.
ENGINES = {"loopback": ({**LOOPBACK, "VOXGATE_STT_STREAMS": "200"}, 20, 5), "real": ({}, 4, 1)}


def speech_of(engines):
    """What callers say: to real engines the corpus, to loopback ones, which hear lengths alone, one sentence."""
    if engines == "loopback":
        return [corpus_speech("goforward")]
    return [clip.samples for clip in corpus.english(corpus.load()[1])]


async def talk(call, clips, first):
    """Says one clip after the other, each caller beginning with another, until the connection breaks."""
    for clip in itertools.islice(itertools.cycle(clips), first % len(clips), None):
        said = call.mic.play(clip)
        await said.done.wait()
        await asyncio.sleep(2.0)
        if call.closed.is_set():
            return


async def readiness(bench, seen):
    """Collects what /readyz says, twice a second."""
    while True:
        answer = await bench.rest.aget("/readyz")
        seen.append((answer.status, answer.json.get("status")))
        await asyncio.sleep(0.5)


async def run(bench, clips, calls_count, new_count, away_s):
    calls, talks, seen = [], [], []

    async def add(count):
        new = await asyncio.gather(*(Call.start(bench.rest, audio_in=AUDIO, audio_out=AUDIO) for _ in range(count)))
        for call in new:
            call.mic.start()
            talks.append(asyncio.ensure_future(talk(call, clips, len(talks))))
        calls.extend(new)
        return len(new)

    await add(calls_count)
    await asyncio.sleep(3)
    watcher = asyncio.ensure_future(readiness(bench, seen))
    bench.note("PostgreSQL stops")
    bench.servers.stop_postgres()
    stopped_at = time.monotonic()
    await asyncio.sleep(away_s / 2)
    new_while_postgres_away = await add(new_count)
    bench.note("Redis stops")
    bench.servers.stop_redis()
    await asyncio.sleep(5)
    new_while_both_away = await add(new_count)
    bench.servers.start_redis()
    bench.note("Redis is back, empty")
    await asyncio.sleep(max(0, away_s / 2 - 5))
    back_at = time.monotonic()
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
    finals_away = [m for c in calls for m in c.of("transcript_final") if stopped_at < m.at < back_at]
    await asyncio.gather(*(c.hang_up() for c in calls))
    return {"told": told, "dropped": dropped, "live_again": live, "calls": len(calls), "readyz": seen,
            "finals_away": len(finals_away), "new_calls": new_while_postgres_away + new_while_both_away}


def main():
    parser = options(__doc__)
    parser.add_argument("--engines", choices=sorted(ENGINES), default="loopback", help="what hears, answers and speaks")
    parser.add_argument("--calls", type=int, help="calls at a time before the outage (default: 20 on loopback, 4 on real engines)")
    parser.add_argument("--seconds", type=int, default=60, help="how long PostgreSQL is away")
    arguments = parser.parse_args()
    env, calls_count, new_count = ENGINES[arguments.engines]
    calls_count = arguments.calls or calls_count
    with Bench(arguments, env, durable=True) as bench:
        result = asyncio.run(run(bench, speech_of(arguments.engines), calls_count, new_count, arguments.seconds))
        wait_drained(bench.gw)
        problems = check(bench.gw, result["told"])
        for problem in problems[:10]:
            bench.note(problem)
        finals = sum(len(t.finals) for t in result["told"])
        answered = sum(len({turn for turn, _ in t.finals} & t.answered) for t in result["told"])
        degraded = [s for s in result["readyz"][4:] if s == (200, "degraded")]
        bench.figures.update(engines=arguments.engines, calls=result["calls"], finals=finals, answered=answered,
                             finals_without_postgres=result["finals_away"], dropped=result["dropped"], problems=problems,
                             new_calls=result["new_calls"], live_again=result["live_again"])
        bench.table(f"Outage, {arguments.engines} engines",
                    ["calls", "started meanwhile", "finals", "of them meanwhile", "answered", "dropped", "problems",
                     "live state again"],
                    [[result["calls"], result["new_calls"], finals, result["finals_away"], answered, result["dropped"],
                      len(problems), result["live_again"]]])
        bench.bound("dropped calls", result["dropped"], 0)
        bench.bound("lost or doubled", len(problems), 0)
        bench.bound("finals told without PostgreSQL", result["finals_away"], max(1, calls_count * arguments.seconds // 60),
                    at_least=True)
        bench.bound("calls started meanwhile", result["new_calls"], 2 * new_count, at_least=True)
        bench.bound("calls with live state again", result["live_again"], result["calls"], at_least=True)
        bench.bound("readyz not degraded meanwhile", len(result["readyz"][4:]) - len(degraded), 2)
        bench.bound("readyz after", 1 if bench.rest.get("/readyz").json["status"] == "degraded" else 0, 0)
        return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
