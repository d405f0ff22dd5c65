# SPDX-License-Identifier: Apache-2.0
"""Processes that give no sign while others wait for them: they are told who it is, and nobody is given up."""
import random

import pytest
from actors import wait_for
from notices import STOP, notices, silence
from pool import G2H, KIB, PEER_LOST, TIMEOUT, create, make_pool
from sessions import start_store
from shared import start_shared

# At the level of log that programs begin with.
HASTY = {"MF_WAIT_NOTICE": "300ms"}
QUICK = {"MF_SUSPECT_AFTER": "300ms", "MF_WAIT_NOTICE": "300ms", "MF_LOG_LEVEL": "info"}


def test_a_stop_of_ten_seconds_evicts_nobody(harness):
    """Though the limit of silence is a third of it: the host of the stopped process answers for it."""
    environment = {**QUICK, "MF_EVICT_AFTER": "3s"}
    shared = start_shared(harness, 3, environment=environment)
    shared.all("shm_barrier")
    one, two, stopped = shared.actors
    stopped.stop()
    for actor in (one, two):
        actor.send("shm_barrier", shared(actor))
    wait_for(lambda: silence(one) >= STOP and silence(two) >= STOP, "the stop to have lasted", 3 * STOP)
    line = notices(one, "no sign")[-1]
    for part in ("warning", "barrier of group", "2 of 3 ranks came", "missing: rank 2", f"pid {stopped.pid}",
                 "its host answers"):
        assert part in line, line
    stopped.resume()
    stopped.call("shm_barrier", shared(stopped))
    for actor in (one, two):
        actor.expect_ok()
    shared.all("shm_barrier")


def test_a_deadline_names_the_stopped_process(harness):
    shared = start_shared(harness, 2, timeouts=(60, 60, 2), environment=QUICK)
    one, stopped = shared.actors
    shared.all("shm_barrier")
    stopped.stop()
    one.fails(TIMEOUT, "shm_barrier", shared(one),
              naming=["missing: rank 1", f"pid {stopped.pid}", "given no sign for", "stopped"])
    stopped.resume()
    stopped.send("shm_barrier", shared(stopped))
    one.call("shm_barrier", shared(one))
    stopped.expect_ok()


def test_whoever_is_just_late_is_named_and_not_suspect(harness):
    shared = start_shared(harness, 3, environment=QUICK)
    one, two, late = shared.actors
    for actor in (one, two):
        actor.send("shm_barrier", shared(actor))
    for actor in (one, two):
        wait_for(lambda: notices(actor, "missing: rank 2", f"pid {late.pid}"), "a word on whom it waits for", 30)
        assert not notices(actor, "no sign")
    # Of the ranks of a host the first one warns.
    wait_for(lambda: notices(one, "warning", "missing: rank 2"), "a warning", 30)
    late.call("shm_barrier", shared(late))
    for actor in (one, two):
        actor.expect_ok()
    assert not notices(two, "warning", "missing: rank 2;")


def test_a_rank_that_never_comes_is_told_at_the_default_level_of_the_log(harness):
    shared = start_shared(harness, 2, environment=HASTY)
    one, late = shared.actors
    one.send("shm_barrier", shared(one))
    wait_for(lambda: notices(one, "warning", "missing: rank 1", f"pid {late.pid} on host", "at 127.0.0.1"), "a warning", 30)
    late.call("shm_barrier", shared(late))
    one.expect_ok()


def test_ranks_that_never_come_are_counted(harness):
    one, *_ = harness.actors(1, HASTY)
    one.call("shm_config_init")
    one.call("shm_timeouts", 60, 2, 2)
    one.send("shm_init", harness.url, 2, 0, 0)
    one.expect_ok(60)
    one.send("shm_create", 0, 2, 0, 2 << 20, 1, 0)
    wait_for(lambda: notices(one, "warning", "SHM 0", "1 of 2 ranks came so far", "missing: rank 1"), "a word", 30)
    answer = one.answer(60)
    assert not answer.ok and "missing: rank 1" in answer.text


def test_a_store_that_is_not_there_is_told(harness):
    (one,) = harness.actors(1, HASTY)
    harness.init(one, 0, 2, wait=False, startConfigStore=False, initTimeout=3)
    wait_for(lambda: notices(one, "warning", harness.url.removeprefix("tcp://")), "a word", 30)
    line = notices(one)[0]
    assert "Connection refused" in line and "no store listens there" in line, line
    assert not one.answer(60).ok


def test_a_store_that_was_killed_is_told(harness):
    store = start_store(harness)
    one, two = harness.actors(2, HASTY)
    for rank, actor in enumerate((one, two)):
        harness.init(actor, rank, 2, wait=False, startConfigStore=False)
    for actor in (one, two):
        actor.expect_ok(60)
    pool = make_pool([one, two])
    store.kill()
    one.send("leave", pool.handle(one), 0)
    wait_for(lambda: notices(one, "warning", "broke", "Connection refused"), "a word", 30)
    line = notices(one, "Connection refused")[0]
    assert harness.url.removeprefix("tcp://") in line and "s ago" in line, line
    start_store(harness)
    one.expect_ok(60)


@pytest.mark.parametrize("count", [2, 8])
def test_several_that_die_at_once_are_all_named(harness, count):
    shared = start_shared(harness, 2 + count)
    shared.all("shm_barrier")
    one, two, *victims = shared.actors
    for victim in victims:
        victim.popen.kill()
    for victim in victims:
        victim.kill()
    wait_for(lambda: all(one.value("shm_reach", shared(one), rank) == 0 for rank in range(2, 2 + count)),
             "the losses to be noticed", 10)
    ranks = "rank 2, 3 of 4" if count == 2 else f"rank 2-{1 + count} of {2 + count}"
    for actor in (one, two):
        actor.fails(PEER_LOST, "shm_barrier", shared(actor), naming=[ranks, *(f"pid {v.pid}" for v in victims)])


def test_joins_leaves_and_deaths_in_any_order_leave_the_others_alone(harness):
    """Each turn somebody leaves, comes back, dies or is replaced, as a seeded generator says; whoever is in
    is reached by all who are in, and nobody else is."""
    generator = random.Random(20261121)
    count, turns = 5, 40
    store = harness.actor()
    store.call("create_store", harness.url)
    settings = {"startConfigStore": False}
    actors = harness.actors(count)
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, count, **settings)
    pool = make_pool(actors)
    inside = set(range(count))
    for turn in range(turns):
        rank = generator.randrange(count)
        actor = pool.actors[rank]
        if rank not in inside:
            actor.call("join", pool.handle(actor), 0)
            inside.add(rank)
        elif generator.random() < 0.5:
            actor.call("leave", pool.handle(actor), 0)
            inside.discard(rank)
        else:
            actor.kill()
            successor = harness.actor()
            harness.init(successor, rank, count, **settings)
            create(successor, members=count)
            successor.call("join", successor.handles[0], 0)
            pool.actors[rank] = successor
        for member in sorted(inside):
            one = pool.actors[member]
            one.call("fill", pool.region(member), 4 * KIB, turn + member)
        for member in sorted(inside):
            one = pool.actors[member]
            buffer = one.value("alloc", 4 * KIB)
            for other in range(count):
                words = ("copy", pool.handle(one), G2H, 0, buffer, pool.region(other), 4 * KIB)
                if other in inside:
                    one.call(*words)
                    one.call("check", buffer, 4 * KIB, turn + other)
                else:
                    one.fails(PEER_LOST, *words, naming=f"rank {other}")
            one.call("free", buffer)
