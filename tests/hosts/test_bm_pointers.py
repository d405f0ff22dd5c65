# SPDX-License-Identifier: Apache-2.0
"""Addresses of other hosts' ranks used as pointers: they never fault, and never reach what they name."""
import pytest

from actors import together, wait_for
from pool import G2H, H2G, HOST, INVALID_PARAM, LOCAL_HOST, MIB, NOT_SUPPORTED, PEER_LOST, make_pool, start_pool


def read(pool, reader, address, size=4096):
    """By copy, into a fresh buffer of the reader."""
    buffer = reader.value("alloc", size)
    reader.call("copy", pool.handle(reader), G2H, 0, buffer, address, size)
    return buffer


def test_loads_give_zeros_and_stores_reach_nobody(make_cluster):
    pool = start_pool(make_cluster(2), 4)
    near, neighbour, far, _ = pool.actors
    place = pool.region(2)
    far.call("fill", place, MIB, 3)
    for actor in (near, neighbour):
        actor.call("all", place, pool.stride, 0)
    near.call("set", place, MIB, 7)
    far.call("check", place, MIB, 3)
    for actor in (near, neighbour, far):
        actor.call("check", read(pool, actor, place, MIB), MIB, 3)


def test_a_copy_is_not_seen_by_pointers_of_other_hosts(make_cluster):
    pool = start_pool(make_cluster(2), 2)
    near, far = pool.actors
    buffer = near.value("alloc", 4096)
    near.call("fill", buffer, 4096, 5)
    near.call("copy", pool.handle(near), H2G, 0, pool.region(1), buffer, 4096)
    far.call("check", pool.region(1), 4096, 5)
    near.call("all", pool.region(1), 4096, 0)


@pytest.mark.parametrize("size", [8, 2 * MIB])
def test_another_objects_memory_on_another_host_is_no_ordinary_memory(make_cluster, size):
    actors = make_cluster(2).ranks(4)
    one, other = make_pool(actors, 0), make_pool(actors, 1)
    near, neighbour, far, _ = actors
    for owner in (neighbour, far):
        owner.call("fill", other.region(owner.rank), size, 8)
    words = ("copy", one.handle(near), H2G, 0, one.region(2))
    near.fails(NOT_SUPPORTED, *words, other.region(2), size, naming=["rank 2", "another object", "copy it through"])
    near.fails(NOT_SUPPORTED, *words, other.region(1) + other.stride - 4, size, naming="rank 2")
    near.fails(
        NOT_SUPPORTED, "copy", one.handle(near), G2H, 0, other.region(2), one.region(2), size, naming="rank 2"
    )
    near.fails(INVALID_PARAM, *words, other.end, size, naming="in no object")
    far.call("all", one.region(2), one.stride, 0)
    near.call(*words, other.region(1), size)
    far.call("check", one.region(2), size, 8)


def test_addresses_by_type_are_the_same_on_every_host(make_cluster):
    pool = start_pool(make_cluster(2), 4, dram=2 * MIB, hbm=2 * MIB)
    for actor in pool.actors:
        handle = pool.handle(actor)
        for rank in range(4):
            assert actor.value("ptr", handle, rank) == pool.region(rank)
            assert actor.value("ptr_by_type", handle, HOST, rank) == pool.dram_at(rank)
        assert actor.value("ptr_by_type", handle, LOCAL_HOST, 0) == pool.dram_at(actor.rank)


def test_stray_stores_do_not_greet_a_rank_that_moves_here(make_cluster):
    """What was stored where a rank of another host has its memory is gone when a rank of this host takes that number."""
    cluster = make_cluster(2)
    pool = start_pool(cluster, 4)
    near, _, far, _ = pool.actors
    near.call("set", pool.region(2), 4096, 7)
    far.call("bm_uninit", 0)
    moved = cluster.hosts[0].actor()
    cluster.init(moved, 2, 4)
    handle = moved.value("create", 0, 4, 1, pool.dram, 0, 0)
    assert moved.value("join", handle, 0) == pool.region(2)
    moved.call("all", pool.region(2), pool.stride, 0)
    near.call("all", pool.region(2), pool.stride, 0)
    moved.call("fill", pool.region(2), 4096, 9)
    near.call("check", pool.region(2), 4096, 9)  # a pointer by now
    pool.actors[3].call("check", read(pool, pool.actors[3], pool.region(2)), 4096, 9)


def test_pointers_stay_harmless_when_their_host_is_gone(make_cluster):
    pool = start_pool(make_cluster(2), 4)
    near, neighbour, *gone = pool.actors
    words = ("copy", pool.handle(near), G2H, 0, near.value("alloc", 8), pool.region(2), 8)
    near.call(*words)
    for actor in gone:
        actor.kill()
    wait_for(lambda: not near.ask(*words).ok, "the loss to be known")
    near.fails(PEER_LOST, *words, naming="rank 2")
    together([near, neighbour], "all", pool.region(2), 2 * pool.stride, 0)
    near.call("poke", pool.region(3), 1)
