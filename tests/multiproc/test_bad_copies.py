# SPDX-License-Identifier: Apache-2.0
"""Wrong arguments to copies: the documented code, a text that names what matters, and nothing changed."""
import pytest

from actors import Failed, together
from pool import (
    ASYNC,
    COPY_BUTT,
    G2G,
    G2H,
    H2G,
    INVALID_PARAM,
    L2G,
    MIB,
    NOT_STARTED,
    UINT32_MAX,
    UINT64_MAX,
    create,
    make_pool,
    start_pool,
)


# ---- null pointers ----


def test_null_parameters_of_copies(pool):
    for name in ("copy", "copy_2d"):
        pool.actor.fails(INVALID_PARAM, name, pool.own, H2G, 0, naming="null")
    pool.actor.fails(INVALID_PARAM, "batch", pool.own, H2G, 0, None, naming="null")
    pool.actor.fails(INVALID_PARAM, "batch", pool.own, H2G, 0, "NULLlists", naming="sources")


@pytest.mark.parametrize("flags", [0, ASYNC])
def test_null_source_and_destination(pool, flags):
    pool.actor.fails(INVALID_PARAM, "copy", pool.own, H2G, flags, 0, pool.buffer, 8, naming="null")
    pool.actor.fails(INVALID_PARAM, "copy", pool.own, H2G, flags, pool.base, 0, 8, naming="null")
    pool.actor.fails(
        INVALID_PARAM, "copy_2d", pool.own, H2G, flags, 0, 8, pool.buffer, 8, 8, 1, naming="null"
    )
    pool.actor.fails(INVALID_PARAM, "copy_2d", pool.own, H2G, flags, pool.base, 8, 0, 8, 8, 1, naming="null")
    pool.actor.fails(
        INVALID_PARAM,
        "batch",
        pool.own,
        H2G,
        flags,
        2,
        pool.base,
        pool.buffer,
        8,
        pool.base + 8,
        0,
        8,
        naming=["null", "1"],
    )


# ---- addresses and sizes ----


@pytest.mark.parametrize("kind", [H2G, G2H, G2G])
def test_addresses_outside_the_window(pool, kind):
    for address in (
        pool.base - 4096,
        pool.base - 1,
        pool.end,
        pool.end + 4096,
        8,
        UINT64_MAX - 8,
        pool.buffer,
    ):
        inside, private = pool.region(1), pool.buffer
        pairs = {
            H2G: [(address, private)],
            G2H: [(private, address)],
            G2G: [(address, inside), (inside, address)],
        }[kind]
        for destination, source in pairs:
            if destination == source:
                continue
            pool.actor.fails(
                INVALID_PARAM, "copy", pool.own, kind, 0, destination, source, 8, naming=hex(address)
            )


def test_addresses_one_byte_past_the_window(pool):
    pool.actor.fails(
        INVALID_PARAM, "copy", pool.own, H2G, 0, pool.end - 7, pool.buffer, 8, naming=hex(pool.end - 7)
    )
    pool.actor.fails(
        INVALID_PARAM, "copy", pool.own, G2H, 0, pool.buffer, pool.end - 7, 8, naming=hex(pool.end - 7)
    )
    pool.actor.fails(
        INVALID_PARAM,
        "copy_2d",
        pool.own,
        H2G,
        0,
        pool.end - 24 - 7,
        16,
        pool.buffer,
        8,
        8,
        3,
        naming=hex(pool.end - 24 - 7),
    )
    pool.actor.fails(
        INVALID_PARAM, "batch", pool.own, H2G, 0, 1, pool.end - 7, pool.buffer, 8, naming=hex(pool.end - 7)
    )


def test_addresses_one_byte_before_the_window(pool):
    pool.actor.fails(
        INVALID_PARAM, "copy", pool.own, H2G, 0, pool.base - 1, pool.buffer, 8, naming=hex(pool.base - 1)
    )


@pytest.mark.parametrize("size", [UINT64_MAX, UINT64_MAX - 4095, 1 << 63, (1 << 63) - 1])
def test_sizes_that_overflow(pool, size):
    for kind, pair in ((H2G, (pool.region(1), pool.buffer)), (G2H, (pool.buffer, pool.region(1)))):
        pool.actor.fails(INVALID_PARAM, "copy", pool.own, kind, 0, *pair, size, naming=str(size))
        pool.actor.fails(INVALID_PARAM, "batch", pool.own, kind, 0, 1, *pair, size, naming=str(size))


@pytest.mark.parametrize(
    "pitch,width,height",
    [
        (1 << 62, 8, 8),
        (UINT64_MAX, 8, 2),
        (1 << 32, 8, 1 << 32),
        (1 << 63, 8, 3),
        (UINT64_MAX, UINT64_MAX, 1),
        (8, 8, UINT64_MAX),
    ],
)
def test_rows_that_overflow(pool, pitch, width, height):
    pool.actor.fails(
        INVALID_PARAM, "copy_2d", pool.own, H2G, 0, pool.region(1), pitch, pool.buffer, pitch, width, height
    )


