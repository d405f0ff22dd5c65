# SPDX-License-Identifier: Apache-2.0
"""What SHM refuses, by code and text, and that it works afterwards."""
import pytest
from pool import ERROR, INVALID_PARAM, MIB, NOT_INITIALIZED, TIMEOUT
from shared import MTE, make_shared, start_shared, start_world


def ask_all(actors, *lists):
    """Each actor gets its own command; returns the answers."""
    for actor, words in zip(actors, lists):
        actor.send(*words)
    return [actor.answer(60) for actor in actors]


def all_refused(answers, *naming):
    for answer in answers:
        assert not answer.ok, answer.text
        for part in naming:
            assert str(part) in answer.text, answer.text


def create_words(number, size, rank, count, kind=MTE, *more):
    return ("shm_create", number, count, rank, size, kind, 0, *more)


@pytest.fixture
def shared(harness):
    made = start_shared(harness, 2)
    yield made
    made.all("shm_barrier")


@pytest.mark.parametrize("words, naming", [
    (("NULL", 2, 0, 0), "store URL is null"),
    (("tcp://127.0.0.1:5000", 2, 0, 0, "noconfig"), "configuration is null"),
    (("tcp://127.0.0.1:5000", 0, 0, 0), "world size 0"),
    (("tcp://127.0.0.1:5000", 1025, 0, 0), "1025"),
    (("tcp://127.0.0.1:5000", 2, 2, 0), "rank 2"),
    (("nonsense", 2, 0, 0), "nonsense"),
])
def test_init_refuses(harness, words, naming):
    actor = harness.actor()
    actor.call("shm_config_init")
    actor.fails(INVALID_PARAM, "shm_init", *words, naming=naming)
    actor.fails(INVALID_PARAM, "shm_config_init_null", naming="null")


@pytest.mark.parametrize("timeouts, name", [((0, 1, 1), "shmInitTimeout is 0"), ((1, 0, 1), "shmCreateTimeout 0"),
                                            ((1, 1, 0), "controlOperationTimeout 0")])
def test_init_refuses_timeouts_of_zero(harness, timeouts, name):
    actor = harness.actor()
    actor.call("shm_config_init")
    actor.call("shm_timeouts", *timeouts)
    actor.fails(INVALID_PARAM, "shm_init", harness.url, 2, 0, 0, naming=name)


def test_init_ends_where_no_store_answers(harness):
    actor = harness.actor()
    actor.call("shm_config_init")
    actor.call("shm_timeouts", 1, 1, 1)
    answer = actor.ask("shm_init", harness.url, 2, 1, 0)
    assert not answer.ok and harness.url.removeprefix("tcp://") in answer.text


def test_every_call_before_init_and_after_uninit_says_so(harness):
    shared = start_shared(harness, 1)
    shared.all("shm_uninit")
    one, fresh = shared.actors[0], harness.actor()
    for actor in (one, fresh):
        handle = shared.handles[0]
        for words in (("shm_barrier", handle), ("shm_destroy", handle, 0), ("shm_reach", handle, 0),
                      ("shm_set_context", handle, 1, 1), ("shm_get_context", handle, 1), ("shm_context_size", handle),
                      ("shm_allgather", handle, 1, 1, 1), ("shm_put", handle, 4096, 4096, 1),
                      ("shm_get", handle, 4096, 4096, 1), ("shm_register_exit", handle, "note")):
            actor.fails(NOT_INITIALIZED, *words, naming="smem_shm_init")
        actor.fails(0, *create_words(0, 2 * MIB, 0, 1), naming="smem_shm_init")
        actor.fails(0, "shm_global_exit", handle, 1, naming="smem_shm_init")


