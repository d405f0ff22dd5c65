# SPDX-License-Identifier: Apache-2.0
"""Data through the pool: every direction, odd sizes, borders of ranks, rows, batches, asynchronous copies."""
import pytest

from actors import together
from pool import (
    ASYNC,
    AUTO,
    COLD,
    DEVICE,
    G2G,
    G2H,
    G2L,
    GH2H,
    GH2L,
    H2G,
    H2GH,
    HOST,
    HOT,
    INVALID_PARAM,
    KIB,
    L2G,
    L2GH,
    LIST_MAX,
    LOCAL_DEVICE,
    LOCAL_HOST,
    MIB,
    UINT32_MAX,
    make_pool,
    start_pool,
)

COUNTS = [2, 4, 16, 64]
SIZES = [1, 2, 3, 7, 8, 9, 63, 64, 65, 4095, 4096, 4097, 65535, 65537, MIB - 1, MIB + 1]
# Each copy type: where its source and its destination lie.
TYPES = [
    (L2G, "local", "hbm"),
    (L2G, "local", "dram"),
    (G2L, "hbm", "local"),
    (G2L, "dram", "local"),
    (G2H, "hbm", "host"),
    (G2H, "dram", "host"),
    (H2G, "host", "hbm"),
    (H2G, "host", "dram"),
    (L2GH, "local", "dram"),
    (GH2L, "dram", "local"),
    (GH2H, "dram", "host"),
    (H2GH, "host", "dram"),
    (G2G, "hbm", "dram"),
    (G2G, "dram", "hbm"),
    (AUTO, "host", "dram"),
    (AUTO, "hbm", "host"),
    (AUTO, "dram", "hbm"),
]
TYPE_NAMES = [f"type{kind}-{source}-to-{destination}" for kind, source, destination in TYPES]


# ---- the same in 2, 4, 16 and 64 processes ----


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


# ---- directions ----


class TwoRanks:
    """Two ranks with both kinds of memory, and a private buffer in the first one."""

    def __init__(self, harness):
        self.pool = start_pool(harness, 2, dram=4 * MIB, hbm=4 * MIB)
        self.actor, self.peer = self.pool.actors
        self.handle = self.pool.handle(self.actor)
        self.buffer = self.actor.value("alloc", 4 * MIB)

    def place(self, name, offset):
        """An address of a kind: the actor's private memory, or the peer's part of the pool."""
        return {
            "host": self.buffer,
            "local": self.buffer,
            "hbm": self.pool.hbm_at(1),
            "dram": self.pool.dram_at(1),
        }[name] + offset

    def owner(self, name):
        return self.actor if name in ("host", "local") else self.peer


@pytest.mark.parametrize("kind,source,destination", TYPES, ids=TYPE_NAMES)
def test_copy_in_every_direction(harness, kind, source, destination):
    two = TwoRanks(harness)
    for seed, size in enumerate(SIZES):
        from_address, to_address = two.place(source, 5 + seed), two.place(destination, 2 * MIB + 3)
        two.owner(source).call("fill", from_address, size, seed)
        two.owner(destination).call("set", to_address - 3, size + 6, 0xEE)
        two.actor.call("copy", two.handle, kind, 0, to_address, from_address, size)
        two.owner(destination).call("check", to_address, size, seed)
        two.owner(destination).call("all", to_address - 3, 3, 0xEE)  # nothing before and nothing behind
        two.owner(destination).call("all", to_address + size, 3, 0xEE)


@pytest.mark.parametrize("kind,source,destination", TYPES, ids=TYPE_NAMES)
def test_copy_2d_in_every_direction(harness, kind, source, destination):
    two = TwoRanks(harness)
    for width, height, source_pitch, destination_pitch in [
        (1, 1, 1, 1),
        (7, 100, 11, 13),
        (64, 64, 64, 64),
        (4097, 33, 5000, 4097),
        (100, 1, 100, 1000),
        (16 * KIB, 60, 20 * KIB, 17 * KIB),
    ]:
        from_address, to_address = two.place(source, 0), two.place(destination, 2 * MIB)
        two.owner(destination).call("set", to_address, 2 * MIB, 0xEE)
        for row in range(height):
            two.owner(source).call("fill", from_address + row * source_pitch, width, row)
        two.actor.call(
            "copy_2d",
            two.handle,
            kind,
            0,
            to_address,
            destination_pitch,
            from_address,
            source_pitch,
            width,
            height,
        )
        for row in range(height):
            start = to_address + row * destination_pitch
            two.owner(destination).call("check", start, width, row)
            gap = destination_pitch - width
            two.owner(destination).call("all", start + width, gap, 0xEE)


