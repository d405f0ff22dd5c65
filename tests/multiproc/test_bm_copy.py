# SPDX-License-Identifier: Apache-2.0
"""Data through the pool in every direction: plain, rows, batches, asynchronous, with every flag."""
import pytest

from pool import ASYNC, AUTO, COLD, G2G, G2H, G2L, GH2H, GH2L, H2G, H2GH, HOT, KIB, L2G, L2GH, MIB, start_pool

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