def test_null_handles_are_refused(shared):
    one = shared.actors[0]
    for words in (("shm_barrier", 0), ("shm_destroy", 0, 0), ("shm_reach", 0, 0), ("shm_set_context", 0, 1, 1),
                  ("shm_get_context", 0, 1), ("shm_allgather", 0, 1, 1, 1), ("shm_put", 0, 4096, 4096, 1),
                  ("shm_get", 0, 4096, 4096, 1), ("shm_register_exit", 0, "note")):
        one.fails(INVALID_PARAM, *words, naming="handle is null")
    for words in (("shm_rank", 0), ("shm_rank_size", 0), ("shm_global_exit", 0, 1)):
        one.fails(0, *words, naming="handle is null")


def test_sizes_and_pointers_are_checked(shared):
    one, own = shared.actors[0], shared.handles[0]
    for size, naming in ((0, "0 bytes"), (65537, "65537")):
        one.fails(INVALID_PARAM, "shm_set_context", own, size, 1, naming=(naming, "65536"))
    one.fails(INVALID_PARAM, "shm_set_context", own, -1, 1, naming="null")
    one.call("shm_set_context", own, 8, 1)
    one.fails(INVALID_PARAM, "shm_get_context", own, 7, naming=("8 bytes", "7"))
    for send, receive, naming in ((0, 0, "sendSize 0"), (65537, 131074, "65537"), (8, 15, ("15", "16")),
                                  (8, 8, ("8", "16")), (-1, 0, "null")):
        one.fails(INVALID_PARAM, "shm_allgather", own, send, receive, 0, naming=naming)
    one.fails(INVALID_PARAM, "shm_reach", own, 2, naming=("rank 2", "2 ranks"))
    one.fails(INVALID_PARAM, "shm_reach", own, 0, "null", naming="null")
    one.fails(INVALID_PARAM, "shm_register_exit", own, None, naming="null")


def test_put_and_get_are_checked(shared):
    one, own = shared.actors[0], shared.handles[0]
    end, buffer = shared.region(2), one.value("alloc", 64)
    for place, size, naming in ((shared.base - 8, 8, "outside"), (end - 8, 9, f"{end:#x}"), (end, 1, "outside"),
                                (0, 8, "outside"), (shared.base, 1 << 63, "outside"), (shared.base, 0, "size is 0")):
        one.fails(INVALID_PARAM, "shm_put", own, place, buffer, size, naming=naming)
        one.fails(INVALID_PARAM, "shm_get", own, buffer, place, size, naming=naming)
    one.fails(INVALID_PARAM, "shm_put", own, shared.base, 0, 8, naming="source is null")
    one.fails(INVALID_PARAM, "shm_get", own, 0, shared.base, 8, naming="destination is null")


@pytest.mark.parametrize("first, second, naming", [
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 4 * MIB, 1, 2), ("the size", 2 * MIB, 4 * MIB)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 1, 3), ("number of ranks", "of 2", "of 3")),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 0, 2), ("who has which rank", "rank 0 of 2")),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 3 * MIB, 1, 2), ("symmetricSize", "2 MiB", 3 * MIB)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 0, 1, 2), ("symmetricSize",)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 2, 2), ("rankId 2",)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 0, 0), ("rankSize 0",)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 1, 1025), ("rankSize 1025",)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 1, 2, 8), ("dataOpType 8",)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 1, 2, 0), ("dataOpType 0",)),
    (create_words(0, 2 * MIB, 0, 2), create_words(0, 2 * MIB, 1, 2, MTE, "nogva"), ("gva",)),
])
def test_disagreement_is_an_error_at_every_rank_and_can_be_put_right(harness, first, second, naming):
    actors = start_world(harness, 2)
    all_refused(ask_all(actors, first, second), "SHM 0", "process 1", *naming)
    make_shared(actors, 0).all("shm_barrier")


def test_rank_that_comes_late_to_a_disagreement_is_told_as_well(harness):
    actors = start_world(harness, 3)
    all_refused(ask_all(actors[:2], create_words(4, 2 * MIB, 0, 3), create_words(4, 4 * MIB, 1, 3)), 4 * MIB)
    all_refused(ask_all(actors[2:], create_words(4, 2 * MIB, 2, 3)), "process 1", 4 * MIB)
    make_shared(actors, 4).all("shm_barrier")


