"""What the figures are held against: (name at the top level, words, unit, at least, aim, whether more is better)."""

GOALS = [
    ("json_250ms_calls", "JSON 250 ms calls", "calls", 6000, 8000, True),
    ("binary_20ms_calls", "binary PCM 20 ms calls", "calls", 1500, 2500, True),
    ("opus_20ms_calls", "Opus 20 ms calls, agent talks 30 %, complexity 0", "calls", 500, 700, True),
    ("cpu_per_frame_vs_raw", "loop thread's CPU per frame against raw epoll", "x", 1.6, 1.3, False),
    ("media_us_per_call_s", "media thread's CPU per call and second", "us", 90, 60, False),
    ("vs_python_json250", "JSON 250 ms calls against the Python stack", "x", 2.4, 3.2, True),
    ("vs_python_pcm20", "binary 20 ms calls against the Python stack", "x", 2.7, 4, True),
    ("rss_per_call_bytes", "RSS per PCM call, 250 ms chunks", "bytes", 65536, 32768, False),
    ("setup_10000_calls_s", "10,000 WebSocket calls set up", "s", 10, 4, False),
    ("rest_get_call_per_s", "`GET /call/{id}` of a live call", "/s", 50000, 80000, True),
    ("rest_p95_ms_at_5000", "its p95 at 5,000 requests/s", "ms", 5, 1, False),
    ("call_start_per_s", "`POST /call/start`, rows in PostgreSQL within 1 s", "/s", 3000, 8000, True),
    ("soak_rss_growth", "soak at 60 %: RSS growth after warm-up", "share", 0.005, 0, False),
    ("soak_failed_calls", "soak at 60 %: failed calls", "calls", 0, 0, False),
    ("late_downlink_share", "downlink frames over 5 ms late at 60 %", "share", 0.001, 0.0001, False),
    ("overload_recovered_s", "after an overload: p99 under 5 ms again", "s", 5, None, False),
]


def reached(name, value, least, aim, more):
    """In a word; of a figure by shape the worst counts."""
    if isinstance(value, dict):
        value = (min if more else max)(value.values(), default=None)
    if value is None:
        return "not measured"
    if name.endswith("_s") and value < 0:  # a time after which it had not come
        return "MISSED"
    if aim is not None and (value >= aim if more else value <= aim):
        return "aim"
    return "yes" if (value >= least if more else value <= least) else "MISSED"
