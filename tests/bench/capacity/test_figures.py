"""The arithmetic of the report: which run counts, what was full, what is held against which goal, what the page says."""
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "lib")]
import figures  # noqa: E402
import goals  # noqa: E402
import rest  # noqa: E402
import tables  # noqa: E402


def step(calls, verdict="good", cores_busy=(0.5, 0.5), loop_us=10.0, late=0, held=None, client_bound=False, loop_cores=0.9):
    part = {"cores": loop_cores, "us_per_frame": loop_us, "us_per_call_second": 50.0, "user_share": 0.4}
    return {"calls": calls, "held": calls if held is None else held, "verdict": verdict, "client_bound": client_bound,
            "cores_busy": list(cores_busy), "loop": part, "media": part, "other": part, "ping": {"p99_ms": 1.5},
            "turn": {"p95_ms": 600}, "rss_per_call_bytes": 30000, "frame_to_ring": {"p99_ms": 0.5}, "frame_to_stt": {"p99_ms": 12.0}, "late_frames": late, "reply_frames": 1000,
            "agent_talk_share": 0.3, "setup_per_second": 900.0, "seconds": 5.0, "gaps": 0, "rss_bytes": 10 << 20,
            "failures": {"refused_capacity": 0, "refused_limit": 0, "closed": 0}}


def found(*steps, field=0):
    return {"capacity": max((s["held"] for s in steps if s["verdict"] == "good"), default=0), "field_capacity": field,
            "steps": list(steps), "transcripts_due": 10, "transcripts_missing": 0, "transcripts_wrong": 0}


