# SPDX-License-Identifier: Apache-2.0
"""SHM objects that work: memory, barrier, allgather, contexts, several at once, life and re-creation."""
import pytest
from actors import together
from pool import DUPLICATED_OBJECT, MIB, OBJECT_NOT_EXISTS
from shared import MTE, SDMA, init, make_shared, start_shared, start_world


def test_config_has_the_documented_defaults(harness):
    actor = harness.actor()
    actor.call("shm_config_init")
    assert actor.call("shm_config").values == [120, 120, 120, 1, 0]


@pytest.mark.parametrize("count", [1, 2, 4, 16])
def test_every_rank_sees_the_memory_of_all(harness, count):
    shared = start_shared(harness, count)
    for rank, actor in enumerate(shared.actors):
        assert actor.value("shm_rank", shared(actor)) == rank
        assert actor.value("shm_rank_size", shared(actor)) == count
        actor.call("all", shared.region(rank), shared.size, 0)
    for rank, actor in enumerate(shared.actors):
        actor.call("set", shared.region(rank), shared.size, rank + 1)
    shared.all("shm_barrier")
    for actor in shared.actors:
        for rank in range(count):
            shared.expect(actor, shared.region(rank), shared.size, rank + 1)


@pytest.mark.parametrize("count", [2, 4, 16])
def test_allgather_gives_all_parts_in_the_order_of_ranks(harness, count):
    shared = start_shared(harness, count)
    for size in (1, 7, 65536):
        for actor in shared.actors:
            actor.send("shm_allgather", shared(actor), size, size * count, 10 * actor.rank)
        for actor in shared.actors:
            assert actor.expect_ok().values == [10 * rank for rank in range(count)]


