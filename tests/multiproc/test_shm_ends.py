# SPDX-License-Identifier: Apache-2.0
"""Ranks of an SHM object that leave, die or call for the exit; forks; ends that are bounded."""
import pytest
from actors import together, wait_for
from pool import MIB, NOT_INITIALIZED, PEER_LOST
from shared import MTE, init, make_shared, start_shared, start_world


@pytest.mark.parametrize("count", [2, 4, 16])
@pytest.mark.parametrize("call", ["shm_barrier", "shm_allgather"])
def test_rank_that_dies_fails_the_others_round_naming_it(harness, count, call):
    shared = start_shared(harness, count)
    more = () if call == "shm_barrier" else (4, 4 * count, 0)
    victim = shared.actors[-1]
    for actor in shared.actors[:-1]:
        actor.send(call, shared(actor), *more)
    victim.kill()
    for actor in shared.actors[:-1]:
        answer = actor.answer()
        assert answer.code == PEER_LOST and f"rank {count - 1} of {count} is gone" in answer.text, answer.text
        # And every later one, though that rank never took part in a round.
        actor.fails(PEER_LOST, call, shared(actor), *more, naming=f"rank {count - 1}")


def test_rank_that_leaves_fails_the_others_round(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    one.send("shm_barrier", shared(one))
    two.call("shm_destroy", shared(two), 0)
    assert one.answer().code == PEER_LOST
    one.fails(PEER_LOST, "shm_barrier", shared(one), naming=("rank 1", "left"))


def test_memory_of_a_dead_rank_is_given_back_and_reads_zeros(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    two.call("set", shared.region(1), shared.size, 3)
    buffer = one.value("alloc", 64)
    two.kill()
    wait_for(lambda: one.value("shm_reach", shared(one), 1) == 0, "the loss to be noticed")
    one.fails(PEER_LOST, "shm_put", shared(one), shared.region(1), buffer, 64, naming="rank 1")
    one.fails(PEER_LOST, "shm_get", shared(one), buffer, shared.region(1), 64, naming="rank 1")
    wait_for(lambda: one.ask("all", shared.region(1), shared.size, 0).ok, "the memory to be given back")
    one.call("shm_put", shared(one), shared.region(0), buffer, 64)


def test_object_is_created_anew_with_the_successor_of_a_dead_rank(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    two.kill()
    wait_for(lambda: one.value("shm_reach", shared(one), 1) == 0, "the loss to be noticed")
    one.call("shm_destroy", shared(one), 0)
    one.send("shm_create", 0, 2, 0, 2 * MIB, MTE, 0)
    successor = harness.actor()
    init(successor, harness.url, 2, 1)
    handle = successor.call("shm_create", 0, 2, 1, 2 * MIB, MTE, 0).values[0]
    own = one.expect_ok().values[0]
    one.send("shm_barrier", own)
    successor.call("shm_barrier", handle)
    one.expect_ok()


def test_rank_that_dies_while_others_wait_for_it_to_create(harness):
    actors = harness.actors(4)
    for rank, actor in enumerate(actors):
        init(actor, harness.url, 4, rank, (60, 1 if rank == 3 else 60, 60))
    for actor in actors[:2]:
        actor.send("shm_create", 0, 3, actor.rank, 2 * MIB, MTE, 0)
    # The fourth rank's own creation, in vain, tells who is waiting for what.
    wait_for(lambda: actors[3].ask("shm_create", 1, 2, 0, 2 * MIB, MTE, 0).text.count("of SHM 0") == 2, "both", 30)
    actors[1].kill()
    answer = actors[0].answer()
    assert not answer.ok and "rank 1 (process 1 of the world) was lost" in answer.text


def test_uninit_while_others_wait_is_bounded_and_fails_them(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    one.send("shm_barrier", shared(one))
    two.call("shm_uninit", 0, timeout=10)
    assert one.answer().code == PEER_LOST
    one.call("shm_uninit", 0, timeout=10)


def test_uninit_ends_without_the_store(harness):
    keeper = harness.actor()
    keeper.call("create_store", harness.url)
    shared = start_shared(harness, 2)
    keeper.kill()
    together(shared.actors, "shm_uninit", 0, timeout=20)


def test_destroy_succeeds_where_rank_0_and_its_store_have_ended(harness):
    shared = start_shared(harness, 2)
    shared.all("shm_barrier")
    shared.actors[0].call("shm_uninit", 0)
    shared.actors[0].quit()
    shared.actors[1].call("shm_destroy", shared.handles[1], 0, timeout=10)
    shared.actors[1].call("shm_uninit", 0, timeout=10)


def test_uninit_ends_the_own_barrier_of_another_thread(harness):
    shared = start_shared(harness, 2)
    one = shared.actors[0]
    one.call("background", 1, f"shm_barrier {shared(one)}")
    one.call("shm_uninit", 0)
    assert one.call("background_result").text.startswith("err")


@pytest.mark.parametrize("caller", [0, 1, 3])
def test_global_exit_calls_every_registered_function_once(harness, caller):
    shared = start_shared(harness, 4)
    for actor in shared.actors[:-1]:
        actor.call("shm_register_exit", shared(actor), "note")
    shared.actors[caller].call("shm_global_exit", shared.handles[caller], 42)
    for actor in shared.actors[:-1]:
        assert actor.call("shm_exit_calls", 1).values == [1, 42, 1]
    # Late, and in vain twice.
    late = shared.actors[-1]
    late.call("shm_register_exit", shared(late), "note")
    assert late.call("shm_exit_calls", 1).values == [1, 42, 1]
    shared.actors[0].call("shm_global_exit", shared.handles[0], 43)
    shared.all("shm_barrier")
    for actor in shared.actors:
        assert actor.call("shm_exit_calls", 1).values == [1, 42, 1]


def test_exit_of_one_object_is_none_of_another_or_of_its_successor(harness):
    actors = start_world(harness, 2)
    one, two = make_shared(actors, 0), make_shared(actors, 1)
    two.all("shm_register_exit", "note")
    one.actors[0].call("shm_global_exit", one.handles[0], 7)
    one.all("shm_register_exit", "note")
    for actor in actors:
        assert actor.call("shm_exit_calls", 1).values[:2] == [1, 7]
    one.all("shm_destroy", 0)
    again = make_shared(actors, 0)
    again.all("shm_register_exit", "note")
    again.all("shm_barrier")
    for actor in actors:
        assert actor.call("shm_exit_calls", 1).values[:2] == [1, 7]


def test_exit_function_may_end_the_process(harness):
    shared = start_shared(harness, 3)
    shared.all("shm_register_exit", "exit")
    shared.actors[1].send("shm_barrier", shared.handles[1])
    shared.actors[2].send("shm_global_exit", shared.handles[2], 17)
    for actor in shared.actors:
        actor.killed = True  # it ends by itself, and not with 0
        assert actor.wait() == 17


def test_exit_function_that_blocks_stops_nobody(harness):
    shared = start_shared(harness, 2)
    shared.all("shm_register_exit", "block")
    shared.actors[0].call("shm_global_exit", shared.handles[0], 1)
    for actor in shared.actors:
        actor.call("shm_exit_calls", 1)
    shared.all("shm_barrier")
    together(shared.actors, "shm_uninit", 0, timeout=10)


def test_forked_child_has_no_shm(harness):
    shared = start_shared(harness, 1)
    one = shared.actors[0]
    text = one.call("fork", "exit", f"shm_barrier {shared(one)};shm_uninit 0").text
    assert str(NOT_INITIALIZED) in text
    shared.all("shm_barrier")
