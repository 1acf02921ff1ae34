#!/usr/bin/python3
"""Interrupting the agent: by message (how long frames of the old reply still come), and by voice, with English clips
laid over the reply, and with noise, which must not cut it.

Speech onset is the first frame within 28 dB of the clip's 95th-percentile level; its time is when the message that
carried it was sent. The reply is held from `reply_held` or `interrupted` on, cut from `interrupted` on."""
import asyncio
import sys
import time

from bench import Bench, options

from voxgate_harness import Call, corpus
from voxgate_harness.audio import speech_span
from voxgate_harness.stats import ms, percentile

AUDIO = {"codec": "pcm_s16le", "rate": 16000, "transport": "binary"}
# The loopback answer engine says this back in the real voice: a reply of half a minute.
MONOLOGUE = ("let me explain this at some length so that there is time to interrupt me while i am still talking about it "
             * 6)
ENGINES = {"VOXGATE_LLM": "loopback"}


async def talking(bench):
    """A call whose agent is in the middle of a long reply."""
    call = await Call.start(bench.rest, audio_in=AUDIO, audio_out=AUDIO)
    call.mic.start()
    await asyncio.sleep(0.6)
    await call.say_text(MONOLOGUE)
    await call.wait_for("audio_start")
    await asyncio.sleep(1.5)
    return call


async def by_message(bench):
    """Seconds from sending barge_in to the last frame of the old reply (network of the same machine included)."""
    call = await talking(bench)
    try:
        asked = time.monotonic()
        await call.send({"type": "barge_in"})
        cut = await call.wait_for("interrupted", 5)
        await asyncio.sleep(0.7)
        frames = [m.at for m in call.messages if m.type == "binary"]
        return max(0.0, max(frames) - asked), cut.at - asked
    finally:
        await call.hang_up()


async def by_sound(bench, samples, wait_s):
    """(held, cut) in seconds after onset, None where it did not happen."""
    call = await talking(bench)
    try:
        seen = len(call.messages)
        said = call.mic.play(samples)
        await said.done.wait()
        await asyncio.sleep(wait_s)
        onset = said.sent_at(speech_span(samples)[0])
        held = [m.at for m in call.messages[seen:] if m.type in ("reply_held", "interrupted")]
        cut = [m.at for m in call.messages[seen:] if m.type == "interrupted"]
        return (held[0] - onset if held else None), (cut[0] - onset if cut else None)
    finally:
        await call.hang_up()


async def each(bench, items, parallel, act):
    gate = asyncio.Semaphore(parallel)

    async def one(item):
        async with gate:
            return await act(bench, item)
    return await asyncio.gather(*(one(i) for i in items))


def share_within(values, limit_s):
    return 100 * sum(v is not None and v <= limit_s for v in values) / max(1, len(values))


async def run(bench, clips, noises, arguments):
    messages = await each(bench, range(arguments.messages), arguments.parallel, lambda b, _: by_message(b))
    voices = await each(bench, clips, arguments.parallel, lambda b, c: by_sound(b, c.samples, 1.0))
    noisy = await each(bench, noises, arguments.parallel, lambda b, c: by_sound(b, c.samples, 1.0))
    return messages, voices, noisy


def main():
    parser = options(__doc__)
    parser.add_argument("--parallel", type=int, default=2, help="calls at a time")
    parser.add_argument("--messages", type=int, default=20, help="interruptions by message")
    arguments = parser.parse_args()
    name, clips = corpus.load()
    english, noise = corpus.english(clips), corpus.noise(clips)
    with Bench(arguments, ENGINES) as bench:
        messages, voices, noisy = asyncio.run(run(bench, english, noise, arguments))
        last, told = [m[0] for m in messages], [m[1] for m in messages]
        bench.table(f"By message, {len(messages)} times", ["", "p50 ms", "max ms"],
                    [["last old frame", ms(percentile(last, .5)), ms(max(last))],
                     ["interrupted told", ms(percentile(told, .5)), ms(max(told))]])
        held, cut = [v[0] for v in voices], [v[1] for v in voices]
        bench.table("By voice", ["clip", "held ms", "cut ms"],
                    [[c.name, ms(h), ms(k)] for c, h, k in zip(english, held, cut)])
        bench.table("Noise", ["clip", "held ms", "cut ms"], [[c.name, ms(h), ms(k)] for c, (h, k) in zip(noise, noisy)])
        bench.figures.update(corpus=name, message_last_frame_s=last, voice=[
            {"clip": c.name, "held_s": h, "cut_s": k} for c, h, k in zip(english, held, cut)],
            noise=[{"clip": c.name, "held_s": h, "cut_s": k} for c, (h, k) in zip(noise, noisy)])
        bench.bound("last frame after barge_in", max(last) * 1000, 60, "ms")
        bench.bound("held or lowered within 350 ms", share_within(held, .350), 85, "%", at_least=True)
        bench.bound("cut within 650 ms", share_within(cut, .650), 90, "%", at_least=True)
        bench.bound("cut before the caller spoke", sum(k is not None and k < 0 for k in cut), 0)
        bench.bound("cut by noise", sum(k is not None for _, k in noisy), 0)
        return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
