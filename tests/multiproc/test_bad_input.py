# SPDX-License-Identifier: Apache-2.0
"""Wrong arguments to BM but for copies: the documented code, a text that names what matters, no change."""
import pytest

from actors import sanitizer
from pool import (
    DUPLICATED_OBJECT,
    GIB,
    H2G,
    INVALID_PARAM,
    KIB,
    MALLOC_FAILED,
    MIB,
    NOT_INITIALIZED,
    OBJECT_NOT_EXISTS,
    SDMA,
    UINT32_MAX,
    UINT64_MAX,
    create,
    make_pool,
)

NO_CODE = 0  # functions that return a pointer or a number have only the text


# ---- null pointers ----


def test_null_pointers_in_init(harness):
    actor = harness.actor()
    actor.fails(INVALID_PARAM, "config_init", None, naming="null")
    actor.call("config_init")
    actor.call("config", "rankId", 0)
    actor.fails(INVALID_PARAM, "bm_init", None, 1, 0, naming="url")
    actor.fails(INVALID_PARAM, "bm_init", harness.url, 1, 0, "noconfig", naming="config")
    actor.fails(INVALID_PARAM, "create_store", None, naming="url")


def test_null_handle_everywhere(pool):
    for words in (
        ["join", 0, 0],
        ["leave", 0, 0],
        ["copy", 0, H2G, 0, pool.base, pool.buffer, 8],
        ["copy_2d", 0, H2G, 0, pool.base, 8, pool.buffer, 8, 8, 1],
        ["batch", 0, H2G, 0, 1, pool.base, pool.buffer, 8],
        ["wait", 0],
        ["register", 0, pool.buffer, 8],
    ):
        pool.actor.fails(INVALID_PARAM, *words, naming="null")
    for words in (["size", 0], ["ptr", 0, 0], ["ptr_by_type", 0, 2, 0], ["rank_by_gva", 0, pool.base]):
        pool.actor.fails(NO_CODE, *words, naming="null")
    pool.actor.call("destroy", 0)


# ---- handles ----


@pytest.mark.parametrize("handle", [1, 0xDEADBEEF, UINT64_MAX, 1 << 63])
def test_unknown_handles(pool, handle):
    assert handle != pool.own
    for words in (
        ["join", handle, 0],
        ["leave", handle, 0],
        ["copy", handle, H2G, 0, pool.base, pool.buffer, 8],
        ["wait", handle],
        ["copy_2d", handle, H2G, 0, pool.base, 8, pool.buffer, 8, 8, 1],
        ["batch", handle, H2G, 0, 1, pool.base, pool.buffer, 8],
        ["register", handle, pool.buffer, 8],
    ):
        pool.actor.fails(OBJECT_NOT_EXISTS, *words, naming="handle")
    for words in (
        ["size", handle],
        ["ptr", handle, 0],
        ["ptr_by_type", handle, 2, 0],
        ["rank_by_gva", handle, pool.base],
    ):
        pool.actor.fails(NO_CODE, *words, naming="handle")
    pool.actor.call("destroy", handle)


def test_stale_handles(pool):
    stale = create(pool.actor, 7)
    pool.actor.call("destroy", stale)
    fresh = create(pool.actor, 7)
    assert fresh != stale
    pool.actor.fails(OBJECT_NOT_EXISTS, "join", stale, 0, naming="handle")
    pool.actor.fails(OBJECT_NOT_EXISTS, "copy", stale, H2G, 0, pool.base, pool.buffer, 8, naming="handle")
    pool.actor.call("destroy", stale)
    pool.actor.call("join", fresh, 0)


def test_handles_of_before_uninit_are_stale(harness):
    actor = harness.ranks(1)[0]
    handle = create(actor, members=1)
    actor.call("bm_uninit", 0)
    actor.fails(NOT_INITIALIZED, "join", handle, 0, naming="smem_bm_init")
    harness.init(actor, 0, 1)
    actor.fails(OBJECT_NOT_EXISTS, "join", handle, 0, naming="handle")