def test_put_and_get_reach_the_last_byte_of_every_rank(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    buffer = one.value("alloc", MIB)
    one.call("set", buffer, MIB, 0x5A)
    for rank in (0, 1):
        one.call("shm_put", shared(one), shared.region(rank) + shared.size - MIB, buffer, MIB)
        shared.expect(two, shared.region(rank) + shared.size - MIB, MIB, 0x5A)
    # Across the border of two ranks.
    two.call("shm_get", shared(two), two.value("alloc", 8), shared.region(1) - 4, 8)
    copy = two.value("alloc", MIB)
    two.call("shm_get", shared(two), copy, shared.region(1) + shared.size - MIB, MIB)
    two.call("all", copy, MIB, 0x5A)
    # From one rank's memory to another one's.
    one.call("shm_put", shared(one), shared.region(1), shared.region(0) + shared.size - 64, 64)
    two.call("all", shared.region(1), 64, 0x5A)


def test_context_is_kept_by_rank_and_replaced(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    assert one.value("shm_context_size", shared(one)) == 0
    for size, first in ((1, 3), (65536, 7), (100, 9)):
        one.call("shm_set_context", shared(one), size, first)
        assert one.value("shm_context_size", shared(one)) == size
        assert one.call("shm_get_context", shared(one), 65536).values == [size, first, 1]
        assert one.call("shm_get_context", shared(one), size).values == [size, first, 1]
    assert two.value("shm_context_size", shared(two)) == 0


def test_neighbours_are_reached_by_load_store_and_copy(harness):
    shared = start_shared(harness, 2)
    for actor in shared.actors:
        assert actor.value("shm_query") == MTE | SDMA
        for rank in (0, 1):
            assert actor.value("shm_reach", shared(actor), rank) == MTE | SDMA


def test_objects_and_sub_groups_work_at_once_from_several_threads(harness):
    actors = start_world(harness, 4)
    everybody = make_shared(actors, 0)
    # The same ranks in another order, and two halves.
    turned = make_shared(actors[::-1], 1, 4 * MIB)
    low, high = make_shared(actors[:2], 2), make_shared(actors[2:], 3, 4 * MIB)
    assert actors[3].value("shm_rank", turned(actors[3])) == 0
    for actor in actors:
        half = low if actor in low.actors else high
        actor.send("shm_rounds", 50, everybody(actor), turned(actor), half(actor))
    for actor in actors:
        assert actor.expect_ok(120).value == 3
    ranges = [(shared.base, shared.base + len(shared.actors) * shared.size)
              for shared in (everybody, turned, low, high)]
    ranges.sort()
    assert all(end <= begin for (_, end), (begin, _) in zip(ranges, ranges[1:]))
    high.actors[0].call("set", high.region(1), 4 * MIB, 9)
    high.expect(high.actors[1], high.region(1), 4 * MIB, 9)
    low.expect(low.actors[0], low.region(1), 2 * MIB, 0)


def test_objects_are_created_by_several_threads_at_once(harness):
    actors = start_world(harness, 2)
    for rank, actor in enumerate(actors):
        # In the opposite order at the two ranks: each waits for the other in both.
        actor.call("background", 1, f"shm_create {rank} 2 {rank} {2 * MIB} 1 0")
    together(actors, "shm_create", lambda actor: 1 - actor.rank, 2, lambda actor: actor.rank, 2 * MIB, MTE, 0)
    for actor in actors:
        assert actor.call("background_result").text.startswith("ok ")


def test_destroyed_object_is_created_anew_with_other_sizes(harness):
    actors = start_world(harness, 3)
    for round_number in range(5):
        size = 2 * MIB * (1 + round_number % 2)
        shared = make_shared(actors[: 2 + round_number % 2], 5, size)
        for rank, actor in enumerate(shared.actors):
            actor.call("all", shared.region(rank), size, 0)
            actor.call("set", shared.region(rank), size, 77)
        # No rank waits for another one's destroy.
        for actor in shared.actors:
            actor.call("shm_destroy", shared(actor), 0)


def test_second_destroy_says_that_the_object_is_gone(harness):
    shared = start_shared(harness, 2)
    shared.all("shm_destroy", 0)
    for actor in shared.actors:
        actor.fails(OBJECT_NOT_EXISTS, "shm_destroy", shared(actor), 0, naming="destroyed")
        actor.fails(OBJECT_NOT_EXISTS, "shm_barrier", shared(actor))
        assert actor.fails(0, "shm_rank", shared(actor), naming="destroyed")


def test_addresses_stay_readable_and_zero_after_destroy(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    one.call("set", shared.region(0), shared.size, 1)
    one.call("shm_destroy", shared(one), 0)
    two.call("all", shared.region(0), shared.size, 0)


def test_init_twice_is_fine_and_uninit_lets_the_rank_go(harness):
    actors = start_world(harness, 2)
    actors[1].call("shm_init", harness.url, 2, 1, 0)
    stranger = harness.actor()
    stranger.call("shm_config_init")
    stranger.fails(DUPLICATED_OBJECT, "shm_init", harness.url, 2, 1, 0, naming="rank 1")
    actors[1].call("shm_uninit", 0)
    actors[1].call("shm_uninit", 0)
    init(stranger, harness.url, 2, 1)
    make_shared([actors[0], stranger])


def test_store_that_runs_already_is_accepted(harness):
    keeper = harness.actor()
    keeper.call("create_store", harness.url)
    make_shared(start_world(harness, 2))


def test_bm_and_shm_of_a_process_share_the_store(harness):
    actors = harness.ranks(2)
    for rank, actor in enumerate(actors):
        init(actor, harness.url, 2, rank, wait=False)
    for actor in actors:
        actor.expect_ok()
    shared = make_shared(actors)
    bm = [answer.value for answer in together(actors, "create", 0, 2, 1, 2 * MIB, 0, 0)]
    together(actors, "join", lambda actor: bm[actor.rank], 0)
    pool = actors[0].value("ptr", bm[0], 0)
    assert not shared.base <= pool < shared.base + 2 * shared.size
    buffer = actors[0].value("alloc", 64)
    actors[0].call("copy", bm[0], 3, 0, pool + 2 * MIB, buffer, 64)
    shared.all("shm_barrier")


def test_handles_of_bm_are_none_of_shm(harness):
    actors = harness.ranks(1)
    init(actors[0], harness.url, 1, 0)
    handle = actors[0].value("create", 0, 1, 1, 2 * MIB, 0, 0)
    actors[0].fails(OBJECT_NOT_EXISTS, "shm_barrier", handle)
