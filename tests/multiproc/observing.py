# SPDX-License-Identifier: Apache-2.0
"""What `mf top` says of the processes of a test."""
import json
import subprocess

from actors import BUILD
from pool import H2G


def mf(harness, *words, prefix=(), check=True):
    run = subprocess.run([*prefix, BUILD / "bin" / "mf", *map(str, words)], env=harness.environment(), capture_output=True,
                         text=True, timeout=60, check=False)
    assert not check or run.returncode == 0, run.stderr
    return run.stdout


def look(harness, *actors, prefix=()):
    """What `mf top` says of the actors, in their order; None for those that it does not see."""
    seen = {process["pid"]: process for process in json.loads(mf(harness, "top", "--json", prefix=prefix))["processes"]}
    return [seen.get(actor.pid) for actor in actors]


def counted(process, operation, path=None):
    """Operations and bytes by peer."""
    return {
        count["peer"]: (count["operations"], count["bytes"])
        for count in process["counters"]
        if count["operation"] == operation and path in (None, count["path"])
    }


def measured(process, operation, path):
    times = [time for time in process["latencies"] if time["operation"] == operation and time["path"] == path]
    return times[0]["measured"] if times else 0


def copies(actor, pool, rank, sizes, type=H2G):
    buffer = actor.value("alloc", max(sizes))
    for size in sizes:
        ends = (pool.region(rank), buffer) if type == H2G else (buffer, pool.region(rank))
        actor.call("copy", pool.handle(actor), type, 0, *ends, size)
