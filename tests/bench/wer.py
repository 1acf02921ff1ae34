#!/usr/bin/python3
"""Word error through the whole gateway: speech into the WebSocket in real time, transcript_final out.

Each clip is the first utterance of a fresh call; errors are pooled over words; the turns of one clip are joined. The
corpus is the folder that VOXGATE_SPEECH_CORPUS names (manifest.tsv: file, lang, kind, transcript), else Debian's
pocketsphinx-testdata."""
import asyncio
import sys

import numpy as np
from bench import Bench, options
from naive_stt import NaiveRecogniser

from voxgate_harness import Call, corpus
from voxgate_harness.audio import dither
from voxgate_harness.stats import ms, percentile
from voxgate_harness.wer import WordErrors

CHANNELS = {
    "clean": {"codec": "pcm_s16le", "rate": 16000, "transport": "binary"},
    "opus": {"codec": "opus", "rate": 16000, "transport": "binary"},
    "pcmu": {"codec": "pcmu", "rate": 8000, "transport": "binary"},
}
# What must hold: the given corpus, and the small one of the distribution.
BOUNDS = {
    "corpus": {"clean": 35, "opus": 42, "pcmu": 62, "pcmu_8k": 40, "gain": 15, "splits": 15, "p50": 100, "p95": 500},
    "debian": {"clean": 40, "opus": 50, "pcmu": 75, "gain": 0, "splits": 25},  # no bound on time: it runs where others do
}
LEAD_IN_S = 0.5
SETTLE_S = 2.0


class Heard:
    """What came of one clip over one channel."""

    def __init__(self, clip, channel, call):
        self.clip = clip
        self.channel = channel
        finals = call.of("transcript_final")
        self.texts = [m["text"] for m in finals]
        self.text = " ".join(t for t in self.texts if t)
        self.turns = len(finals)
        self.delays_s = [self._delay(call, final) for final in finals]
        self.delays_s = [d for d in self.delays_s if d is not None]
        self.seq_errors = call.seq_errors

    @staticmethod
    def _delay(call, final):
        stops = [m.at for m in call.of("speech_stopped") if m.at <= final.at]
        return final.at - stops[-1] if stops else None


async def hear(bench, clip, channel):
    call = await Call.start(bench.rest, audio_in=CHANNELS[channel])
    try:
        call.mic.start()
        await call.wait_quiet(0.4)  # a greeting, where the agent has one
        said = call.mic.play(np.concatenate([dither(int(LEAD_IN_S * 16000)), clip.samples]))
        await said.done.wait()
        deadline = asyncio.get_running_loop().time() + 12
        while asyncio.get_running_loop().time() < deadline:
            seen = len(call.of("speech_started", "speech_stopped", "transcript_interim", "transcript_final"))
            await asyncio.sleep(SETTLE_S)
            if len(call.of("speech_started", "speech_stopped", "transcript_interim", "transcript_final")) == seen:
                break
        return Heard(clip, channel, call)
    finally:
        await call.hang_up()


async def hear_all(bench, clips, channels, parallel):
    gate = asyncio.Semaphore(parallel)

    async def one(clip, channel):
        async with gate:
            heard = await hear(bench, clip, channel)
            bench.note(f"{channel:6} {clip.name:28} {heard.turns} {heard.text}")
            return heard
    return await asyncio.gather(*(one(c, ch) for ch in channels for c in clips))


def naive_errors(clips):
    recogniser, errors = NaiveRecogniser(), WordErrors()
    for clip in clips:
        errors.add(clip.transcript, recogniser.transcribe(clip.samples))
    return errors


def summarise(heard):
    errors = WordErrors()
    for item in heard:
        errors.add(item.clip.transcript, item.text)
    return {"wer_pct": 100 * errors.rate, "words": errors.words, "errors": errors.errors, "clips": len(heard),
            "split_pct": 100 * sum(h.turns > 1 for h in heard) / max(1, len(heard)),
            "missed_clips": sum(h.turns == 0 for h in heard)}