def test_everything_before_init(harness):
    actor = harness.actor()
    for words in (
        ["join", 1, 0],
        ["leave", 1, 0],
        ["copy", 1, H2G, 0, 8, 8, 8],
        ["copy_2d", 1, H2G, 0, 8, 8, 8, 8, 8, 1],
        ["batch", 1, H2G, 0, 1, 8, 8, 8],
        ["wait", 1],
        ["register", 1, 4096, 8],
    ):
        actor.fails(NOT_INITIALIZED, *words, naming="smem_bm_init")
    for words in (
        ["create", 0, 1, SDMA, 2 * MIB, 0, 0],
        ["size", 1],
        ["ptr", 1, 0],
        ["ptr_by_type", 1, 2, 0],
        ["rank_by_gva", 1, 8],
    ):
        actor.fails(NO_CODE, *words, naming="smem_bm_init")
    actor.call("destroy", 1)


# ---- ids, worlds, ranks, members ----


@pytest.mark.parametrize("number", [64, 65, 1000, UINT32_MAX])
def test_ids_outside_0_to_63(pool, number):
    pool.actor.fails(NO_CODE, "create", number, 2, SDMA, 2 * MIB, 0, 0, naming=[str(number), "63"])


def test_duplicate_id(pool):
    pool.actor.fails(NO_CODE, "create", 0, 2, SDMA, 2 * MIB, 2 * MIB, 0, naming="0")


@pytest.mark.parametrize("world", [0, 1025, UINT32_MAX])
def test_world_sizes_0_and_1025(harness, world):
    actor = harness.actor()
    actor.call("config_init")
    actor.call("config", "rankId", 0)
    actor.fails(INVALID_PARAM, "bm_init", harness.url, world, 0, naming=[str(world), "1024"])


@pytest.mark.parametrize("rank,world", [(1, 1), (4, 4), (65534, 1024), (1024, 1024)])
def test_rank_not_below_world(harness, rank, world):
    actor = harness.actor()
    actor.call("config_init")
    actor.call("config", "rankId", rank)
    actor.fails(INVALID_PARAM, "bm_init", harness.url, world, 0, naming=[str(rank), str(world)])


def test_rank_that_is_not_set(harness):
    actor = harness.actor()
    actor.call("config_init")
    actor.fails(INVALID_PARAM, "bm_init", harness.url, 4, 0, naming=["rankId", "autoRanking"])


def test_two_ranks_with_the_same_id(harness):
    first, second = harness.actors(2)
    harness.init(first, 0, 2)
    second.call("config_init")
    second.call("config", "rankId", 0, "startConfigStore", 0)
    second.fails(DUPLICATED_OBJECT, "bm_init", harness.url, 2, 0, naming="rank 0")
    harness.init(second, 1, 2)
    made = make_pool([first, second])
    first.call("fill", made.region(1), 8, 1)
    second.call("check", made.region(1), 8, 1)


@pytest.mark.parametrize("members", [3, 1025, UINT32_MAX])
def test_member_sizes_outside_the_world(pool, members):
    pool.actor.fails(NO_CODE, "create", 1, members, SDMA, 2 * MIB, 0, 0, naming=str(members))


# ---- sizes ----


def test_sizes_that_are_zero(pool):
    pool.actor.fails(NO_CODE, "create", 1, 2, SDMA, 0, 0, 0, naming="0")


@pytest.mark.parametrize("size", [1, 4096, MIB, 2 * MIB - 1, 2 * MIB + 1, 3 * MIB, UINT64_MAX])
@pytest.mark.parametrize("kind", ["dram", "hbm"])
def test_sizes_that_are_no_multiple_of_2_mib(pool, size, kind):
    sizes = (size, 2 * MIB) if kind == "dram" else (2 * MIB, size)
    pool.actor.fails(NO_CODE, "create", 1, 2, SDMA, *sizes, 0, naming=str(size))