def test_sizes_of_copies_that_are_zero(pool):
    pool.actor.fails(INVALID_PARAM, "copy", pool.own, H2G, 0, pool.base, pool.buffer, 0, naming="0")
    for width, height in ((0, 1), (1, 0)):
        pool.actor.fails(
            INVALID_PARAM,
            "copy_2d",
            pool.own,
            H2G,
            0,
            pool.base,
            8,
            pool.buffer,
            8,
            width,
            height,
            naming="0",
        )
    pool.actor.fails(INVALID_PARAM, "batch", pool.own, H2G, 0, 0, naming="0")
    pool.actor.fails(
        INVALID_PARAM,
        "batch",
        pool.own,
        H2G,
        0,
        2,
        pool.base,
        pool.buffer,
        8,
        pool.base,
        pool.buffer,
        0,
        naming="1",
    )


@pytest.mark.parametrize("source_pitch,destination_pitch", [(99, 100), (100, 99), (0, 100), (100, 0)])
def test_pitches_smaller_than_the_width(pool, source_pitch, destination_pitch):
    pool.actor.fails(
        INVALID_PARAM,
        "copy_2d",
        pool.own,
        H2G,
        0,
        pool.base,
        destination_pitch,
        pool.buffer,
        source_pitch,
        100,
        4,
        naming=["100", str(min(source_pitch, destination_pitch))],
    )


@pytest.mark.parametrize("kind", [COPY_BUTT, 11, 1000, UINT32_MAX])
def test_unknown_copy_types(pool, kind):
    pool.actor.fails(INVALID_PARAM, "copy", pool.own, kind, 0, pool.base, pool.buffer, 8, naming=str(kind))
    pool.actor.fails(INVALID_PARAM, "copy_2d", pool.own, kind, 0, pool.base, 8, pool.buffer, 8, 8, 1)
    pool.actor.fails(INVALID_PARAM, "batch", pool.own, kind, 0, 1, pool.base, pool.buffer, 8)


def test_addresses_of_another_object(pool):
    """A handle copies within its own window alone."""
    other = make_pool(pool.actors, 11)
    pool.actor.fails(
        INVALID_PARAM, "copy", pool.own, G2H, 0, pool.buffer, other.base, 8, naming=hex(other.base)
    )


# ---- order of calls ----


@pytest.mark.parametrize("kind,flags", [(H2G, 0), (G2H, 0), (L2G, 0), (G2G, 0), (H2G, ASYNC)])
def test_copies_before_join(harness, kind, flags):
    actors = harness.ranks(2)
    for actor in actors:
        create(actor)
    actors[1].call("join", actors[1].handles[0], 0)
    first = actors[0]
    base, buffer = first.value("ptr", first.handles[0], 0), first.value("alloc", 4096)
    addresses = {
        H2G: (base + 2 * MIB, buffer),
        L2G: (base + 2 * MIB, buffer),
        G2H: (buffer, base + 2 * MIB),
        G2G: (base + 3 * MIB, base + 2 * MIB),
    }[kind]
    first.fails(NOT_STARTED, "copy", first.handles[0], kind, flags, *addresses, 8, naming="join")
    first.fails(
        NOT_STARTED,
        "copy_2d",
        first.handles[0],
        kind,
        flags,
        addresses[0],
        8,
        addresses[1],
        8,
        8,
        1,
        naming="join",
    )
    first.fails(NOT_STARTED, "batch", first.handles[0], kind, flags, 1, *addresses, 8, naming="join")


@pytest.mark.parametrize("kind", [H2G, G2H])
def test_copies_after_leave(harness, kind):
    made = start_pool(harness, 2)
    first = made.actors[0]
    first.call("leave", made.handle(first), 0)
    buffer = first.value("alloc", 4096)
    pair = (made.region(1), buffer) if kind == H2G else (buffer, made.region(1))
    first.fails(NOT_STARTED, "copy", made.handle(first), kind, 0, *pair, 8, naming="join")


def test_failures_at_many_processes_at_once_disturb_nobody(harness):
    made = start_pool(harness, 16)
    for actor in made.actors:
        actor.buffer = actor.value("alloc", 64)
        for _ in range(50):
            actor.send("copy", made.handle(actor), H2G, 0, made.end - 63, actor.buffer, 64)
    for actor in made.actors:
        for _ in range(50):
            if actor.answer().code != INVALID_PARAM:
                raise Failed(f"{actor.name} copied past the end")
    together(made.actors, "copy", made.handle, H2G, 0, made.end - 64, lambda actor: actor.buffer, 64)
