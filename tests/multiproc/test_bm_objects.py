# SPDX-License-Identifier: Apache-2.0
"""Kinds of memory, several objects, several threads, registered memory."""
import pytest

from actors import together
from pool import DEVICE, H2G, HOST, LOCAL_DEVICE, LOCAL_HOST, MIB, UINT32_MAX, make_pool, start_pool


def test_sizes_and_pointers_by_memory_type(harness):
    pool = start_pool(harness, 2, dram=2 * MIB, hbm=6 * MIB)
    for actor in pool.actors:
        handle = pool.handle(actor)
        assert [
            actor.value("size_by_type", handle, kind) for kind in (LOCAL_DEVICE, LOCAL_HOST, DEVICE, HOST)
        ] == [6 * MIB, 2 * MIB, 6 * MIB, 2 * MIB]
        for rank in range(2):
            assert actor.value("ptr_by_type", handle, DEVICE, rank) == pool.hbm_at(rank)
            assert actor.value("ptr_by_type", handle, HOST, rank) == pool.dram_at(rank)
            assert actor.value("ptr_by_type", handle, LOCAL_DEVICE, rank) == pool.hbm_at(actor.rank)
            assert actor.value("ptr_by_type", handle, LOCAL_HOST, rank) == pool.dram_at(actor.rank)
        assert actor.value("ptr_by_type", handle, LOCAL_HOST, 9999) == pool.dram_at(actor.rank)


@pytest.mark.parametrize("dram,hbm,missing", [(2 * MIB, 0, DEVICE), (0, 2 * MIB, HOST)])
def test_a_kind_of_memory_that_is_not_there(harness, dram, hbm, missing):
    pool = start_pool(harness, 2, dram=dram, hbm=hbm)
    actor = pool.actors[1]
    handle = pool.handle(actor)
    assert actor.value("size", handle) == 2 * MIB
    assert actor.value("size_by_type", handle, missing) == 0
    assert not actor.ask("ptr_by_type", handle, missing, 0).ok
    assert not actor.ask("ptr_by_type", handle, missing - 2, 0).ok
    assert actor.value("ptr_by_type", handle, DEVICE + HOST - missing, 0) == pool.base


def test_user_memory_can_be_registered_and_given_up(harness):
    pool = start_pool(harness, 2)
    actor = pool.actors[0]
    buffer = actor.value("alloc", MIB)
    actor.call("register", pool.handle(actor), buffer, MIB)
    actor.call("fill", buffer, MIB, 2)
    actor.call("copy", pool.handle(actor), H2G, 0, pool.region(1), buffer, MIB)
    pool.actors[1].call("check", pool.region(1), MIB, 2)
    actor.call("unregister", buffer)
    actor.fails(-2007, "unregister", buffer, naming=hex(buffer))
    actor.call("copy", pool.handle(actor), H2G, 0, pool.region(1), buffer, MIB)


def test_several_objects_hold_their_own_data(harness):
    actors = harness.ranks(3)
    pools = [
        make_pool(actors, number, dram=(number % 3 + 1) * 2 * MIB, hbm=2 * MIB * (number % 2))
        for number in (0, 1, 5, 63)
    ]
    ranges = sorted((pool.base, pool.end) for pool in pools)
    assert all(first[1] <= second[0] for first, second in zip(ranges, ranges[1:]))
    for pool in pools:
        together(
            actors,
            "fill",
            lambda actor: pool.region(actor.rank),
            pool.stride,
            lambda actor: 100 * pool.number + actor.rank,
        )
    for pool in pools:
        for actor in actors:
            right = (actor.rank + 1) % 3
            pool.check(actor, pool.region(right), pool.stride, 100 * pool.number + right)


def test_another_object_is_ordinary_memory_to_a_copy(harness):
    actors = harness.ranks(3)
    one, other = make_pool(actors, 0), make_pool(actors, 1)
    actors[2].call("fill", other.region(2), 2 * MIB, 8)
    actors[0].call("copy", one.handle(actors[0]), H2G, 0, one.region(1), other.region(2), 2 * MIB)
    actors[1].call("check", one.region(1), 2 * MIB, 8)


def test_copies_of_several_threads_at_once(harness):
    pool = start_pool(harness, 2, dram=8 * MIB)
    actor = pool.actors[0]
    handle = pool.handle(actor)
    buffer = actor.value("alloc", 4 * MIB)
    actor.call("fill", buffer, 4 * MIB, 6)
    actor.call("background", 50, "copy", handle, H2G, 0, pool.region(1), buffer, 2 * MIB - 1)
    for _ in range(50):
        actor.call("copy", handle, H2G, 0, pool.region(1) + 4 * MIB, buffer + 2 * MIB, 2 * MIB - 1)
    assert actor.call("background_result").text == "ok"
    pool.actors[1].call("check", pool.region(1), 2 * MIB - 1, 6)
    pool.actors[1].call("check", pool.region(1) + 4 * MIB, 2 * MIB - 1, 6, 2 * MIB)


def test_joined_memory_is_zeroed(harness):
    pool = start_pool(harness, 2, dram=4 * MIB, hbm=2 * MIB)
    for actor in pool.actors:
        actor.call("all", pool.base, 2 * pool.stride, 0)


def test_world_of_one(harness):
    pool = start_pool(harness, 1)
    actor = pool.actors[0]
    buffer = actor.value("alloc", 2 * MIB)
    actor.call("fill", buffer, 2 * MIB, 1)
    actor.call("copy", pool.handle(actor), H2G, 0, pool.base, buffer, 2 * MIB)
    actor.call("check", pool.base, 2 * MIB, 1)
    assert not actor.ask("ptr", pool.handle(actor), 1).ok
    assert UINT32_MAX not in actor.call("rank").values