@pytest.mark.parametrize("kind,source,destination", TYPES, ids=TYPE_NAMES)
def test_copy_batch_in_every_direction(harness, kind, source, destination):
    two = TwoRanks(harness)
    pieces, at = [], 0
    for index in range(40):
        size = 1 + 977 * index % 8191
        pieces.append((at, 2 * MIB + at + index, size))
        at += size
    two.owner(source).call("fill", two.place(source, 0), at, 99)
    words = [
        word
        for source_at, destination_at, size in pieces
        for word in (two.place(destination, destination_at), two.place(source, source_at), size)
    ]
    two.actor.call("batch", two.handle, kind, 0, len(pieces), *words)
    for source_at, destination_at, size in pieces:
        two.owner(destination).call("check", two.place(destination, destination_at), size, 99, source_at)


@pytest.mark.parametrize("kind,source,destination", TYPES, ids=TYPE_NAMES)
def test_asynchronous_copies_are_there_after_wait(harness, kind, source, destination):
    two = TwoRanks(harness)
    size, count = 30011, 20
    two.owner(source).call("fill", two.place(source, 0), size * count, 5)
    for index in range(count - 2):
        two.actor.call(
            "copy",
            two.handle,
            kind,
            ASYNC,
            two.place(destination, 2 * MIB + index * size),
            two.place(source, index * size),
            size,
        )
    at = (count - 2) * size
    two.actor.call(
        "copy_2d",
        two.handle,
        kind,
        ASYNC,
        two.place(destination, 2 * MIB + at),
        size,
        two.place(source, at),
        size,
        size,
        1,
    )
    at += size
    two.actor.call(
        "batch",
        two.handle,
        kind,
        ASYNC,
        2,
        two.place(destination, 2 * MIB + at),
        two.place(source, at),
        11,
        two.place(destination, 2 * MIB + at + 11),
        two.place(source, at + 11),
        size - 11,
    )
    two.actor.call("wait", two.handle)
    two.owner(destination).call("check", two.place(destination, 2 * MIB), size * count, 5)


@pytest.mark.parametrize("flags", [0, COLD, HOT, COLD | ASYNC, HOT | ASYNC, 2])
def test_copy_flags_do_not_change_the_result(harness, flags):
    two = TwoRanks(harness)
    for size in (100, 70001, 2 * MIB - 1):
        two.actor.call("fill", two.buffer, size, size)
        two.actor.call("copy", two.handle, H2G, flags, two.place("dram", 1), two.buffer, size)
        two.actor.call("wait", two.handle)
        two.peer.call("check", two.place("dram", 1), size, size)


def test_wait_without_copies_returns_at_once(harness):
    two = TwoRanks(harness)
    two.actor.call("wait", two.handle)


def test_local_side_may_be_the_callers_own_region(harness):
    """HBM of the caller is a part of its region: L2G from there, G2L back into it."""
    two = TwoRanks(harness)
    own = two.pool.hbm_at(0)
    two.actor.call("fill", own, MIB, 3)
    two.actor.call("copy", two.handle, L2G, 0, two.pool.hbm_at(1), own, MIB)
    two.peer.call("check", two.pool.hbm_at(1), MIB, 3)
    two.actor.call("copy", two.handle, G2L, 0, own + 2 * MIB, two.pool.hbm_at(1), MIB)
    two.actor.call("check", own + 2 * MIB, MIB, 3)


def test_copy_between_two_other_ranks(harness):
    pool = start_pool(harness, 3)
    first, second, third = pool.actors
    second.call("fill", pool.region(1), MIB, 8)
    first.call("copy", pool.handle(first), G2G, 0, pool.region(2) + 1, pool.region(1), MIB)
    third.call("check", pool.region(2) + 1, MIB, 8)


def test_copy_within_the_callers_own_region(harness):
    pool = start_pool(harness, 1)
    actor = pool.actors[0]
    actor.call("fill", pool.base, MIB, 8)
    actor.call("copy", pool.handle(actor), G2G, 0, pool.base + MIB, pool.base, MIB)
    actor.call("check", pool.base + MIB, MIB, 8)


# ---- borders ----


@pytest.mark.parametrize(
    "dram,hbm", [(2 * MIB, 0), (0, 2 * MIB), (2 * MIB, 4 * MIB)], ids=["dram", "hbm", "both"]
)
def test_one_copy_over_all_ranks_down_to_the_very_last_byte(harness, dram, hbm):
    pool = start_pool(harness, 4, dram=dram, hbm=hbm)
    writer, reader = pool.actors[1], pool.actors[2]
    total = 4 * pool.stride
    source, target = writer.value("alloc", total), reader.value("alloc", total)
    writer.call("fill", source, total, 21)
    writer.call("copy", pool.handle(writer), H2G, 0, pool.base, source, total)
    for actor in pool.actors:
        actor.call("check", pool.region(actor.rank), pool.stride, 21, actor.rank * pool.stride)
    reader.call("copy", pool.handle(reader), G2H, 0, target, pool.base, total)
    reader.call("check", target, total, 21)


