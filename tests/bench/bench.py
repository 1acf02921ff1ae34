"""What the benches share: options, servers and gateway, the table, the bounds, the exit status."""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from voxgate_harness import Gateway, Rest, Servers  # noqa: E402
from voxgate_harness.stats import table  # noqa: E402


def options(description):
    """The parser that every bench starts from."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON as well; - for standard output")
    parser.add_argument("--bin", metavar="FILE", help="the program under test; else VOXGATE_BIN, else the newest build")
    return parser


Rest.check_contract = False  # tests/e2e does that; here time counts


class Bench:
    """One run: `with Bench(arguments, env) as b:` gives b.gw, b.tenant, b.rest; b.bound() judges; b.finish()."""

    def __init__(self, arguments, env=None, durable=False):
        if arguments.bin:
            os.environ["VOXGATE_BIN"] = arguments.bin
        self.arguments = arguments
        self.servers = Servers(durable=durable)
        self.env = env or {}
        self.figures = {}
        self.verdicts = []

    def __enter__(self):
        self.servers.start()
        self.gw = Gateway(self.servers, {"VOXGATE_CONCURRENT_CALLS": "10000", **self.env})
        self.gw.migrate()
        self.gw.start()
        self.tenant = self.gw.new_tenant("Bench")
        self.rest = self.gw.rest(self.tenant)
        return self

    def __exit__(self, *_):
        try:
            self.gw.close()
        finally:
            self.servers.stop()

    def table(self, title, header, rows):
        print(f"\n{title}\n\n{table(header, rows)}", file=self._out(), flush=True)

    def note(self, text):
        print(text, file=sys.stderr, flush=True)

    def _out(self):
        return sys.stderr if self.arguments.json == "-" else sys.stdout

    def bound(self, name, value, limit, unit="", at_least=False):
        """Judges a figure; None counts as missed."""
        good = value is not None and (value >= limit if at_least else value <= limit)
        shown = "-" if value is None else f"{value:.1f}"
        self.verdicts.append((name, f"{shown} {unit}".strip(), f"{'>=' if at_least else '<='} {limit} {unit}".strip(),
                              "ok" if good else "MISSED"))
        self.figures.setdefault("bounds", []).append({"name": name, "value": value, "limit": limit, "ok": good})

    def finish(self):
        """Prints the verdicts, writes the JSON, gives the exit status."""
        if self.verdicts:
            self.table("Bounds", ["figure", "measured", "bound", ""], self.verdicts)
        if self.arguments.json == "-":
            json.dump(self.figures, sys.stdout, indent=1)
            print()
        elif self.arguments.json:
            with open(self.arguments.json, "w", encoding="utf-8") as file:
                json.dump(self.figures, file, indent=1)
        return 1 if any(v[3] != "ok" for v in self.verdicts) else 0
