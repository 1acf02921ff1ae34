"""The load: `voxgate bench` and wrk, on the core that is not the loop's."""
import glob
import json
import os
import re
import subprocess
import tempfile

from voxgate_harness.corpus import DEBIAN

from machine import OTHER_CORE, cores_busy_s, on_other_core, stolen_ms


def speech_folder(scratch):
    """What callers say: VOXGATE_SPEECH_CORPUS, else Debian's recordings of commands and of read speech."""
    given = os.environ.get("VOXGATE_SPEECH_CORPUS")
    if given:
        return given
    folder = os.path.join(scratch, "speech")
    os.makedirs(folder)
    for path in sorted(glob.glob(f"{DEBIAN}/cards/*.wav") + glob.glob(f"{DEBIAN}/librivox/*.wav")):
        os.symlink(path, os.path.join(folder, os.path.basename(path)))
    return folder


class Load:
    """`voxgate bench` with what all of its runs have in common."""

    def __init__(self, program, plan, folder):
        self.program, self.plan, self.folder = program, plan, folder
        self.scratch = tempfile.TemporaryDirectory(prefix="vgc-", dir="/tmp")
        self.speech = speech_folder(self.scratch.name)
        self._runs = 0

    def run(self, label, env, *more, calls=True):
        """The JSON of one run, None if there is none. A plot is drawn of every search."""
        self._runs += 1
        path = os.path.join(self.scratch.name, f"{self._runs}.json")
        command = on_other_core(self.program, "bench", "--quiet", "--json", path, "--label", label)
        if calls:
            command += ["--speech", self.speech, "--cpu", str(OTHER_CORE), "--settle", str(self.plan.settle_s)]
        if "--search" in more:
            name = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
            command += ["--plot", os.path.join(self.folder, f"{name}.svg"), "--precision", str(self.plan.precision_pct)]
        print(f"\n== {label}: {' '.join(more)}", flush=True)
        subprocess.run([*command, *more], env=env, check=False)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def paced(self, label, env, *more):
        """With a ramp and a duration as the plan has them."""
        return self.run(label, env, "--duration", str(self.plan.step_s), "--ramp", str(self.plan.ramp), *more)


def _milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(url, token, seconds, connections=64):
    """GET as fast as answers come, one thread; what is not 2xx makes the figure None."""
    before, stolen = cores_busy_s(), stolen_ms()
    done = subprocess.run(on_other_core("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H",
                                        f"Authorization: Bearer {token}", url), capture_output=True, text=True, check=False)
    busy = [(b - a) / seconds for a, b in zip(before, cores_busy_s())]
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    quantiles = {f"p{q}_ms": _milliseconds(m.group(1)) for q in (50, 99)
                 if (m := re.search(rf"^\s+{q}%\s+(\S+)", done.stdout, re.M))}
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    print(done.stdout or done.stderr, flush=True)
    return {"per_second": float(rate.group(1)) if rate and not bad else None, "not_2xx": int(bad.group(1)) if bad else 0,
            "cores_busy": busy, "stolen_ms": stolen_ms() - stolen, **quantiles}