def run(capacity, loop_us=10.0, raw_us=8.0, python=None):
    return {"search": found(step(capacity), step(capacity * 2, "ping p99", (0.99, 0.6)), field=capacity + 1),
            "step": found(step(capacity * 6 // 10, loop_us=loop_us)), "raw": found(step(capacity * 6 // 10, loop_us=raw_us)),
            "talking": found(step(capacity * 6 // 10, late=2)), **({"fastapi_search": found(step(python))} if python else {})}


class Runs(unittest.TestCase):
    def test_the_best_run_counts_and_all_are_kept(self):
        shape = figures.shape_figures([run(1000, 12.0), run(1500, 11.0), run(1200, 10.0)])
        self.assertEqual(shape["calls"], {"value": 1500, "runs": [1000, 1500, 1200]})
        self.assertEqual(shape["field"]["value"], 1501)
        self.assertEqual(shape["loop_us"], {"value": 10.0, "runs": [12.0, 11.0, 10.0]})

    def test_the_ratio_is_taken_within_a_run(self):
        shape = figures.shape_figures([run(1000, 12.0, 10.0, python=500), run(1000, 9.0, 5.0, python=100)])
        self.assertEqual(shape["vs_raw"], {"value": 1.2, "runs": [1.2, 1.8]})
        self.assertEqual(shape["vs_fastapi"], {"value": 10, "runs": [2, 10]})

    def test_late_frames_are_those_of_an_agent_who_talks(self):
        self.assertEqual(figures.shape_figures([run(1000)])["late_share"]["value"], 0.002)

    def test_a_run_that_failed_gives_no_figure_and_breaks_nothing(self):
        shape = figures.shape_figures([{"search": None}, run(800)])
        self.assertEqual(shape["calls"], {"value": 800, "runs": [None, 800]})
        nothing = figures.shape_figures([{"search": found(step(10, "lost frames"))}])
        self.assertEqual((nothing["calls"]["value"], nothing["loop_us"]["value"]), (0, None))

    def test_what_was_full_is_said(self):
        def limit(busy, client_bound=False):
            return figures.limit(found(step(100), step(200, "ping p99", busy, client_bound=client_bound)))
        self.assertEqual(limit((0.97, 0.5)), "loop core")
        self.assertEqual(limit((0.6, 0.99)), "core 1")
        self.assertEqual(limit((0.6, 0.7), client_bound=True), "core 1")
        self.assertEqual(limit((0.97, 0.98)), "both cores")
        self.assertEqual(limit((0.6, 0.7)), "neither core")
        crowded = found(step(100), step(200, "ping p99", (0.99, 0.5), loop_cores=0.3))
        self.assertEqual(figures.limit(crowded), "the machine had other work")
        self.assertEqual(figures.limit(found(step(100))), "none was reached")


class Requests(unittest.TestCase):
    def test_the_lag_is_that_of_the_row_that_came_last(self):
        answers = {"timeline_us": 20000, "begun_mono_us": 100_000_000, "timeline_good": [5, 5, 0, 5]}
        seen = [(100.01, 0), (100.1, 10), (100.9, 15)]
        self.assertAlmostEqual(rest.lag_s(answers, seen), 0.84)
        self.assertIsNone(rest.lag_s(answers, seen[:2]))

    def test_a_rate_counts_only_if_its_rows_were_in_time_and_nothing_was_refused(self):
        def tried(rate, lag, refused=0):
            return {"good_per_second": rate, "row_lag_s": lag, "refused": refused, "broken": 0}
        self.assertEqual(figures._in_time([tried(9000, 3.0), tried(7000, 1.2), tried(5000, 0.4)]), 5000)
        self.assertIsNone(figures._in_time([tried(9000, None), tried(5000, 0.1, refused=1)]))


class Goals(unittest.TestCase):
    def test_a_figure_is_held_against_both_bounds(self):
        judged = [goals.reached("x_calls", v, 6000, 8000, True) for v in (8000, 6000, 5999, None)]
        self.assertEqual(judged, ["aim", "yes", "MISSED", "not measured"])
        self.assertEqual([goals.reached("x_us", v, 90, 60, False) for v in (60, 61, 91)], ["aim", "yes", "MISSED"])

    def test_of_several_shapes_the_worst_counts(self):
        self.assertEqual(goals.reached("x", {"json250": 1.2, "pcm20": 1.7}, 1.6, 1.3, False), "MISSED")
        self.assertEqual(goals.reached("x", {}, 1.6, 1.3, False), "not measured")

    def test_what_never_came_back_is_missed(self):
        self.assertEqual(goals.reached("overload_recovered_s", -1, 5, None, False), "MISSED")
        self.assertEqual(goals.reached("overload_recovered_s", 1.0, 5, None, False), "yes")


class Report(unittest.TestCase):
    def results(self):
        over = [step(100), step(150, held=100), step(60)]
        over[1]["failures"]["refused_capacity"] = 40
        return {"quick": True, "runs": 1, "seconds": 60.0, "stolen_ms": 100.0, "left_out": ["soak"],
                "machine": {"date": "2026-01-01", "revision": "abc", "cpu": "X", "cores": 2, "memory_gib": 4, "kernel": "6", "system": "D",
                            "load_before": 0.1},
                "shapes": {"json250": [run(6000, python=2000)], "pcm20": [run(1500, python=500)]},
                "overload": {"steps": over, "failures": {"refused_capacity": 41, "closed": 0}, "refused_without_retry_after": 0, "recovered_seconds": 1.0},
                "soak": {"steps": [step(60), step(60)], "soak_rss_growth": 0.001, "failed": 0},
                "setup": [{"setup_seconds": 3.5, "failed": 0}]}

    def test_the_top_level_is_plain_numbers_and_serialises(self):
        top = figures.top_level(figures.compute(self.results()))
        json.dumps(top, allow_nan=False)
        self.assertEqual((top["json_250ms_calls"], top["binary_20ms_calls"], top["opus_20ms_calls"]), (6000, 1500, None))
        self.assertEqual(top["cpu_per_frame_vs_raw"], {"json250": 1.25, "pcm20": 1.25})
        self.assertEqual((top["rss_per_call_bytes"], top["vs_python_json250"], top["setup_10000_calls_s"]), (30000, 3, 3.5))
        self.assertEqual((top["late_downlink_share"], top["overload_recovered_s"], top["soak_failed_calls"]), (0.002, 1.0, 0))
        self.assertIsNone(top["rest_get_call_per_s"])
        self.assertTrue({name for name, *_ in goals.GOALS} <= top.keys())

    def test_a_short_soak_is_not_held_against_the_goal_of_a_long_one(self):
        results = self.results()
        computed = figures.compute(results)
        summary = tables.summary(results, computed, figures.top_level(computed))
        self.assertRegex(summary, r"RSS growth after warm-up +\|.*too short")
        results["soak"]["steps"] = [{**step(60), "seconds": 180.0} for _ in range(10)]
        computed = figures.compute(results)
        self.assertNotIn("too short", tables.summary(results, computed, figures.top_level(computed)))

    def test_tables_go_between_the_markers_of_a_page_and_can_go_there_again(self):
        results = self.results()
        computed = figures.compute(results)
        parts = tables.render(results, computed, figures.top_level(computed))
        page = "before\n<!-- bench:summary -->\nold\n<!-- /bench:summary -->\nbetween\n<!-- bench:machine -->\n<!-- /bench:machine -->\nafter\n"
        once = tables.put_into(page, parts)
        self.assertEqual(tables.put_into(once, parts), once)
        self.assertNotIn("old", once)
        for text in ("before", "between", "after", "| JSON 250 ms calls ", "Left out for lack of time: soak"):
            self.assertIn(text, once)
        self.assertIn("0 of 10", parts["cost"])
        self.assertIn("100", parts["endurance"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
