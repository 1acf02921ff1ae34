"""Setting many calls up, a long time at 60 % of the capacity, and too much."""
from carry import SHARE, SHAPES
from contenders import Voxgate

SETUP_CALLS = 10000


def set_up(load, servers):
    with Voxgate(servers, load.program) as gateway:
        return load.run(f"{SETUP_CALLS} calls set up", gateway.bench_env(), "--setup", "--calls", str(SETUP_CALLS), "--ramp", "0",
                        "--pid", str(gateway.pid))


def soak(load, servers, name, capacity):
    shape, settings, options = SHAPES[name]
    with Voxgate(servers, load.program, settings) as gateway:
        return load.run(f"soak {name}", gateway.bench_env(), "--shape", shape, "--soak", f"{load.plan.soak_s}s", "--calls",
                        str(int(capacity * SHARE)), "--ramp", str(load.plan.ramp), "--pid", str(gateway.pid), *options)


def overload(load, servers, name, capacity):
    """Half as many again as the gateway admits, then 60 %."""
    shape, settings, options = SHAPES[name]
    with Voxgate(servers, load.program, {**settings, "VOXGATE_CALLS_MAX": str(capacity)}) as gateway:
        return load.paced(f"overload {name}", gateway.bench_env(), "--shape", shape, "--overload", "--calls", str(capacity),
                          "--pid", str(gateway.pid), *options)
