"""The report in Markdown: named parts, which report.md holds all of and docs/performance.md between its markers."""
import re

from voxgate_harness.stats import table

from carry import SHAPES
from goals import GOALS, reached

NAMES = {"json250": "JSON 250 ms", "json100": "JSON 100 ms", "pcm20": "PCM 20 ms", "pcm60": "PCM 60 ms", "pcm100": "PCM 100 ms",
         "pcmu20": "PCMU 20 ms", "opus20": "Opus 20 ms, complexity 0", "opus20c5": "Opus 20 ms, complexity 5"}


SOAK_LEAST_S = 1700  # below, its figures are not held against their goals


def number(value, digits=None):
    """1234567 as 1,234,567; few digits for what is small."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{k} {number(v)}" for k, v in value.items()) or "-"
    if digits is None:
        digits = 0 if isinstance(value, int) or abs(value) >= 100 else 2
    return f"{value:,.{digits}f}"


def runs(figure, digits=None):
    """`best (all of them)`; one run needs no brackets."""
    if not figure or figure["value"] is None:
        return "-"
    if len(figure["runs"]) == 1:
        return number(figure["value"], digits)
    return f"{number(figure['value'], digits)} ({', '.join(number(r, digits) for r in figure['runs'])})"


def percent(value, digits=1):
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def shown(name, value):
    if value is None:
        return "-"
    if name.endswith("_share") or name.endswith("_growth"):
        return percent(value, 3)
    return number(value)


def goal(name, value):
    """A bound as the table shows it."""
    return "-" if value is None else percent(value, 2) if name.endswith(("_share", "_growth")) else number(value, None if value % 1 else 0)


def machine(results, _figures, _top):
    m = results["machine"]
    kind = "a quick look: one run, coarse searches" if results["quick"] else f"best of {results['runs']} runs, all shown"
    text = (f"Measured {m['date']}, revision {m['revision']}: {kind}. {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, "
            f"Linux {m['kernel']}, {m['system']}. Stolen by other virtual machines: {number(results['stolen_ms'] / 1000, 1)} s of "
            f"{number(results['seconds'], 0)} s. Load of the machine before the run: {m['load_before']:.2f}.")
    if m["load_before"] > 0.3:
        text += " It had other work: absolute figures are low, and ratios less sure."
    if results.get("left_out"):
        text += f" Left out for lack of time: {'; '.join(results['left_out'])}."
    return text


def judgement(name, top, least, aim, more):
    """A soak of a minute shows that it runs, and little of memory."""
    short = name.startswith("soak_") and top["soak_seconds"] is not None and top["soak_seconds"] < SOAK_LEAST_S
    return "too short" if short else reached(name, top[name], least, aim, more)


def summary(_results, _figures, top):
    return table(["figure", "measured", "unit", "at least", "aim", "reached"],
                 [[words, shown(name, top[name]), "" if name.endswith(("_share", "_growth")) else unit, goal(name, least), goal(name, aim),
                   judgement(name, top, least, aim, more)] for name, words, unit, least, aim, more in GOALS])


def capacity(_results, figures, _top):
    rows = [[NAMES[n], runs(f["calls"]), f.get("limit", "-"), percent(f.get("cores"), 0), number(f.get("p99_ms")), runs(f["field"]),
             runs(f.get("raw")), runs(f.get("fastapi")), runs(f.get("node"))] for n, f in figures["shapes"].items()]
    return table(["shape", "Voxgate, calls", "full where it ended", "its CPU, of a core", "p99 ms", "field's measure", "raw epoll",
                  "FastAPI", "node"], rows)


def cost(_results, figures, _top):
    rows = [[NAMES[n], runs(f["held"]), runs(f["loop_us"]), percent(f["loop_kernel_share"]["value"], 0), runs(f["raw_us"]),
             runs(f["vs_raw"]), runs(f["media_us"], 0), percent(f["cores_at_60"]["value"], 0), runs(f["rss"]),
             f"{number(f['to_ring_p99_ms']['value'])}; {number(f['to_stt_p99_ms']['value'])}",
             percent(f["late_share"]["value"], 3), percent(f["agent_talks"]["value"], 0),
             f"{f['transcripts']['missing'] + f['transcripts']['wrong']} of {f['transcripts']['due']}"]
            for n, f in figures["shapes"].items()]
    return table(["shape", "calls", "loop us/frame", "of it kernel", "raw us/frame", "ratio", "media us/call/s", "all CPU, of a core",
                  "RSS bytes/call", "to its ring; to the recogniser, p99 ms", "late frames", "while the agent talks", "transcripts missing or wrong"], rows)


def rest(_results, figures, _top):
    r = figures.get("rest")
    rows = [["10,000 WebSocket calls set up, s", runs(figures.get("setup"))]]
    if r:
        note = " (core 1, where wrk runs, was the limit)" if r["get_core_1_full"] else ""
        rows += [["`GET /call/{id}` of a live call, requests/s" + note, runs(r["get_per_second"], 0)],
                 ["its p95 at 5,000 requests/s, ms", runs(r["p95_ms"])],
                 ["`POST /call/start`, calls/s with every row in PostgreSQL within 1 s", runs(r["start_per_second"], 0)],
                 ["`POST /call/start`, as fast as it answers, calls/s", runs(r["start_fastest"], 0)],
                 ["longest time from its answer to the row, s", runs(r["row_lag_s"])]]
    return table(["figure", "measured"], rows)


def endurance(_results, figures, _top):
    rows, s, o = [], figures.get("soak"), figures.get("overload")
    if s:
        rows += [[f"soak: {number(s['calls'])} calls for {s['seconds'] / 60:.0f} min, RSS growth after the first slice",
                  percent(s["rss_growth"], 3)], ["failed calls, gaps", f"{s['failed']}, {s['gaps']}"],
                 ["late frames; worst p99 of a slice, ms", f"{percent(s['late_share'], 4)}; {number(s['p99_ms'])}"]]
    if o:
        rows += [[f"overload: {number(o['asked'])} calls asked for where {number(o['admitted'])} are admitted, held", number(o["held"])],
                 ["refused with 503; of these without Retry-After", f"{number(o['refused'])}; {o['refused_without_retry_after']}"],
                 ["calls that failed otherwise", number(o["failed"])],
                 ["p99 before, during, after, ms", ", ".join(number(o[k]) for k in ("p99_before_ms", "p99_over_ms", "p99_after_ms"))],
                 ["p99 under 5 ms again after, s", "never" if o["recovered_s"] < 0 else number(o["recovered_s"], 1)]]
    return table(["figure", "measured"], rows) if rows else "Not measured in this run."


PARTS = {"machine": machine, "summary": summary, "capacity": capacity, "cost": cost, "rest": rest, "endurance": endurance}
TITLES = {"machine": "Machine", "summary": "Summary", "capacity": "Calls", "cost": "What a call costs at 60 % of that",
          "rest": "REST and setting up", "endurance": "A long time, and too much"}


def render(results, figures, top):
    """{part: Markdown}"""
    return {name: part(results, figures, top) for name, part in PARTS.items()}


def report(parts, plots):
    text = "# What this machine carries\n"
    for name, body in parts.items():
        text += f"\n## {TITLES[name]}\n\n{body}\n"
    return text + "".join(f"\n![{plot}]({plot})\n" for plot in plots)


def put_into(page, parts):
    """`page` with each part between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`."""
    for name, body in parts.items():
        page = re.sub(rf"(<!-- bench:{name} -->\n).*?(<!-- /bench:{name} -->)", lambda m, b=body: f"{m[1]}\n{b}\n\n{m[2]}", page,
                      flags=re.S)
    return page


assert set(NAMES) == set(SHAPES)
