# SPDX-License-Identifier: Apache-2.0
"""The same in 2, 4, 16 and 64 processes: addresses, and who sees what another rank has written."""
import pytest

from actors import together
from pool import G2H, H2G, MIB, start_pool

COUNTS = [2, 4, 16, 64]


@pytest.mark.parametrize("count", COUNTS)
def test_addresses_are_the_same_in_every_process(harness, count):
    pool = start_pool(harness, count, dram=2 * MIB, hbm=4 * MIB)
    for actor in pool.actors:
        actor.send("ptr", pool.handle(actor), 0)
        actor.send("ptr", pool.handle(actor), count - 1)
        actor.send("size", pool.handle(actor))
        actor.send("join", pool.handle(actor), 0)
        actor.send("rank")
    for rank, actor in enumerate(pool.actors):
        assert actor.expect_ok().value == pool.base
        assert actor.expect_ok().value == pool.region(count - 1)
        assert actor.expect_ok().value == 6 * MIB
        assert actor.expect_ok().value == pool.region(rank)  # joined twice: its own region again
        assert actor.expect_ok().value == rank


@pytest.mark.parametrize("count", COUNTS)
def test_every_rank_reads_every_other_rank(harness, count):
    """All ranks fill their regions, then each reads a piece of odd size out of each, at odd places, in one
    batch."""
    pool = start_pool(harness, count)
    size = 4097
    together(
        pool.actors, "fill", lambda actor: pool.region(actor.rank), pool.stride, lambda actor: actor.rank
    )
    for reader in pool.actors:
        reader.buffer = reader.value("alloc", count * size)
        words = []
        for rank in range(count):
            offset = 13 * reader.rank + 7 * rank
            words += [reader.buffer + rank * size, pool.region(rank) + offset, size]
        reader.send("batch", pool.handle(reader), G2H, 0, count, *words)
    for reader in pool.actors:
        reader.expect_ok()
        for rank in range(count):
            reader.send("check", reader.buffer + rank * size, size, rank, 13 * reader.rank + 7 * rank)
    for reader in pool.actors:
        for _ in range(count):
            reader.expect_ok()


@pytest.mark.parametrize("count", COUNTS)
def test_what_is_copied_to_a_rank_is_there_when_the_copy_returns(harness, count):
    """Each rank writes the last bytes of its right neighbour, which then sees them by plain loads."""
    pool = start_pool(harness, count)
    size = 65537
    for actor in pool.actors:
        actor.buffer = actor.value("alloc", size)
        actor.call("fill", actor.buffer, size, 1000 + actor.rank)
    together(
        pool.actors,
        "copy",
        pool.handle,
        H2G,
        0,
        lambda actor: pool.region((actor.rank + 1) % count) + pool.stride - size,
        lambda actor: actor.buffer,
        size,
    )
    together(
        pool.actors,
        "check",
        lambda actor: pool.region(actor.rank) + pool.stride - size,
        size,
        lambda actor: 1000 + (actor.rank - 1) % count,
    )
    together(pool.actors, "all", lambda actor: pool.region(actor.rank), pool.stride - size, 0)


@pytest.mark.parametrize("count", COUNTS)
def test_a_plain_store_is_seen_by_every_rank(harness, count):
    pool = start_pool(harness, count)
    together(
        pool.actors, "poke", lambda actor: pool.region(actor.rank) + 8, lambda actor: 0xABCD0000 + actor.rank
    )
    for actor in pool.actors:
        for rank in range(count):
            actor.send("peek", pool.region(rank) + 8)
    for actor in pool.actors:
        assert [actor.expect_ok().value for _ in range(count)] == [0xABCD0000 + rank for rank in range(count)]


@pytest.mark.parametrize("count", COUNTS)
def test_a_plain_store_into_a_peers_region_is_seen_by_its_owner(harness, count):
    pool = start_pool(harness, count)
    writer = pool.actors[-1]
    for rank in range(count):
        writer.call("poke", pool.region(rank) + 4096, 77 + rank)
    answers = together(pool.actors, "peek", lambda actor: pool.region(actor.rank) + 4096)
    assert [answer.value for answer in answers] == [77 + rank for rank in range(count)]


@pytest.mark.parametrize("count", COUNTS)
def test_rank_by_address(harness, count):
    pool = start_pool(harness, count, dram=2 * MIB, hbm=2 * MIB)
    actor = pool.actors[count // 2]
    handle = pool.handle(actor)
    for rank in (0, count // 2, count - 1):
        assert actor.value("rank_by_gva", handle, pool.region(rank)) == rank
        assert actor.value("rank_by_gva", handle, pool.region(rank) + pool.stride - 1) == rank
    for outside in (pool.base - 1, pool.end, 0, 1 << 63):
        assert not actor.ask("rank_by_gva", handle, outside).ok
