# SPDX-License-Identifier: Apache-2.0
"""Peers that die, stop or come back: survivors hear of it at once, never fault, and go on."""
import time

import pytest

from actors import Failed, slowness, together, wait_for
from pool import G2H, H2G, MIB, PEER_LOST, create, make_pool, start_pool


def becomes(actor, code, *words, within=1.0, naming=()):
    """The call gives `code` within a second of now; until then it may succeed."""
    deadline = time.monotonic() + within * slowness()
    while True:
        answer = actor.ask(*words)
        if not answer.ok:
            assert answer.code == code, answer
            for part in naming:
                assert part in answer.text, answer
            return
        if time.monotonic() > deadline:
            raise Failed(f"{actor.name}: '{words}' still succeeds after {within} s")


def reads_zeros(actor, address, size):
    """Pages of a lost rank are given back soon; a read before that sees the old bytes, and never faults."""
    wait_for(lambda: actor.ask("all", address, size, 0).ok, f"zeros at {address:#x}", 5)


@pytest.mark.parametrize("count", [2, 4, 16, 64])
def test_killed_peer_is_lost_within_a_second_and_stray_reads_give_zeros(harness, count):
    pool = start_pool(harness, count)
    survivors, victim = pool.actors[:-1], pool.actors[-1]
    victim.call("fill", pool.region(victim.rank), pool.stride, 1)
    for actor in survivors:
        actor.buffer = actor.value("alloc", 4096)
        actor.call("copy", pool.handle(actor), G2H, 0, actor.buffer, pool.region(victim.rank), 4096)
    victim.kill()
    for actor in survivors:
        becomes(
            actor,
            PEER_LOST,
            "copy",
            pool.handle(actor),
            G2H,
            0,
            actor.buffer,
            pool.region(victim.rank),
            4096,
            naming=[f"rank {victim.rank}"],
        )
    for actor in survivors:
        reads_zeros(actor, pool.region(victim.rank), pool.stride)
    for actor in survivors:
        actor.call("poke", pool.region(victim.rank), 1)  # neither does a stray write fault
    if count > 2:
        first = survivors[0]
        first.call("copy", pool.handle(first), H2G, 0, pool.region(1), first.buffer, 4096)


def test_new_process_takes_the_rank_of_a_killed_one(harness):
    pool = start_pool(harness, 3)
    first, second, victim = pool.actors
    victim.call("fill", pool.region(2), 4096, 1)
    victim.kill()
    buffer = first.value("alloc", 4096)
    becomes(first, PEER_LOST, "copy", pool.handle(first), G2H, 0, buffer, pool.region(2), 4096)
    reads_zeros(first, pool.region(2), 4096)
    second.call("poke", pool.region(2), 7)  # a stray write must not greet the next owner
    successor = harness.actor()
    harness.init(successor, 2, 3)
    create(successor, members=3)
    assert successor.value("join", successor.handles[0], 0) == pool.region(2)
    pool.actors[2] = successor
    for actor in (first, second, successor):
        pool.check_all(actor, pool.region(2), pool.stride, 0)
    successor.call("fill", pool.region(2), 4096, 2)
    first.call("copy", pool.handle(first), G2H, 0, buffer, pool.region(2), 4096)
    first.call("check", buffer, 4096, 2)
    successor.call("check", pool.region(2), 4096, 2)
    if pool.is_near(second, pool.region(2)):
        second.call("poke", pool.region(2), 99)
        assert successor.value("peek", pool.region(2)) == 99

def test_a_rank_is_killed_and_replaced_again_and_again(harness):
    pool = start_pool(harness, 2)
    first, victim = pool.actors
    buffer = first.value("alloc", 4096)
    descriptors = None
    for turn in range(5):
        victim.kill()
        becomes(first, PEER_LOST, "copy", pool.handle(first), G2H, 0, buffer, pool.region(1), 4096)
        victim = victim.harness.actor()  # on the same host
        harness.init(victim, 1, 2)
        create(victim)
        victim.call("join", victim.handles[0], 0)
        victim.call("fill", pool.region(1), 4096, turn)
        first.call("copy", pool.handle(first), G2H, 0, buffer, pool.region(1), 4096)
        first.call("check", buffer, 4096, turn)
        descriptors = descriptors or len(first.descriptors())
        assert len(first.descriptors()) == descriptors


def test_peer_killed_during_copies_fails_them_and_nothing_else(harness):
    pool = start_pool(harness, 3, dram=16 * MIB)
    first, second, victim = pool.actors
    buffer = first.value("alloc", 16 * MIB)
    first.call("background", 1000000, "copy", pool.handle(first), H2G, 0, pool.region(2), buffer, 16 * MIB)
    victim.kill()
    result = first.call("background_result").text
    assert result.startswith(f"err {PEER_LOST} ") and "rank 2" in result, result
    first.call("copy", pool.handle(first), H2G, 0, pool.region(1), buffer, 16 * MIB)
    second.call("all", pool.region(1), 16 * MIB, 0)


