# SPDX-License-Identifier: Apache-2.0
"""A config store that is killed and started again at its URL: what its clients have lives on."""
import time

import pytest

import shared
from actors import BUILD, slowness, together, wait_for
from certificates import Authority
from pool import G2H, H2G, MIB, PEER_LOST, RECONNECT, create, make_pool
from sessions import open_session, start_store
from test_shmem_conformance import PROGRAMS, build

SERVED_AGAIN = 3  # seconds from the start of the new store until all members are served


@pytest.fixture(params=["plaintext", "tls"])
def secured(request, tmp_path):
    """What a store and its clients have in their environments."""
    if request.param == "plaintext":
        return None, None
    authority = Authority(tmp_path / "own").issue("server").issue("client")
    return [{"SMEM_CONF_STORE_TLS_INFO": authority.info(name)} for name in ("server", "client")]


def start_pool_apart(harness, count, world=None, environments=(None, None), **options):
    """A pool whose store is a process of its own; it and the ranks have these environments."""
    store = start_store(harness, environments[0])
    actors = harness.actors(count, environments[1])
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, world or count, wait=False, startConfigStore=False, **options)
    for actor in actors:
        actor.expect_ok(60)
    return store, make_pool(actors)


def copies(pool, actor, seed):
    """The next rank's region, written and read back by the actor."""
    place = pool.region((actor.rank + 1) % len(pool.actors))
    ours = actor.value("alloc", 4096)
    actor.call("fill", ours, 4096, seed)
    actor.call("copy", pool.handle(actor), H2G, 0, place, ours, 4096)
    back = actor.value("alloc", 4096)
    actor.call("copy", pool.handle(actor), G2H, 0, back, place, 4096)
    actor.call("check", back, 4096, seed)


@pytest.mark.parametrize("count", [2, 16])
def test_a_pool_lives_on_and_is_served_again_soon(harness, count, secured):
    store, pool = start_pool_apart(harness, count, environments=secured)
    for actor in pool.actors:
        actor.call("fill", pool.region(actor.rank) + MIB, 4096, actor.rank + 1)
    store.kill()
    for actor in pool.actors:
        copies(pool, actor, 7)
    started = time.monotonic()
    start_store(harness, secured[0])
    again = make_pool(pool.actors, number=1)
    assert time.monotonic() - started < SERVED_AGAIN * slowness()
    for actor in pool.actors:
        copies(pool, actor, 8)
        copies(again, actor, 9)
        pool.check(actor, pool.region((actor.rank + 1) % count) + MIB, 4096, (actor.rank + 1) % count + 1)
    assert not {again.region(rank) for rank in range(count)} & {pool.region(rank) for rank in range(count)}
    together(pool.actors, "leave", pool.handle, 0)
    together(pool.actors, "join", pool.handle, 0)
    for actor in pool.actors:
        copies(pool, actor, 10)


def test_joins_under_way_are_done_by_the_next_store(harness):
    store, pool = start_pool_apart(harness, 8)
    for actor in pool.actors:
        create(actor, 1, members=8)
        actor.send("join", actor.handles[1], 0)
    store.kill()
    start_store(harness)
    for actor in pool.actors:
        actor.expect_ok(60)
    joined = make_pool(pool.actors, number=2)
    for actor in pool.actors:
        copies(joined, actor, 3)
        actor.call("leave", actor.handles[1], 0)


def test_rank_that_dies_while_the_store_is_away_is_lost_and_has_a_successor(harness, secured):
    store, pool = start_pool_apart(harness, 3, environments=secured)
    first, _, victim = pool.actors
    buffer = first.value("alloc", 4096)

    def copy():
        return first.ask("copy", pool.handle(first), G2H, 0, buffer, pool.region(2), 4096)

    wait_for(lambda: copy().ok, "the victim's join to be heard of: else nobody misses it")
    store.kill()
    victim.kill()
    start_store(harness, secured[0])
    wait_for(lambda: copy().code == PEER_LOST, "the loss to be noticed", 10)
    wait_for(lambda: first.ask("all", pool.region(2), pool.stride, 0).ok, "the memory to be given back")
    successor = harness.actor(environment=secured[1])
    harness.init(successor, 2, 3, startConfigStore=False)
    create(successor, members=3)
    assert successor.value("join", successor.handles[0], 0) == pool.region(2)
    pool.actors[2] = successor
    for actor in pool.actors:
        copies(pool, actor, 5)
    first.call("leave", pool.handle(first), 0)


def test_the_successor_of_rank_0_serves_the_store_again(harness):
    actors = harness.ranks(3)
    pool = make_pool(actors)
    first, second, third = actors
    third.call("fill", pool.region(2) + MIB, 4096, 3)
    first.kill()
    second.call("copy", pool.handle(second), H2G, 0, pool.region(2), second.value("alloc", 4096), 4096)
    successor = harness.actor()
    harness.init(successor, 0, 3)
    create(successor, members=3)
    assert successor.value("join", successor.handles[0], 0) == pool.region(0)
    pool.check_all(successor, pool.region(0), pool.stride, 0)
    pool.check(successor, pool.region(2) + MIB, 4096, 3)
    pool.actors[0] = successor
    for actor in pool.actors:
        copies(pool, actor, 4)
    make_pool(pool.actors, number=1)