@pytest.mark.parametrize(
    "sizes", [(4096 * GIB, 0), (0, 4096 * GIB), (UINT64_MAX - 2 * MIB + 1, 0), (1 << 63, 1 << 63)]
)
def test_sizes_that_are_too_large(pool, sizes):
    pool.actor.fails(NO_CODE, "create", 1, 2, SDMA, *sizes, 0, naming=["MF_MAX_REGION_SIZE"])


def test_sizes_that_do_not_fit_the_address_space(harness):
    actor = harness.ranks(1, world=1024, environment={"MF_ARENA_SIZE": "64G"})[0]
    actor.fails(NO_CODE, "create", 1, 2, SDMA, 1 * GIB, 0, 0, naming="MF_ARENA_SIZE")
    handle = create(actor, 2)
    actor.call("join", handle, 0)


def test_sizes_larger_than_the_machine(harness):
    """Create stays local and takes no memory; join says how much is missing. Nothing was given away."""
    with open("/proc/meminfo", encoding="utf-8") as file:
        total = next(int(line.split()[1]) for line in file if line.startswith("MemTotal:")) * KIB
    size = total * 3 // 2 // (2 * MIB) * 2 * MIB
    if sanitizer() == "thread" and size > 60 * GIB:
        pytest.skip("ThreadSanitizer leaves 64 GiB of addresses")
    actor = harness.ranks(1)[0]
    handle = create(actor, 3, members=1, dram=size)
    actor.fails(MALLOC_FAILED, "join", handle, 0, naming=str(size), timeout=60)
    actor.call("destroy", handle)
    small = create(actor, 3, members=1)
    actor.call("join", small, 0)


def test_ranks_that_disagree_about_sizes(pool):
    """The refusal holds both numbers."""
    create(pool.actor, 9, dram=4 * MIB)
    answer = pool.actors[1].ask("create", 9, 2, SDMA, 6 * MIB, 0, 0)
    if answer.ok:
        answer = pool.actors[1].ask("join", answer.value, 0)
    assert not answer.ok
    assert str(4 * MIB) in answer.text and str(6 * MIB) in answer.text, answer


def test_ranks_that_disagree_about_the_kind_of_memory(pool):
    create(pool.actor, 9, dram=4 * MIB, hbm=0)
    answer = pool.actors[1].ask("create", 9, 2, SDMA, 0, 4 * MIB, 0)
    if answer.ok:
        answer = pool.actors[1].ask("join", answer.value, 0)
    assert not answer.ok and "DRAM" in answer.text and "HBM" in answer.text, answer


# ---- addresses ----


@pytest.mark.parametrize("rank", [2, 1023, 1024, 65535])
def test_pointers_of_ranks_outside_the_world(pool, rank):
    pool.actor.fails(NO_CODE, "ptr", pool.own, rank, naming=str(rank))
    pool.actor.fails(NO_CODE, "ptr_by_type", pool.own, 2, rank, naming=str(rank))


@pytest.mark.parametrize("kind", [4, 5, 1000])
def test_unknown_memory_types(pool, kind):
    pool.actor.fails(NO_CODE, "ptr_by_type", pool.own, kind, 0, naming=str(kind))
    assert pool.actor.value("size_by_type", pool.own, kind) == 0


def test_registration_of_nothing(pool):
    pool.actor.fails(INVALID_PARAM, "register", pool.own, 0, 4096, naming="0x0")
    pool.actor.fails(INVALID_PARAM, "register", pool.own, pool.buffer, 0, naming="0")
    pool.actor.fails(INVALID_PARAM, "register", pool.own, UINT64_MAX - 4095, 8192)
    pool.actor.fails(OBJECT_NOT_EXISTS, "unregister", pool.buffer, naming=hex(pool.buffer))
