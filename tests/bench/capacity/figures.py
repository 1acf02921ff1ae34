"""From the runs of a report to its figures. Pure: no server, no clock, so that a report can be made again from its file.

A figure is {"value", "runs", ...}: the best of the runs that gave one, and all of them (None: that run gave none)."""

BUSY = 0.95  # share of a core's time from which on it counts as full
FOREIGN = 0.2  # share of the loop's core that is not the loop's: interrupts of the network take some, the rest is other work


def best(runs, better=max):
    there = [r for r in runs if r is not None]
    return {"value": better(there) if there else None, "runs": runs}


def last_step(result):
    return result["steps"][-1] if result and result.get("steps") else None


def ratio(over, under):
    return over / under if over is not None and under else None


def total_cores(step):
    return step["loop"]["cores"] + step["media"]["cores"] + step["other"]["cores"]


def limit(search):
    """What was full where the load first was too much: in words for the report."""
    over = [s for s in search["steps"] if s["verdict"] != "good" and s["held"] >= search["capacity"]]
    if not over:
        return "none was reached"
    step = min(over, key=lambda s: s["calls"])
    loop, other = (step["cores_busy"] + [0, 0])[:2]
    if loop >= BUSY and loop - step["loop"]["cores"] > FOREIGN:
        return "the machine had other work"
    if loop >= BUSY:
        return "loop core" if other < BUSY else "both cores"
    return "core 1" if other >= BUSY or step["client_bound"] else "neither core"


def capacity_of(run, key="search"):
    return run[key]["capacity"] if run.get(key) else None


def shape_figures(runs):
    """All of one shape: capacity and its limit, cost of a call at 60 %, peers."""
    figures = {"calls": best([capacity_of(r) for r in runs]),
               "field": best([r["search"]["field_capacity"] if r.get("search") else None for r in runs])}
    top = max((r for r in runs if r.get("search")), key=capacity_of, default=None)
    if top:
        search = top["search"]
        at = next((s for s in search["steps"] if s["verdict"] == "good" and s["held"] == search["capacity"]), None)
        figures["limit"] = limit(search)
        if at:
            figures.update(cores=total_cores(at), p99_ms=at["ping"]["p99_ms"], turn_p95_ms=at["turn"]["p95_ms"])
    steps = [last_step(r.get("step")) for r in runs]

    def of(get, better=min):
        return best([get(s) if s else None for s in steps], better)
    figures["held"] = of(lambda s: s["held"], max)
    figures["good_at_60"] = all(s is None or s["verdict"] == "good" for s in steps)
    figures["loop_us"] = of(lambda s: s["loop"]["us_per_frame"])
    figures["loop_kernel_share"] = of(lambda s: 1 - s["loop"]["user_share"])
    figures["media_us"] = of(lambda s: s["media"]["us_per_call_second"])
    figures["cores_at_60"] = of(total_cores)
    figures["rss"] = of(lambda s: s["rss_per_call_bytes"])
    talking = [last_step(r.get("talking") or r.get("step")) for r in runs]
    figures["late_share"] = best([ratio(s["late_frames"], s["reply_frames"]) if s else None for s in talking], min)
    figures["agent_talks"] = best([s["agent_talk_share"] if s else None for s in talking])
    figures["setup_per_second"] = of(lambda s: s["setup_per_second"], max)
    figures["to_ring_p99_ms"] = of(lambda s: s.get("frame_to_ring", {}).get("p99_ms"))
    figures["to_stt_p99_ms"] = of(lambda s: s.get("frame_to_stt", {}).get("p99_ms"))
    floors = [last_step(r.get("raw")) for r in runs]
    figures["raw_us"] = best([f["loop"]["us_per_frame"] if f else None for f in floors], min)
    figures["vs_raw"] = best([ratio(s["loop"]["us_per_frame"], f["loop"]["us_per_frame"]) if s and f else None
                              for s, f in zip(steps, floors)], min)
    heard = [r["step"] for r in runs if r.get("step")]
    figures["transcripts"] = {"due": sum(r["transcripts_due"] for r in heard),
                              "missing": sum(r["transcripts_missing"] for r in heard),
                              "wrong": sum(r["transcripts_wrong"] for r in heard)}
    for peer in ("raw", "fastapi", "node"):
        others = [capacity_of(r, f"{peer}_search") for r in runs]
        if any(o is not None for o in others):
            figures[peer] = best(others)
            figures[f"vs_{peer}"] = best([ratio(capacity_of(r), o) for r, o in zip(runs, others)])
    return figures


def _in_time(tried):
    """The fastest of the runs whose rows came in time."""
    rates = [t["good_per_second"] for t in tried
             if t and not t["refused"] and not t["broken"] and t["row_lag_s"] is not None and t["row_lag_s"] <= 1]
    return max(rates, default=None)


