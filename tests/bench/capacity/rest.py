"""REST: a live call read as fast as it goes (wrk) and at a pace, calls started as fast as it goes with the time until
their rows are in PostgreSQL."""
import asyncio
import threading
import time

import psycopg2

from voxgate_harness import Call

from contenders import Voxgate
from load import wrk

PACE = 5000  # requests a second
LAG_MAX_S = 1.0
POLL_S = 0.05
DRAIN_S = 60


def read_fast(load, servers):
    with Voxgate(servers, load.program) as gateway:
        rest = gateway.rest(gateway.new_tenant("Bench"))

        async def hold_and_read():
            call = await Call.start(rest)
            url = f"{gateway.url}/call/{call.call_id}"
            print(f"\n== wrk GET {url}", flush=True)
            figures = await asyncio.to_thread(wrk, url, rest.token, load.plan.rest_s)
            await call.hang_up()
            return figures
        return asyncio.run(hold_and_read())


def read_paced(load, servers):
    with Voxgate(servers, load.program) as gateway:
        return load.run("GET /call/{id}, paced", gateway.bench_env(), "--rest", "get-call", "--rate", str(PACE), "--duration",
                        str(load.plan.rest_s), "--pid", str(gateway.pid), calls=False)


class RowWatch(threading.Thread):
    """Counts the calls in PostgreSQL again and again: [(time, rows)]."""

    def __init__(self, database_url):
        super().__init__(daemon=True)
        self.connection = psycopg2.connect(database_url.replace("//vg_login@", "//postgres@"))
        self.connection.autocommit = True
        self.seen = []
        self.wanted = None  # ends when so many are there
        self.give_up_at = None

    def run(self):
        with self.connection.cursor() as cursor:
            while True:
                cursor.execute("select count(*) from calls")
                rows = cursor.fetchone()[0]
                self.seen.append((time.monotonic(), rows))
                if self.wanted is not None and (rows >= self.wanted or time.monotonic() > self.give_up_at):
                    break
                time.sleep(POLL_S)
        self.connection.close()

    def finish(self, wanted):
        self.give_up_at, self.wanted = time.monotonic() + DRAIN_S, wanted
        self.join()
        return self.seen


def lag_s(figures, seen):
    """The longest time from an answer to its row, rows taken to come in the order of the answers; None: some never came.
    Errs on the long side, by the length of the timeline's slots and of a poll."""
    slot_s, begun_s = figures["timeline_us"] / 1e6, figures["begun_mono_us"] / 1e6
    answered, longest, at = 0, 0.0, 0
    for slot, good in enumerate(figures["timeline_good"]):
        if not good:
            continue
        answered += good
        while at < len(seen) and seen[at][1] < answered:
            at += 1
        if at == len(seen):
            return None
        longest = max(longest, seen[at][0] - begun_s - slot * slot_s)
    return longest


def start_calls(load, servers, rate):
    """POST /call/start at `rate` a second, 0: as fast as it goes."""
    with Voxgate(servers, load.program) as gateway:
        watch = RowWatch(gateway.database_url)
        watch.start()
        figures = load.run("POST /call/start", gateway.bench_env(), "--rest", "start", "--rate", str(rate), "--duration",
                           str(load.plan.rest_s), "--pid", str(gateway.pid), calls=False)
        seen = watch.finish(figures["good"] if figures else 0)
    if figures:
        figures["row_lag_s"] = lag_s(figures, seen)
        del figures["timeline_good"]
        print(f"the last row came {_seconds(figures['row_lag_s'])} after its answer, at most", flush=True)
    return figures


def _seconds(value):
    return "never" if value is None else f"{value:.2f} s"


def start_fast(load, servers):
    """As fast as it goes; where rows then come late, paced ever slower until they come in time."""
    tried = [start_calls(load, servers, 0)]
    fastest = tried[0]["good_per_second"] if tried[0] else 0
    for share in (0.8, 0.6, 0.45, 0.3):
        lag = tried[-1] and tried[-1]["row_lag_s"]
        if not fastest or (lag is not None and lag <= LAG_MAX_S):
            break
        tried.append(start_calls(load, servers, int(fastest * share)))
    return tried


def measure(load, servers):
    return {"get_fast": [read_fast(load, servers) for _ in range(load.plan.runs)],
            "get_paced": [read_paced(load, servers) for _ in range(load.plan.runs)],
            "start": [start_fast(load, servers) for _ in range(load.plan.runs)]}