def test_id_outside_its_range_and_id_in_use(shared):
    one = shared.actors[0]
    one.fails(0, *create_words(64, 2 * MIB, 0, 1), naming=("SHM 64", "0 to 63"))
    one.fails(0, *create_words(0, 2 * MIB, 0, 2), naming="already")
    make_shared(shared.actors[:1], 63)


def test_ids_that_differ_are_told_at_every_rank(harness):
    actors = start_world(harness, 2, timeouts=(60, 1, 60))
    answers = ask_all(actors, create_words(1, 2 * MIB, 0, 2), create_words(2, 2 * MIB, 1, 2))
    all_refused(answers[:1], "missing: rank 1", "SHM 2", "process 1 of the world says rank 1 of 2")
    all_refused(answers[1:], "missing: rank 0", "SHM 1", "process 0 of the world says rank 0 of 2")
    make_shared(actors, 1)


def test_create_without_the_others_ends_and_can_be_tried_again(harness):
    actors = start_world(harness, 2, timeouts=(60, 1, 60))
    actors[0].fails(0, *create_words(0, 2 * MIB, 0, 2), naming=("1 of 2", "missing: rank 1"))
    make_shared(actors)


def test_object_that_another_rank_still_has_is_waited_for(harness):
    shared = start_shared(harness, 2)
    one, two = shared.actors
    one.call("shm_destroy", shared(one), 0)
    one.send(*create_words(0, 4 * MIB, 0, 2))
    # The other rank still uses the old one.
    two.call("set", shared.region(1), shared.size, 5)
    two.fails(0, *create_words(0, 4 * MIB, 1, 2), naming="already")
    two.call("shm_destroy", shared(two), 0)
    two.call(*create_words(0, 4 * MIB, 1, 2))
    handle = one.expect_ok().values[0]
    assert one.value("shm_rank", handle) == 0


def test_allgather_of_different_sizes_is_an_error_at_every_rank(shared):
    answers = ask_all(shared.actors, ("shm_allgather", shared.handles[0], 8, 16, 0),
                      ("shm_allgather", shared.handles[1], 4, 8, 0))
    assert [answer.code for answer in answers] == [INVALID_PARAM] * 2
    assert "rank 1 sends 4 bytes, this rank 8" in answers[0].text
    assert "rank 0 sends 8 bytes, this rank 4" in answers[1].text


def test_barrier_without_the_others_ends_names_them_and_works_later(harness):
    shared = start_shared(harness, 3, timeouts=(60, 60, 1))
    one = shared.actors[0]
    one.fails(TIMEOUT, "shm_barrier", shared(one), naming=("missing: rank 1, 2", "SHM 0"))
    one.fails(TIMEOUT, "shm_allgather", shared(one), 1, 3, 0, naming="missing: rank 1, 2")
    shared.all("shm_barrier")


def test_second_exit_function_is_refused(shared):
    one = shared.actors[0]
    one.call("shm_register_exit", shared(one), "note")
    one.fails(ERROR, "shm_register_exit", shared(one), "note", naming="registered already")


def test_memory_that_cannot_be_had_is_an_error_at_every_rank(harness):
    actors = start_world(harness, 2, environment={"MF_MAX_REGION_SIZE": "4M"})
    all_refused(ask_all(actors, create_words(0, 6 * MIB, 0, 2), create_words(0, 6 * MIB, 1, 2)), "MF_MAX_REGION_SIZE")
    make_shared(actors, 0, 4 * MIB)


def test_rank_of_a_world_of_another_size_is_refused(harness):
    actors = start_world(harness, 2)
    stranger = harness.actor()
    stranger.call("shm_config_init")
    answer = stranger.ask("shm_init", harness.url, 3, 2, 0)
    assert not answer.ok and "3" in answer.text and "2" in answer.text
    make_shared(actors)