def rest_figures(rest):
    paced = rest["get_paced"]
    return {"get_per_second": best([r and r["per_second"] for r in rest["get_fast"]]),
            "get_core_1_full": any(r and r["cores_busy"][0] < BUSY <= r["cores_busy"][1] for r in rest["get_fast"]),
            "p95_ms": best([r["latency"]["p95_ms"] if r and not r["refused"] and not r["broken"] and
                            r["good_per_second"] >= 0.99 * r["rate"] else None for r in paced], min),
            "start_per_second": best([_in_time(tried) for tried in rest["start"]]),
            "start_fastest": best([t[0] and t[0]["good_per_second"] for t in rest["start"]]),
            "row_lag_s": best([t[-1] and t[-1]["row_lag_s"] for t in rest["start"]], min)}


def setup_figure(runs):
    return best([r["setup_seconds"] if r and not r["failed"] and r["setup_seconds"] > 0 else None for r in runs], min)


def soak_figures(result):
    if not result:
        return None
    steps = result["steps"]
    replies = sum(s["reply_frames"] for s in steps)
    return {"seconds": sum(s["seconds"] for s in steps), "calls": steps[0]["calls"], "rss_growth": result["soak_rss_growth"],
            "rss_by_slice": [s["rss_bytes"] for s in steps], "failed": result["failed"],
            "late_share": ratio(sum(s["late_frames"] for s in steps), replies), "gaps": sum(s["gaps"] for s in steps),
            "p99_ms": max(s["ping"]["p99_ms"] for s in steps)}


REFUSALS = ("refused_capacity", "refused_limit")


def overload_figures(result):
    if not result or len(result["steps"]) < 3:
        return None
    before, over, after = result["steps"][:3]
    return {"admitted": before["calls"], "asked": over["calls"], "held": over["held"],
            "refused": over["failures"]["refused_capacity"], "refused_without_retry_after": result["refused_without_retry_after"],
            "failed": sum(n for k, n in result["failures"].items() if k not in REFUSALS),
            "p99_before_ms": before["ping"]["p99_ms"], "p99_over_ms": over["ping"]["p99_ms"],
            "p99_after_ms": after["ping"]["p99_ms"], "recovered_s": result["recovered_seconds"]}


def compute(results):
    """{"shapes": by name, "rest", "setup", "soak", "overload"}, each where it was measured."""
    figures = {"shapes": {name: shape_figures(runs) for name, runs in results.get("shapes", {}).items()}}
    if results.get("rest"):
        figures["rest"] = rest_figures(results["rest"])
    if results.get("setup"):
        figures["setup"] = setup_figure(results["setup"])
    figures["soak"] = soak_figures(results.get("soak"))
    figures["overload"] = overload_figures(results.get("overload"))
    return figures


def _value(figures, *path):
    for name in path:
        figures = figures.get(name) if figures else None
    return figures["value"] if isinstance(figures, dict) and "value" in figures else figures


def _worst(figures, name, shapes=("json250", "pcm20")):
    values = [_value(figures, "shapes", s, name) for s in shapes]
    return max((v for v in values if v is not None), default=None)


def top_level(figures):
    """The figures of the summary as plain numbers, None where one was not measured."""
    shapes = figures["shapes"]
    return {
        "json_250ms_calls": _value(shapes, "json250", "calls"),
        "binary_20ms_calls": _value(shapes, "pcm20", "calls"),
        "opus_20ms_calls": _value(shapes, "opus20", "calls"),
        "opus_20ms_calls_complexity_5": _value(shapes, "opus20c5", "calls"),
        "cpu_per_frame_vs_raw": {n: _value(f, "vs_raw") for n, f in shapes.items() if _value(f, "vs_raw") is not None},
        "media_us_per_call_s": _worst(figures, "media_us"),
        "vs_python_json250": _value(shapes, "json250", "vs_fastapi"),
        "vs_python_pcm20": _value(shapes, "pcm20", "vs_fastapi"),
        "vs_node_json250": _value(shapes, "json250", "vs_node"),
        "vs_node_pcm20": _value(shapes, "pcm20", "vs_node"),
        "rss_per_call_bytes": _value(shapes, "json250", "rss"),
        "setup_10000_calls_s": _value(figures, "setup"),
        "rest_get_call_per_s": _value(figures, "rest", "get_per_second"),
        "rest_p95_ms_at_5000": _value(figures, "rest", "p95_ms"),
        "call_start_per_s": _value(figures, "rest", "start_per_second"),
        "call_start_row_lag_s": _value(figures, "rest", "row_lag_s"),
        "soak_seconds": _value(figures, "soak", "seconds"),
        "soak_rss_growth": _value(figures, "soak", "rss_growth"),
        "soak_failed_calls": _value(figures, "soak", "failed"),
        "late_downlink_share": _worst(figures, "late_share", tuple(shapes)),
        "overload_recovered_s": _value(figures, "overload", "recovered_s"),
        "field_calls": {n: _value(f, "field") for n, f in shapes.items()},
        "calls_by_shape": {n: _value(f, "calls") for n, f in shapes.items()},
    }
