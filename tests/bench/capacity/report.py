#!/usr/bin/python3
"""Measures what one loop core carries, Voxgate beside its peers under the same load in one run, and writes the report.

Pinning, on a machine of two cores: the server's loop thread (the whole server where it is not Voxgate) alone on core 0;
every other thread, the load, Redis and PostgreSQL on core 1."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))

from voxgate_harness import Rest, Servers  # noqa: E402
from voxgate_harness.gateway import ROOT, binary  # noqa: E402

import carry  # noqa: E402
import endure  # noqa: E402
import figures as figures_of  # noqa: E402
import machine  # noqa: E402
import rest  # noqa: E402
import tables  # noqa: E402
from load import Load  # noqa: E402

PARTS = ["shapes", "rest", "setup", "overload", "soak", "micro"]
MICRO = [["micro_audio"], ["bench_micro_proto"], ["micro_media"], ["micro_threads", "200", "5"]]
QUICK_MICRO = [["bench_micro_proto"], ["micro_media", "1000", "5"]]
# What has not begun by then is left out of a quick run, and said so: of 15 minutes, some are for building.
QUICK_PEERS_S, QUICK_REST_S = 450, 690


class Plan:
    """How thoroughly everything is measured."""

    def __init__(self, arguments):
        quick = self.quick = arguments.quick
        self.runs = arguments.runs or (1 if quick else 3)
        self.step_s, self.settle_s = (5, 2) if quick else (15, 4)
        self.precision_pct = 15 if quick else 5
        self.ramp = 1500 if quick else 800
        self.rest_s = 6 if quick else 10
        self.soak_s = arguments.soak_seconds or (60 if quick else 1800)
        self.begun = time.monotonic()
        self.left_out = []

    def has_time_for_peer(self, what):
        return self.has_time(what, QUICK_PEERS_S)

    def has_time(self, what, until_s=QUICK_REST_S):
        """False for what a quick run must leave out."""
        there = not self.quick or time.monotonic() - self.begun < until_s
        if not there:
            self.left_out.append(what)
        return there


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run, fewer shapes, coarse: within 15 minutes")
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    parser.add_argument("--bin", metavar="FILE", help="the program under test; else the newest build")
    parser.add_argument("--out", metavar="FOLDER", default=os.path.join(ROOT, ".voxgate", "bench"), help="results (%(default)s)")
    parser.add_argument("--parts", default=",".join(PARTS), help="what is measured (%(default)s)")
    parser.add_argument("--shapes", help="comma-separated, of " + ", ".join(carry.SHAPES))
    parser.add_argument("--peers", default="raw,fastapi,node", help="comma-separated (%(default)s)")
    parser.add_argument("--runs", type=int, help="of which the best counts")
    parser.add_argument("--soak-seconds", type=int, metavar="N", help="length of the soak")
    parser.add_argument("--realtime", action="store_true", help="servers and load before all other work of the machine; as root")
    parser.add_argument("--render", metavar="FILE", help="measure nothing: make the report of this results.json again")
    parser.add_argument("--docs", metavar="PAGE", help="put the tables between the markers of this page, and the plots beside it")
    return parser


def micro(build, commands):
    """What each stage costs: the programs' own tables."""
    printed = {}
    for name, *more in commands:
        print(f"\n== {name}", flush=True)
        done = subprocess.run(machine.on_other_core(os.path.join(build, name), *more), capture_output=True, text=True, check=False)
        printed[name] = done.stdout
        print(done.stdout or done.stderr, flush=True)
    return printed


def capacity_of(results, name):
    calls = [figures_of.capacity_of(r) for r in results.get("shapes", {}).get(name, [])]
    return max((c for c in calls if c), default=0)


def measure(arguments, plan, folder):
    wanted, peers = arguments.parts.split(","), [p for p in arguments.peers.split(",") if p]
    shapes = arguments.shapes.split(",") if arguments.shapes else carry.QUICK_SHAPES if plan.quick else list(carry.SHAPES)
    results = {"quick": plan.quick, "runs": plan.runs, "machine": machine.describe(ROOT), "shapes": {}}
    stolen = machine.stolen_ms()
    load = Load(os.path.abspath(arguments.bin or binary()), plan, folder)

    def keep():
        """After each part, so that nothing is lost when a long run is ended."""
        results.update(seconds=time.monotonic() - plan.begun, stolen_ms=machine.stolen_ms() - stolen, left_out=plan.left_out)
        with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    with Servers() as servers:
        for name in shapes if "shapes" in wanted else []:
            results["shapes"][name] = carry.measure(load, servers, name, peers)
            keep()
        if "rest" in wanted:
            results["rest"] = rest.measure(load, servers)
            keep()
        if "setup" in wanted:
            results["setup"] = [endure.set_up(load, servers) for _ in range(plan.runs)]
            keep()
        capacity = capacity_of(results, "json250")
        if "overload" in wanted and capacity:
            results["overload"] = endure.overload(load, servers, "json250", capacity)
            keep()
        if "soak" in wanted and capacity and plan.has_time("soak"):
            results["soak"] = endure.soak(load, servers, "json250", capacity)
    if "micro" in wanted and plan.has_time("single stages"):
        results["micro"] = micro(os.path.dirname(load.program), QUICK_MICRO if plan.quick else MICRO)
    keep()
    return results


def write(arguments, results, folder):
    figures = figures_of.compute(results)
    top = figures_of.top_level(figures)
    parts = tables.render(results, figures, top)
    plots = sorted(p for p in os.listdir(folder) if p.endswith(".svg"))
    with open(os.path.join(folder, "report.md"), "w", encoding="utf-8") as file:
        file.write(tables.report(parts, plots))
    for name, body in parts.items():
        print(f"\n{tables.TITLES[name]}\n\n{body}")
    whole = {**top, "machine": results["machine"], "quick": results["quick"], "stolen_ms": results["stolen_ms"],
             "seconds": results["seconds"], "figures": figures}
    for path in filter(None, [os.path.join(folder, "figures.json"), arguments.json]):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(whole, file, indent=1)
    if arguments.docs:
        with open(arguments.docs, encoding="utf-8") as file:
            page = file.read()
        with open(arguments.docs, "w", encoding="utf-8") as file:
            file.write(tables.put_into(page, parts))
        for plot in plots:
            if f"({plot})" in page:
                shutil.copy(os.path.join(folder, plot), os.path.join(os.path.dirname(arguments.docs), plot))
    print(f"\n{os.path.relpath(folder)}: report.md, results.json, plots; {results['seconds'] / 60:.0f} min")


def main():
    arguments = options().parse_args()
    folder = os.path.abspath(arguments.out)
    os.makedirs(folder, exist_ok=True)
    if arguments.render:
        with open(arguments.render, encoding="utf-8") as file:
            write(arguments, json.load(file), folder)
        return 0
    if os.cpu_count() < 2:
        sys.exit("tests/bench/run: two cores are needed, one for the server's loop and one for the rest")
    machine.Priority.realtime = arguments.realtime
    Rest.check_contract = False  # tests/e2e does that; here time counts
    for old in os.listdir(folder):
        if old.endswith(".svg"):
            os.remove(os.path.join(folder, old))
    os.sched_setaffinity(0, {machine.OTHER_CORE})
    write(arguments, measure(arguments, Plan(arguments), folder), folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
