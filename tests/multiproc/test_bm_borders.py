# SPDX-License-Identifier: Apache-2.0
"""Copies at the borders: of ranks, of regions, of the window; pieces and rows that cross them."""
import pytest

from pool import G2H, H2G, INVALID_PARAM, KIB, LIST_MAX, MIB, start_pool


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
    reader, extent = pool.actors[0], (rows - 1) * pitch + width
    copied = reader.value("alloc", extent)
    reader.call("copy", pool.handle(reader), G2H, 0, copied, start, extent)
    for row in range(rows):
        reader.call("check", copied + row * pitch, width, 4, row * width)


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
    reader, extent = pool.actors[1], places[-1][0] + places[-1][1] - pool.base
    copied = reader.value("alloc", extent)
    reader.call("copy", pool.handle(reader), G2H, 0, copied, pool.base, extent)
    for place, size, at in places:
        reader.call("check", copied + place - pool.base, size, 17, at)