def main():
    parser = options(__doc__)
    parser.add_argument("--channels", default="clean,opus,pcmu", help="which of clean, opus, pcmu")
    parser.add_argument("--parallel", type=int, default=3, help="calls at a time; at most what the recogniser serves")
    parser.add_argument("--bounds", choices=["corpus", "debian", "none"], help="what to judge by; else as the corpus is")
    parser.add_argument("--no-naive", action="store_true", help="leave out the comparison")
    arguments = parser.parse_args()
    name, clips = corpus.load()
    english, noise = corpus.english(clips), corpus.noise(clips)
    bounds = arguments.bounds or ("debian" if name == "pocketsphinx-testdata" else "corpus")
    channels = arguments.channels.split(",")
    with Bench(arguments) as bench:
        heard = asyncio.run(hear_all(bench, english, channels, arguments.parallel))
        silent = asyncio.run(hear_all(bench, noise, channels[:1], arguments.parallel))
        naive = None if arguments.no_naive else naive_errors(english)
        bench.figures.update(corpus=name, clips=[
            {"clip": h.clip.name, "channel": h.channel, "turns": h.turns, "text": h.text} for h in [*heard, *silent]])
        rows = []
        for channel in channels:
            mine = [h for h in heard if h.channel == channel]
            figures = summarise(mine)
            delays = [d for h in mine for d in h.delays_s]
            figures.update(final_p50_s=percentile(delays, 0.5), final_p95_s=percentile(delays, 0.95))
            narrow = [h for h in mine if "8k" in h.clip.kind]
            if narrow:
                figures["recorded_8k_wer_pct"] = summarise(narrow)["wer_pct"]
            bench.figures[channel] = figures
            rows.append([channel, f"{figures['wer_pct']:.1f}", f"{figures['errors']}/{figures['words']}",
                         f"{figures.get('recorded_8k_wer_pct', float('nan')):.1f}", f"{figures['split_pct']:.0f}",
                         figures["missed_clips"], ms(figures["final_p50_s"]), ms(figures["final_p95_s"])])
        if naive:
            bench.figures["naive_wer_pct"] = 100 * naive.rate
            rows.append(["naive", f"{100 * naive.rate:.1f}", f"{naive.errors}/{naive.words}", "", "", "", "", ""])
        bench.table(f"Word error on {name}, {len(english)} clips",
                    ["channel", "WER %", "errors", "8 kHz clips %", "split %", "missed", "final p50 ms", "p95 ms"], rows)
        noise_turns = sum(h.turns for h in silent)
        bench.figures["noise_turns"] = noise_turns
        bench.table("Noise", ["clips", "turns"], [[len(silent), noise_turns]])
        if bounds != "none":
            judge(bench, BOUNDS[bounds], channels, naive)
        bad = [h for h in [*heard, *silent] if h.seq_errors]
        bench.bound("calls with bad seq", len(bad), 0)
        return bench.finish()


def judge(bench, limits, channels, naive):
    for channel in channels:
        bench.bound(f"{channel} word error", bench.figures[channel]["wer_pct"], limits[channel], "%")
    if "pcmu" in channels and "pcmu_8k" in limits:
        bench.bound("pcmu, clips recorded at 8 kHz", bench.figures["pcmu"].get("recorded_8k_wer_pct"), limits["pcmu_8k"], "%")
    if "clean" in channels:
        clean = bench.figures["clean"]
        if naive:
            bench.bound("better than naive by", 100 * naive.rate - clean["wer_pct"], limits["gain"], "points", at_least=True)
        bench.bound("clips split", clean["split_pct"], limits["splits"], "%")
        for name in ("p50", "p95"):
            if name not in limits:
                continue
            value = clean[f"final_{name}_s"]
            bench.bound(f"endpoint to final {name}", None if value is None else value * 1000, limits[name], "ms")
    bench.bound("noise turns", bench.figures["noise_turns"], 0)


if __name__ == "__main__":
    sys.exit(main())
