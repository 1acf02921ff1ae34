"""How many calls of a shape each server carries, and what a call costs at 60 % of that."""
import os

from contenders import PEERS, Peer, Voxgate
from figures import last_step

TALKING = ["--agent-talk", "30"]  # the agent talks 30 % of the time; else it gives short answers
SHAPES = {  # name in the report -> shape of `voxgate bench`, settings of the gateway, options of the load
    "json250": ("json250", {}, []),
    "json100": ("json100", {}, []),
    "pcm20": ("pcm20", {}, []),
    "pcm60": ("pcm60", {}, []),
    "pcm100": ("pcm100", {}, []),
    "pcmu20": ("pcmu20", {}, []),
    "opus20": ("opus20", {"VOXGATE_OPUS_COMPLEXITY": "0"}, TALKING),
    "opus20c5": ("opus20", {"VOXGATE_OPUS_COMPLEXITY": "5"}, TALKING),
}
QUICK_SHAPES = ["json250", "pcm20", "opus20"]
COMPARED = ["json250", "pcm20"]  # with other stacks
SHARE = 0.6  # of the capacity, where the cost of a call is looked at
LEAST = 100  # calls that it is looked at, also where no load was good


def gateway_run(load, servers, name, guess, calls, *more, env=None):
    """One run against a gateway of its own. `calls`: that many; None: the capacity."""
    shape, settings, options = SHAPES[name]
    what = ["--calls", str(calls)] if calls else ["--search", *(["--calls", str(guess)] if guess else [])]
    with Voxgate(servers, load.program, {**settings, **(env or {})}) as gateway:
        return load.paced(f"Voxgate {name}", gateway.bench_env(), "--shape", shape, "--pid", str(gateway.pid), *options,
                          *what, *more)


def peer_run(load, peer, name, guess=None, calls=None, says=()):
    what = ["--calls", str(calls)] if calls else ["--search", *(["--calls", str(guess)] if guess else [])]
    with Peer(peer, os.path.dirname(load.program), says) as server:
        return load.paced(f"{PEERS[peer]} {name}", dict(os.environ), "--shape", SHAPES[name][0], "--ws-url", server.url,
                          "--pid", str(server.process.pid), *what)


def _said(result):
    """Frames of audio for each reply frame and for each other message of a run: what the floor sends beside it."""
    step = last_step(result)
    if not step or not step["frames_sent"]:
        return ()
    notes = step["messages"] - step["pongs"] - step["reply_frames"]
    return [max(1, round(step["frames_sent"] / n)) if n > 0 else 0 for n in (step["reply_frames"], notes)]


def _near(found):
    """Where the next search begins, when the last one ended there."""
    return int(found["capacity"] * 0.9) if found and found["capacity"] else None


def measure(load, servers, name, peers):
    """All runs of a shape, one server after the other in each of them, so that they see the same machine."""
    runs, guess = [], {}
    for _ in range(load.plan.runs):
        run = {"search": gateway_run(load, servers, name, guess.get("voxgate"), None)}
        runs.append(run)
        guess["voxgate"] = _near(run["search"])
        calls = max(LEAST, int(run["search"]["capacity"] * SHARE)) if run["search"] else LEAST
        run["step"] = gateway_run(load, servers, name, None, calls)
        if "raw" in peers and not name.startswith("opus"):  # the floor has no codec
            run["raw"] = peer_run(load, "raw", name, calls=calls, says=_said(run["step"]))
        if name in COMPARED:  # short answers are over before pacing begins
            run["talking"] = gateway_run(load, servers, name, None, calls, *TALKING)
        for peer in peers:
            if name in COMPARED and (peer != "raw" or not load.plan.quick) and load.plan.has_time_for_peer(f"{PEERS[peer]}, {name}"):
                run[f"{peer}_search"] = peer_run(load, peer, name, guess.get(peer))
                guess[peer] = _near(run[f"{peer}_search"])
    return runs