@pytest.mark.parametrize("before", [1, 4095, 65537, MIB])
def test_copy_straddles_two_ranks(harness, before):
    pool = start_pool(harness, 3)
    actor = pool.actors[0]
    size = before + 12345
    buffer = actor.value("alloc", 2 * size)
    actor.call("fill", buffer, size, before)
    border = pool.region(2)
    actor.call("copy", pool.handle(actor), H2G, 0, border - before, buffer, size)
    pool.actors[1].call("check", border - before, before, before)
    pool.actors[2].call("check", border, 12345, before, before)
    actor.call("copy", pool.handle(actor), G2H, 0, buffer + size, border - before, size)
    actor.call("check", buffer + size, size, before)


def test_rows_straddle_ranks(harness):
    pool = start_pool(harness, 3)
    actor = pool.actors[2]
    width, pitch, rows = 3000, 100 * KIB, 40
    start = pool.region(1) - 20 * pitch - 1500  # a row lies on the border itself
    buffer = actor.value("alloc", rows * width)
    actor.call("fill", buffer, rows * width, 4)
    actor.call("copy_2d", pool.handle(actor), H2G, 0, start, pitch, buffer, width, width, rows)
    for row in range(rows):
        pool.actors[0].call("check", start + row * pitch, width, 4, row * width)


def test_first_and_last_byte_of_every_region(harness):
    pool = start_pool(harness, 4, dram=2 * MIB, hbm=2 * MIB)
    actor = pool.actors[3]
    buffer = actor.value("alloc", 8)
    for rank in range(4):
        for address in (
            pool.hbm_at(rank),
            pool.dram_at(rank) - 1,
            pool.dram_at(rank),
            pool.region(rank) + pool.stride - 1,
        ):
            actor.call("set", buffer, 1, rank + 1)
            actor.call("copy", pool.handle(actor), H2G, 0, address, buffer, 1)
            pool.actors[rank].call("all", address, 1, rank + 1)


@pytest.mark.parametrize("kind", [H2G, G2H])
def test_one_byte_past_the_last_is_refused_and_copies_nothing(harness, kind):
    pool = start_pool(harness, 2)
    actor = pool.actors[0]
    buffer = actor.value("alloc", 4096)
    actor.call("set", buffer, 4096, 0xEE)
    pair = (pool.end - 100, buffer) if kind == H2G else (buffer, pool.end - 100)
    actor.fails(INVALID_PARAM, "copy", pool.handle(actor), kind, 0, *pair, 101, naming=hex(pool.end - 100))
    actor.call("all", buffer, 4096, 0xEE)
    pool.actors[1].call("all", pool.end - 100, 100, 0)
    actor.call("copy", pool.handle(actor), kind, 0, *pair, 100)


def test_an_invalid_piece_of_a_batch_stops_all_of_it(harness):
    pool = start_pool(harness, 2)
    actor = pool.actors[0]
    buffer = actor.value("alloc", 300)
    actor.call("set", buffer, 300, 0xEE)
    actor.fails(
        INVALID_PARAM,
        "batch",
        pool.handle(actor),
        H2G,
        0,
        3,
        pool.region(1),
        buffer,
        100,
        pool.region(1) + 100,
        buffer,
        100,
        pool.end - 99,
        buffer,
        100,
        naming="2",
    )
    pool.actors[1].call("all", pool.region(1), pool.stride, 0)


def test_batch_of_many_pieces(harness):
    pool = start_pool(harness, 2, dram=8 * MIB)
    actor = pool.actors[0]
    sizes = [128 * KIB if index % 2 else 16 * KIB for index in range(122)]
    buffer = actor.value("alloc", sum(sizes))
    actor.call("fill", buffer, sum(sizes), 17)
    words, at, places = [], 0, []
    for index, size in enumerate(sizes):
        place = pool.region(0) + at + 64 * index  # crosses from rank 0 into rank 1
        places.append((place, size, at))
        words += [place, buffer + at, size]
        at += size
    assert len(sizes) <= LIST_MAX
    actor.call("batch", pool.handle(actor), H2G, 0, len(sizes), *words)
    for place, size, at in places:
        pool.actors[1].call("check", place, size, 17, at)


# ---- kinds of memory ----


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
            actor.call("check", pool.region(right), pool.stride, 100 * pool.number + right)
    between = actors[0]
    between.call("copy", pools[0].handle(between), H2G, 0, pools[0].region(1), pools[3].region(2), 2 * MIB)
    actors[1].call("check", pools[0].region(1), 2 * MIB, 6302)


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
