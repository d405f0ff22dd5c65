# SPDX-License-Identifier: Apache-2.0
"""Idle costs nothing: a rank that waits for nobody uses no processor time and hardly ever wakes up."""
import os
import re
import select

import pytest

from actors import sanitizer
from pool import G2H, H2G, MIB, start_pool

WINDOW = 1.0  # seconds
TICKS_MAX = 2  # of processor time, of all threads: 10 ms each on most machines
SWITCHES_MAX = 20  # voluntary ones: times that a thread woke up and went to sleep again

pytestmark = pytest.mark.skipif(
    sanitizer() == "thread", reason="ThreadSanitizer has a thread of its own that wakes up ten times a second"
)


def cost(actor):
    """Ticks and voluntary context switches of each thread so far."""
    found = {}
    for thread in os.listdir(f"/proc/{actor.pid}/task"):
        folder = f"/proc/{actor.pid}/task/{thread}"
        with open(f"{folder}/stat", encoding="utf-8") as file:
            head, _, rest = file.read().rpartition(")")
        with open(f"{folder}/status", encoding="utf-8") as file:
            switches = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.MULTILINE)
        fields = rest.split()
        found[thread] = (head.partition("(")[2], int(fields[11]) + int(fields[12]), int(switches[1]))
    return found


def check_idle(actors):
    """Nobody says anything during the window, and nobody does anything."""
    before = [cost(actor) for actor in actors]
    spoke = select.select([actor.popen.stdout for actor in actors], [], [], WINDOW)[0]
    assert not spoke
    for actor, earlier in zip(actors, before):
        later = cost(actor)
        assert later.keys() == earlier.keys(), "threads came or went"
        threads = {
            f"{name} {thread}": (ticks - earlier[thread][1], switches - earlier[thread][2])
            for thread, (name, ticks, switches) in later.items()
        }
        assert sum(ticks for ticks, _ in threads.values()) <= TICKS_MAX, threads
        assert sum(switches for _, switches in threads.values()) < SWITCHES_MAX, threads


def test_a_rank_that_has_copied_and_waits_costs_nothing(harness):
    """The first rank serves the store too; both have started their helper threads, for large copies and for
    asynchronous ones."""
    pool = start_pool(harness, 2, dram=64 * MIB)
    for actor in pool.actors:
        buffer = actor.value("alloc", 64 * MIB)
        other = pool.region(1 - actor.rank)
        for flags in (0, 1):
            actor.call("copy", pool.handle(actor), H2G, flags, other, buffer, 64 * MIB)
            actor.call("copy", pool.handle(actor), G2H, flags, buffer, other, 64 * MIB)
            actor.call("wait", pool.handle(actor))
        names = [name for name, _, _ in cost(actor).values()]
        assert "mf-copy" in names or os.cpu_count() == 1
        assert "mf-async" in names
    check_idle(pool.actors)


def test_many_idle_ranks_cost_nothing(harness):
    check_idle(start_pool(harness, 16).actors)
