"""The machine: which core belongs to whom, what it is, what others took of it."""
import os
import platform
import subprocess
import time

LOOP_CORE, OTHER_CORE = 0, 1
PRIORITY = -10  # where it is allowed


class Priority:
    """How servers and load stand against the machine's other work. `realtime`: before all of it, as root."""
    realtime = False

    @classmethod
    def prefix(cls):
        return ["chrt", "-r", "1"] if cls.realtime else ["nice", "-n", str(PRIORITY)] if os.geteuid() == 0 else []


def raise_priority(pid):
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), PRIORITY)
            if Priority.realtime:
                os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(1))
    except (PermissionError, ProcessLookupError):
        pass


def pin_gateway(pid):
    """The loop thread alone on its core, every other thread on the other one. Threads are known by their names."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as name:
            core = LOOP_CORE if name.read().startswith("loop") else OTHER_CORE
        os.sched_setaffinity(int(thread), {core})
    raise_priority(pid)


def on_other_core(*command):
    return [*Priority.prefix(), "taskset", "-c", str(OTHER_CORE), *command]


def stolen_ms():
    """By other virtual machines, all cores, since the start of this one."""
    with open("/proc/stat", encoding="ascii") as stat:
        return int(stat.readline().split()[8]) * 1000 / os.sysconf("SC_CLK_TCK")


def cores_busy_s():
    """Seconds of work that each core has done."""
    busy = []
    with open("/proc/stat", encoding="ascii") as stat:
        for line in stat:
            name, *ticks = line.split()
            if name.startswith("cpu") and name != "cpu":
                busy.append(sum(int(ticks[i]) for i in (0, 1, 2, 5, 6)) / os.sysconf("SC_CLK_TCK"))
    return busy


def _first_value(path, key):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith(key):
                return line.split(":" if ":" in line else "=", 1)[1].strip().strip('"')
    return "unknown"


def _revision(root):
    done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True,
                          check=False)
    return done.stdout.strip() or "unknown"


def describe(root):
    return {"cpu": _first_value("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
            "kernel": platform.release(), "system": _first_value("/etc/os-release", "PRETTY_NAME"),
            "load_before": os.getloadavg()[0], "revision": _revision(root),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