def test_owner_killed_while_a_peer_reads_its_memory_directly(harness):
    pool = start_pool(harness, 2, dram=16 * MIB)
    first, victim = pool.actors
    first.call("background", 200, "set", pool.region(1), 16 * MIB, 1)
    victim.kill()
    assert first.call("background_result").text == "ok"
    buffer = first.value("alloc", 8)
    becomes(first, PEER_LOST, "copy", pool.handle(first), G2H, 0, buffer, pool.region(1), 8)


def test_all_but_one_are_killed_at_once(harness):
    pool = start_pool(harness, 16)
    first = pool.actors[0]
    for victim in pool.actors[1:]:
        victim.popen.kill()
    for victim in pool.actors[1:]:
        victim.kill()
    buffer = first.value("alloc", 8)
    for rank in range(1, 16):
        becomes(first, PEER_LOST, "copy", pool.handle(first), G2H, 0, buffer, pool.region(rank), 8)
    first.call("copy", pool.handle(first), G2H, 0, buffer, pool.region(0), 8)
    first.call("leave", pool.handle(first), 0)
    first.call("join", pool.handle(first), 0)


def test_first_member_that_made_the_segment_is_killed(harness):
    """Whoever came first holds nothing that the others need; the store is another process."""
    store, *actors = harness.actors(4)
    store.call("create_store", harness.url)
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, 3, startConfigStore=False)
    pool = make_pool(actors)
    actors[0].kill()
    becomes(
        actors[1],
        PEER_LOST,
        "copy",
        pool.handle(actors[1]),
        G2H,
        0,
        actors[1].value("alloc", 8),
        pool.region(0),
        8,
    )
    actors[1].call("fill", pool.region(1), 4096, 1)
    pool.check(actors[2], pool.region(1), 4096, 1)
    successor = harness.actor()
    harness.init(successor, 0, 3, startConfigStore=False)
    create(successor, members=3)
    assert successor.value("join", successor.handles[0], 0) == pool.region(0)
    pool.check(successor, pool.region(1), 4096, 1)


def test_stopped_peer_is_not_lost(harness):
    """Its memory is there, and same-host copies need nothing from it."""
    pool = start_pool(harness, 2)
    first, sleeper = pool.actors
    sleeper.call("fill", pool.region(1), 4096, 1)
    sleeper.stop()
    buffer = first.value("alloc", 4096)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        first.call("copy", pool.handle(first), G2H, 0, buffer, pool.region(1), 4096)
    first.call("check", buffer, 4096, 1)
    first.call("copy", pool.handle(first), H2G, 0, pool.region(1) + MIB, buffer, 4096)
    sleeper.resume()
    sleeper.call("check", pool.region(1) + MIB, 4096, 1)
    sleeper.call("leave", pool.handle(sleeper), 0)


def test_process_that_ends_without_uninit_is_as_one_that_left(harness):
    pool = start_pool(harness, 2)
    first, second = pool.actors
    second.quit()
    becomes(
        first,
        PEER_LOST,
        "copy",
        pool.handle(first),
        G2H,
        0,
        first.value("alloc", 8),
        pool.region(1),
        8,
        naming=["rank 1"],
    )
    reads_zeros(first, pool.region(1), pool.stride)


def test_death_of_the_store_leaves_copies_alone(harness):
    """Copies between joined ranks of one host do not ask the store."""
    store, *actors = harness.actors(3)
    store.call("create_store", harness.url)
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, 2, startConfigStore=False, createTimeout=2, controlOperationTimeout=2)
    pool = make_pool(actors)
    store.kill()
    buffer = actors[0].value("alloc", 4096)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        actors[0].call("copy", pool.handle(actors[0]), H2G, 0, pool.region(1), buffer, 4096)
    answer = actors[0].ask("create", 5, 2, 1, 2 * MIB, 0, 0)
    if answer.ok:
        answer = actors[0].ask("join", answer.value, 0)
    assert not answer.ok and harness.url.rpartition("/")[2] in answer.text, answer


def test_ranks_of_killed_processes_leave_nothing_in_the_machines_memory(harness):
    """The pages of an object go with its last process."""

    def available():
        with open("/proc/meminfo", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) // 1024

    pool = start_pool(harness, 2, dram=512 * MIB)
    together(pool.actors, "set", lambda actor: pool.region(actor.rank), pool.stride, 1)
    filled = available()
    for actor in pool.actors:
        actor.kill()
    wait_for(lambda: available() > filled + 600, "the memory to come back", 20)
