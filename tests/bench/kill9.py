#!/usr/bin/python3
"""kill -9 of the gateway under calls: what clients were told is in PostgreSQL exactly once after the restart.

Every transcript_final that a client received, and the usage of every turn whose response it received."""
import asyncio
import random
import sys

from bench import Bench, options
from record_check import Told, check, wait_drained

from voxgate_harness import LOOPBACK, Call, corpus_speech

AUDIO = {"codec": "pcm_s16le", "rate": 16000, "transport": "binary"}


async def talk(call, clip, offset_s):
    """Speaks one clip after the other until the connection breaks."""
    await asyncio.sleep(offset_s)
    while not call.closed.is_set():
        said = call.mic.play(clip)
        await said.done.wait()
        await asyncio.sleep(1.5)


async def round_of(bench, calls_count, random_source):
    """One life of the gateway: calls talk, it is killed; what each client was told."""
    rest = bench.gw.rest(bench.tenant)
    calls = await asyncio.gather(*(Call.start(rest, audio_in=AUDIO, audio_out=AUDIO) for _ in range(calls_count)))
    clip = corpus_speech("goforward")
    for call in calls:
        call.mic.start()
    talks = [asyncio.ensure_future(talk(c, clip, random_source.uniform(0, 3))) for c in calls]
    await asyncio.sleep(random_source.uniform(6, 10))
    bench.gw.kill()
    await asyncio.gather(*(c.wait_closed() for c in calls))
    await asyncio.gather(*(c.mic.stop() for c in calls))
    for task in talks:
        task.cancel()
    return [Told(c) for c in calls]


def rounds(bench, count, calls_count, seed):
    """[(finals told, turns answered, problems)] of each round."""
    source, results, all_told = random.Random(seed), [], []
    for number in range(count):
        told = asyncio.run(round_of(bench, calls_count, source))
        all_told += told
        bench.gw.start()
        wait_drained(bench.gw)
        problems = check(bench.gw, told)
        results.append((sum(len(t.finals) for t in told), sum(len(t.answered) for t in told), problems))
        bench.note(f"round {number + 1}: {results[-1][0]} finals, {results[-1][1]} answers, {len(problems)} problems")
        for problem in problems[:5]:
            bench.note("  " + problem)
    late = check(bench.gw, all_told)  # a repeat at a later restart would show here
    return results, late


def main():
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="kills a set")
    parser.add_argument("--loopback-calls", type=int, default=50, help="calls at a time on loopback engines")
    parser.add_argument("--real-calls", type=int, default=4, help="calls at a time on real engines")
    parser.add_argument("--only", choices=["loopback", "real"], help="one set only")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    arguments = parser.parse_args()
    sets = [("loopback", {**LOOPBACK, "VOXGATE_STT_STREAMS": "200"}, arguments.loopback_calls), ("real", {}, arguments.real_calls)]
    status = 0
    for name, env, calls_count in sets:
        if arguments.only not in (None, name):
            continue
        with Bench(arguments, env, durable=True) as bench:
            results, late = rounds(bench, arguments.rounds, calls_count, arguments.seed)
            bench.figures[name] = [{"finals": f, "answers": a, "problems": p} for f, a, p in results]
            bench.table(f"kill -9 under {calls_count} calls, {name} engines", ["round", "finals", "answers", "problems"],
                        [[i + 1, f, a, len(p)] for i, (f, a, p) in enumerate(results)])
            bench.bound("lost or doubled", sum(len(p) for _, _, p in results) + len(late), 0)
            bench.bound("finals that were told", sum(f for f, _, _ in results), arguments.rounds, at_least=True)
            status |= bench.finish()
    return status


if __name__ == "__main__":
    sys.exit(main())
