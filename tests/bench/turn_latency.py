#!/usr/bin/python3
"""Time from the caller's last speech frame to the first frame of the reply, per turn, with its parts.

The last speech frame is the last one within 28 dB of the clip's 95th-percentile level; its time is when the message
that carried it was sent. The parts are taken at the client, and once more from the gateway's own histograms."""
import asyncio
import sys

from bench import Bench, options

from voxgate_harness import Call, corpus
from voxgate_harness.audio import speech_span
from voxgate_harness.stats import ms, percentile

PARTS = [("endpointing", "voxgate_turn_endpointing_seconds"), ("final transcript", "voxgate_turn_final_transcript_seconds"),
         ("persist", "voxgate_turn_persist_seconds"), ("answer", "voxgate_turn_answer_seconds"),
         ("synthesis", "voxgate_turn_synthesis_seconds"), ("pacing", "voxgate_turn_pacing_seconds"),
         ("whole turn", "voxgate_turn_latency_seconds")]
AUDIO = {"codec": "pcm_s16le", "rate": 16000, "transport": "binary"}


async def turn(bench, clip):
    """(endpointing, endpoint to final, final to reply, whole) in seconds of the clip's last turn; None if it had none."""
    call = await Call.start(bench.rest, audio_in=AUDIO, audio_out=AUDIO, turn={"endpointing_ms": 500})
    try:
        call.mic.start()
        await call.wait_quiet(0.4)
        said = call.mic.play(clip.samples)
        await said.done.wait()
        await asyncio.sleep(4)
        last_speech = said.sent_at(speech_span(clip.samples)[1] - 1)
        finals = call.of("transcript_final")
        if not finals:
            return None
        # Breath or hum after the last word may pass for speech by its level: such a turn is over before its "last
        # speech frame", and its endpointing comes out short or below zero.
        final = next((m for m in finals if m.at > last_speech), finals[-1])
        stopped = [m.at for m in call.of("speech_stopped") if m.at <= final.at]
        frames = [m.at for m in call.messages if m.type == "binary" and m.at > final.at]
        if not stopped or not frames:
            return None
        return stopped[-1] - last_speech, final.at - stopped[-1], frames[0] - final.at, frames[0] - last_speech
    finally:
        await call.hang_up()


async def run(bench, clips, parallel):
    gate = asyncio.Semaphore(parallel)

    async def one(clip):
        async with gate:
            result = await turn(bench, clip)
            bench.note(f"{clip.name:28} " + (" ".join(f"{ms(x):>5}" for x in result) if result else "no turn"))
            return result
    return [r for r in await asyncio.gather(*(one(c) for c in clips)) if r]


def main():
    parser = options(__doc__)
    parser.add_argument("--parallel", type=int, default=1, help="calls at a time")
    parser.add_argument("--repeat", type=int, default=1, help="times to run through the corpus")
    arguments = parser.parse_args()
    name, clips = corpus.load()
    clips = corpus.english(clips) * arguments.repeat
    with Bench(arguments) as bench:
        turns = asyncio.run(run(bench, clips, arguments.parallel))
        metrics = bench.gw.metrics()
        columns = {"endpointing": [t[0] for t in turns], "endpoint to final": [t[1] for t in turns],
                   "final to first frame": [t[2] for t in turns], "all but endpointing": [t[3] - t[0] for t in turns],
                   "last speech to first frame": [t[3] for t in turns]}
        figures = {n: {"p50_s": percentile(v, .5), "p95_s": percentile(v, .95), "max_s": max(v, default=None)}
                   for n, v in columns.items()}
        bench.figures.update(corpus=name, clips=len(clips), turns=len(turns), client=figures)
        bench.table(f"As the client sees it, {len(turns)} turns of {len(clips)} clips", ["part", "p50 ms", "p95 ms", "max ms"],
                    [[n, ms(f["p50_s"]), ms(f["p95_s"]), ms(f["max_s"])] for n, f in figures.items()])
        server = {n: (metrics.quantile(m, .5), metrics.quantile(m, .95)) for n, m in PARTS}
        bench.figures["server"] = {n: {"p50_s": a, "p95_s": b} for n, (a, b) in server.items()}
        bench.table("As the gateway counts it (histograms: between bucket bounds)", ["part", "p50 ms", "p95 ms"],
                    [[n, ms(a), ms(b)] for n, (a, b) in server.items()])
        whole, rest = figures["last speech to first frame"]["p50_s"], figures["all but endpointing"]["p50_s"]
        bench.bound("last speech to first reply frame, p50", whole and whole * 1000, 1000, "ms")
        bench.bound("all but endpointing, p50", rest and rest * 1000, 300, "ms")
        bench.bound("clips without an answered last turn", len(clips) - len(turns), max(1, len(clips) // 10))
        return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