@pytest.mark.parametrize("count", [2, 16])
def test_barriers_under_way_end_with_the_next_store(harness, count):
    store = start_store(harness)
    object_ = shared.start_shared(harness, count)
    object_.all("shm_barrier")
    for actor in object_.actors[:-1]:
        actor.send("shm_barrier", object_(actor))
    store.kill()
    start_store(harness)
    object_.actors[-1].call("shm_barrier", object_(object_.actors[-1]))
    for actor in object_.actors[:-1]:
        actor.expect_ok(60)
    object_.all("shm_barrier")


def test_a_process_that_is_stopped_while_the_store_is_started_again_is_waited_for(harness):
    store, pool = start_pool_apart(harness, 3)
    first, _, stopped = pool.actors
    stopped.call("fill", pool.region(2) + MIB, 4096, 3)
    store.kill()
    stopped.stop()
    start_store(harness)
    copies(pool, first, 7)
    stranger = harness.actor()
    harness.init(stranger, 0, 3, wait=False, startConfigStore=False, initTimeout=4)
    answer = stranger.answer()
    assert not answer.ok and f"pid {stopped.pid} on host" in answer.text and "is stopped" in answer.text, answer.text
    stopped.resume()
    for actor in pool.actors:
        copies(pool, actor, 8)
    together(pool.actors, "leave", pool.handle, 0)
    together(pool.actors, "join", pool.handle, 0)
    pool.check_all(first, pool.region(2) + MIB, 4096, 0)


def test_barrier_fails_where_a_rank_dies_while_the_store_is_away(harness):
    store = start_store(harness)
    object_ = shared.start_shared(harness, 4)
    for actor in object_.actors[:-1]:
        actor.send("shm_barrier", object_(actor))
    store.kill()
    object_.actors[-1].kill()
    start_store(harness)
    for actor in object_.actors[:-1]:
        answer = actor.answer()
        assert answer.code == PEER_LOST and "rank 3 of 4 is gone" in answer.text, answer.text


def test_sessions_find_each_other_at_the_next_store(harness):
    store = start_store(harness)
    old, new = harness.actors(2)
    target = open_session(harness, old)
    theirs = target.memory(MIB)
    store.kill()
    start_store(harness)
    initiator = open_session(harness, new)
    ours = initiator.memory(MIB, registered=False, seed=1)
    initiator.call("write", target.name, ours, theirs, MIB)
    old.call("check", theirs, MIB, 1)
    text = new.ask("trans_create", harness.url, target.name).text
    assert target.name in text, text


def test_store_is_killed_again_and_again(harness, secured):
    store, pool = start_pool_apart(harness, 4, environments=secured)
    for round_ in range(3):
        store.kill()
        for actor in pool.actors:
            copies(pool, actor, round_ + 1)
        store = start_store(harness, secured[0])
        together(pool.actors, "leave", pool.handle, 0)
        together(pool.actors, "join", pool.handle, 0)
        for actor in pool.actors:
            copies(pool, actor, round_ + 10)


def test_a_store_with_a_folder_only_pauses_where_it_is_ended_by_a_signal(harness, tmp_path):
    command = [BUILD / "bin" / "mf", "store", harness.url, "--data", tmp_path / "data"]

    def start():
        process = harness.start(command)
        assert harness.url in process.read_line()
        return process

    store = start()
    actors = harness.actors(2)
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, 2, wait=False, startConfigStore=False)
    for actor in actors:
        actor.expect_ok(60)
    pool = make_pool(actors)
    store.popen.terminate()
    assert store.wait(20) == 0
    actors[0].send("leave", pool.handle(actors[0]), 0)
    start()
    actors[0].expect_ok(60)
    actors[0].call("join", pool.handle(actors[0]), 0)
    for actor in actors:
        copies(pool, actor, 2)
    # The folder is the store's: another one at another port may not have it.
    other = harness.start([command[0], "store", "tcp://127.0.0.1:0", "--data", tmp_path / "data"])
    assert other.wait(20) == 1 and "in use by another config store" in other.stderr()


def test_another_pools_store_at_the_url_is_told(harness):
    store, pool = start_pool_apart(harness, 2)
    store.kill()
    for file in harness.runtime_folder.glob("*.store"):
        file.unlink()
    actor = pool.actors[0]
    actor.stop()
    pool.actors[1].stop()
    start_store(harness)
    stranger = harness.actor()
    harness.init(stranger, 0, 1, startConfigStore=False)
    actor.resume()
    answer = actor.ask("create", 5, 2, 1, 2 * MIB, 0, 0)
    assert not answer.ok and "another config store serves this address now" in answer.text, answer
    pool.actors[1].resume()
    copies(pool, actor, 1)
    actor.fails(RECONNECT, "leave", pool.handle(actor), 0, naming="initialize again")


@pytest.mark.skipif(not (BUILD / "bin/oshrun").exists(), reason="this build has no OpenSHMEM")
def test_a_shmem_job_works_without_a_store_and_ends_with_the_next_one(harness, tmp_path):
    program, end = tmp_path / "storeless", tmp_path / "end"
    build(PROGRAMS / "storeless.c", program, "c")
    store = start_store(harness)
    words = ["-n", 4, "--no-prefix", "--store", harness.url, "--", program, end]
    job = harness.start([BUILD / "bin" / "mf", "run", *words])
    assert "working" in job.read_line(60)
    store.kill()
    end.touch()
    assert "ok" in job.read_line(60)
    start_store(harness)
    assert job.wait(60) == 0, job.stderr()
