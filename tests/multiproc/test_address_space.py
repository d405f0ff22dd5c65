# SPDX-License-Identifier: Apache-2.0
"""Where the pool lies and what its memory is: agreement on the base, huge pages, NUMA nodes, hosts."""
import contextlib
import pathlib

import pytest

from actors import sanitizer, together
from pool import H2G, INVALID_PARAM, MALLOC_FAILED, MIB, create, make_pool, start_pool

FIRST, SECOND, THIRD = 0x200000000000, 0x300000000000, 0x380000000000
CANDIDATES = {"MF_GVA_BASE": f"{FIRST:#x},{SECOND:#x},{THIRD:#x}", "MF_ARENA_SIZE": "1G"}
HUGE_POOL = pathlib.Path("/proc/sys/vm/nr_hugepages")

one_address_space = pytest.mark.skipif(
    sanitizer() == "thread", reason="ThreadSanitizer lets nobody map at these addresses"
)


def copy_through(pool):
    """Every rank writes to the next one's last bytes and reads them back."""
    for actor in pool.actors:
        target = pool.region((actor.rank + 1) % len(pool.actors)) + pool.stride - 4097
        buffer = actor.value("alloc", 4097)
        actor.call("fill", buffer, 4097, actor.rank)
        actor.call("copy", pool.handle(actor), H2G, 0, target, buffer, 4097)
        actor.call("check", target, 4097, actor.rank)


# ---- the base ----


@one_address_space
def test_the_base_is_the_first_candidate(harness):
    pool = start_pool(harness, 2, environment=CANDIDATES)
    assert pool.base == FIRST
    copy_through(pool)


@one_address_space
def test_a_candidate_that_one_process_cannot_have_is_passed_over(harness):
    """The first one has reserved it already, and moves, since no window exists yet."""
    actors = harness.actors(3, CANDIDATES)
    actors[2].call("occupy", FIRST + 512 * MIB, 4096)
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, 3)
    pool = make_pool(actors)
    assert pool.base == SECOND
    copy_through(pool)


@one_address_space
def test_a_latecomer_that_cannot_have_the_base_is_told_what_is_in_the_way(harness):
    actors = harness.actors(3, CANDIDATES)
    for rank, actor in enumerate(actors[:2]):
        harness.init(actor, rank, 3)
    pool = make_pool(actors[:2], members=3)
    late = actors[2]
    late.call("occupy", FIRST + 512 * MIB, 4096)
    late.call("config_init")
    late.call("config", "rankId", 2)
    in_the_way = f"{FIRST + 512 * MIB:x}-{FIRST + 512 * MIB + 4096:x}"
    late.fails(MALLOC_FAILED, "bm_init", harness.url, 3, 0, naming=[in_the_way, "MF_GVA_BASE"])
    copy_through(pool)


@one_address_space
def test_no_candidate_at_all(harness):
    actor = harness.actor(environment={"MF_GVA_BASE": f"{FIRST:#x}", "MF_ARENA_SIZE": "1G"})
    actor.call("occupy", FIRST, 4096)
    actor.call("config_init")
    actor.call("config", "rankId", 0)
    actor.fails(MALLOC_FAILED, "bm_init", harness.url, 1, 0, naming=[f"{FIRST:x}-", "MF_GVA_BASE", "MF_ARENA_SIZE"])


@pytest.mark.parametrize(
    "name, value",
    [("MF_GVA_BASE", "somewhere"), ("MF_ARENA_SIZE", "12"), ("MF_HUGE_PAGES", "please"), ("MF_NUMA_NODE", "-2")],
)
def test_options_that_cannot_be(harness, name, value):
    actor = harness.actor(environment={name: value})
    actor.call("config_init")
    actor.call("config", "rankId", 0)
    actor.fails(INVALID_PARAM, "bm_init", harness.url, 1, 0, naming=[name, value])


def test_an_unknown_option_is_a_warning_with_the_nearest_name(harness):
    actor = harness.ranks(1, environment={"MF_COPY_THREAD": "2"})[0]
    assert "MF_COPY_THREAD " in actor.stderr() and "MF_COPY_THREADS" in actor.stderr()


# ---- pages and nodes ----


@contextlib.contextmanager
def huge_pages(count):
    """The kernel's pool of 2 MiB pages, made for a test where that is allowed."""
    before = HUGE_POOL.read_text()
    try:
        HUGE_POOL.write_text(str(count))
        got = int(HUGE_POOL.read_text())
    except OSError as error:
        pytest.skip(f"huge pages cannot be set aside here: {error}")
    try:
        if got < count:
            pytest.skip(f"the kernel gives {got} huge pages, the test needs {count}")
        yield
    finally:
        HUGE_POOL.write_text(before)


def free_huge_pages():
    return int(pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages").read_text())


@pytest.mark.parametrize("wish", ["try", "require"])
def test_huge_pages_hold_the_pool(harness, wish):
    with huge_pages(16):
        pool = start_pool(harness, 2, dram=4 * MIB, hbm=2 * MIB, environment={"MF_HUGE_PAGES": wish})
        # A page for the header, three for every rank.
        assert free_huge_pages() == 16 - 7
        copy_through(pool)
        together(pool.actors, "leave", pool.handle, 0)
        assert free_huge_pages() == 16 - 1
        together(pool.actors, "bm_uninit", 0)
        assert free_huge_pages() == 16


def test_huge_pages_that_are_missing_are_replaced_with_a_warning(harness):
    pool = start_pool(harness, 2, environment={"MF_HUGE_PAGES": "try"})
    copy_through(pool)
    warnings = [actor for actor in pool.actors if "nr_hugepages" in actor.stderr()]
    assert len(warnings) == 1, "whoever makes the segment says so, once"


def test_huge_pages_that_are_missing_are_an_error_where_required(harness):
    actor = harness.ranks(1, environment={"MF_HUGE_PAGES": "require"})[0]
    text = actor.fails(0, "create", 0, 1, 1, 4 * MIB, 0, 0, naming=["huge", "nr_hugepages", "MF_HUGE_PAGES"])
    assert "BM 0" in text


def test_huge_pages_that_run_out_fail_the_join_that_needs_them(harness):
    with huge_pages(4):
        actors = harness.ranks(2, environment={"MF_HUGE_PAGES": "require"})
        handles = [create(actor, dram=4 * MIB) for actor in actors]
        actors[0].call("join", handles[0], 0)
        actors[1].fails(MALLOC_FAILED, "join", handles[1], 0, naming=["huge", str(4 * MIB)])
        actors[0].call("leave", handles[0], 0)
        actors[1].call("join", handles[1], 0)


@pytest.mark.parametrize("node, warns", [("0", False), ("1000", True)])
def test_numa_node(harness, node, warns):
    pool = start_pool(harness, 2, environment={"MF_NUMA_NODE": node})
    copy_through(pool)
    for actor in pool.actors:
        assert ("MF_NUMA_NODE" in actor.stderr()) == warns


# ---- hosts ----


def test_processes_that_share_no_folder_are_told_so(harness, tmp_path):
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    first = harness.actor()
    second = harness.actor(environment={"MF_RUNTIME_DIR": str(other)})
    harness.init(first, 0, 2)
    harness.init(second, 1, 2)
    create(first)
    second.fails(0, "create", 0, 2, 1, 2 * MIB, 0, 0, naming=["MF_RUNTIME_DIR", "bm/0"])
