# SPDX-License-Identifier: Apache-2.0
"""A process that forks: the child keeps its pointers, the library says no in it, and its end closes nothing
of the parent's."""
import os

import pytest

from actors import wait_for
from pool import G2H, H2G, MIB, NOT_INITIALIZED, PEER_LOST, UINT32_MAX, make_pool, start_pool
from test_bm_loss import becomes


def in_child(actor, *commands, end="exit"):
    """The answers of the commands run in a forked child, and its wait status."""
    *answers, status = actor.call("fork", end, ";".join(commands), timeout=60).text.split("\x1f")
    assert status == "0", f"the child ended with status {status}"
    return answers


@pytest.fixture
def pool(harness):
    made = start_pool(harness, 2)
    made.actor, made.peer = made.actors
    made.own = made.handle(made.actor)
    return made


def still_works(pool):
    buffer = pool.actor.value("alloc", MIB)
    pool.actor.call("fill", buffer, MIB, 3)
    pool.actor.call("copy", pool.own, H2G, 0, pool.region(1), buffer, MIB)
    pool.peer.call("check", pool.region(1), MIB, 3)
    other = make_pool(pool.actors, 20)
    pool.actor.call("copy", other.handle(pool.actor), H2G, 0, other.region(1), buffer, MIB)


@pytest.mark.parametrize("end", ["exit", "_exit"])
def test_exit_of_a_child_closes_nothing_of_the_parents(pool, end):
    descriptors = pool.actor.descriptors()
    for _ in range(3):
        in_child(pool.actor, "rank", end=end)
    assert set(pool.actor.descriptors()) == set(descriptors)
    still_works(pool)


def test_every_call_in_a_child_says_not_initialized(pool, harness):
    own, base, buffer = pool.own, pool.base, pool.actor.value("alloc", 4096)
    returning_codes = [
        f"join {own} 0",
        f"leave {own} 0",
        f"copy {own} {H2G} 0 {base} {buffer} 8",
        f"copy_2d {own} {H2G} 0 {base} 8 {buffer} 8 8 1",
        f"batch {own} {H2G} 0 1 {base} {buffer} 8",
        f"wait {own}",
        f"register {own} {buffer} 8",
        f"unregister {buffer}",
        f"create_store {harness.url}",
        "config_init",
        f"bm_init {harness.url} 2 0",
        "init 0",
        "log_level 2",
        "logger on",
        "tls 0 0",
        "decrypt c",
        "decrypt sized",
    ]
    returning_nothing = [
        f"create 5 2 1 {2 * MIB} 0 0",
        f"size {own}",
        f"ptr {own} 0",
        f"ptr_by_type {own} 1 0",
        f"rank_by_gva {own} {base}",
    ]
    answers = in_child(pool.actor, *returning_codes, *returning_nothing, "rank", f"size_by_type {own} 1")
    for command, answer in zip(returning_codes, answers):
        assert answer.startswith(f"err {NOT_INITIALIZED} "), f"'{command}' in a child: {answer}"
        assert "fork" in answer, f"'{command}' in a child: {answer}"
    for command, answer in zip(returning_nothing, answers[len(returning_codes) :]):
        assert answer.startswith("err 0 ") and "fork" in answer, f"'{command}' in a child: {answer}"
    assert answers[-2:] == [f"ok {UINT32_MAX}", "ok 0"]
    still_works(pool)


def test_a_child_keeps_its_pointers(pool):
    pool.peer.call("fill", pool.region(1), 4096, 8)
    answers = in_child(
        pool.actor,
        f"check {pool.region(1)} 4096 8",
        f"poke {pool.region(0) + 8} 42",
        f"peek {pool.region(0) + 8}",
    )
    assert answers == ["ok", "ok", "ok 42"]
    assert pool.peer.value("peek", pool.region(0) + 8) == 42


def test_ending_calls_in_a_child_do_nothing_to_the_parent(pool):
    answers = in_child(
        pool.actor, f"destroy {pool.own}", "bm_uninit 0", "uninit", f"check {pool.region(1)} 8 0"
    )
    assert answers[:3] == ["ok", "ok", "ok"]
    still_works(pool)


def test_child_of_a_process_that_serves_the_store(harness):
    store, rank = harness.actors(2)
    store.call("create_store", harness.url)
    harness.init(rank, 0, 1, startConfigStore=False)
    in_child(store, "uninit", f"create_store {harness.url}")
    handle = rank.value("create", 0, 1, 1, 2 * MIB, 0, 0)
    rank.call("join", handle, 0)


def test_fork_while_copies_run(pool):
    buffer = pool.actor.value("alloc", 2 * MIB)
    pool.actor.call("background", 300, "copy", pool.own, H2G, 0, pool.region(1), buffer, 2 * MIB)
    for _ in range(10):
        answers = in_child(pool.actor, f"copy {pool.own} {G2H} 0 {buffer} {pool.region(1)} 8")
        assert answers[0].startswith(f"err {NOT_INITIALIZED} ")
    assert pool.actor.call("background_result").text == "ok"
    still_works(pool)


def test_a_child_that_lives_on_does_not_keep_a_killed_rank_alive(harness):
    """The parent's death is seen although a child of it still has copies of its descriptors."""
    made = start_pool(harness, 3)
    first, _, victim = made.actors
    child = victim.value("fork_and_stay")
    victim.kill()
    buffer = first.value("alloc", 8)
    becomes(first, PEER_LOST, "copy", made.handle(first), G2H, 0, buffer, made.region(2), 8)
    victim.write_line("end")
    wait_for(lambda: not os.path.exists(f"/proc/{child}"), "the child to end")
