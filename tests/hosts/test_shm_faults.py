# SPDX-License-Identifier: Apache-2.0
"""SHM between hosts where links, peers and their processes fail: calls end as promised, and nothing is reported done that was not."""
import time

from actors import slowness, together
from pool import MIB, PEER_LOST, TIMEOUT
from shared import ROCE, start_shared
from suites import moved

LARGE = 64 * MIB


def start(make_cluster, ranks=2, size=LARGE, control=60):
    return start_shared(make_cluster(2), ranks, size=size, timeouts=(60, 60, control))


def test_peer_killed_while_it_is_written_to_ends_the_put_within_a_second(make_cluster):
    shared = start(make_cluster, 4)
    one, neighbour, victim, other = shared.actors
    buffer = one.value("alloc", LARGE)
    one.call("shm_put", shared(one), shared.region(2), buffer, LARGE)
    victim.stop()
    one.send("shm_put", shared(one), shared.region(2), buffer, LARGE)
    started = time.monotonic()
    victim.kill()
    answer = one.answer()
    assert answer.code == PEER_LOST and "rank 2" in answer.text, answer.text
    assert time.monotonic() - started < slowness()
    other.call("fill", shared.region(3), LARGE, 3)
    for actor in (one, neighbour):
        copy = actor.value("alloc", LARGE)
        actor.call("shm_get", shared(actor), copy, shared.region(3), LARGE)
        actor.call("check", copy, LARGE, 3)


def test_link_that_is_down_for_two_seconds_loses_nothing(make_cluster):
    shared = start(make_cluster)
    network = shared.actors[0].harness.cluster.network
    one, two = shared.actors
    buffer = one.value("alloc", LARGE)
    one.call("fill", buffer, LARGE, 1)
    one.call("shm_put", shared(one), shared.region(1), buffer, 8)
    network.take_down(1)
    one.send("shm_put", shared(one), shared.region(1), buffer, LARGE)
    time.sleep(2)
    network.bring_up(1)
    one.expect_ok(60)
    two.call("check", shared.region(1), LARGE, 1)
    assert moved(shared.actors)["put"] >= LARGE


def test_stopped_rank_is_waited_for_and_the_deadline_leaves_the_callers_buffer_alone(make_cluster):
    shared = start(make_cluster, control=1)
    one, two = shared.actors
    buffer = one.value("alloc", LARGE)
    two.call("set", shared.region(1), LARGE, 7)
    one.call("shm_get", shared(one), buffer, shared.region(1), LARGE)
    two.stop()
    started = time.monotonic()
    one.fails(TIMEOUT, "shm_get", shared(one), buffer, shared.region(1), LARGE, naming="rank 1")
    assert 0.9 < time.monotonic() - started < 3 * slowness()
    one.call("set", buffer, LARGE, 0)
    two.resume()
    two.call("set", shared.region(1), 8, 9)
    one.call("shm_get", shared(one), one.value("alloc", 8), shared.region(1), 8)
    one.call("all", buffer, LARGE, 0)
    # One that goes on before the deadline is as ever.
    two.stop()
    one.send("shm_put", shared(one), shared.region(1), buffer, 4096)
    two.resume()
    one.expect_ok()
    two.call("all", shared.region(1), 4096, 0)


def test_host_whose_ranks_all_die_is_told_to_the_others(make_cluster):
    shared = start(make_cluster, 4, size=2 * MIB)
    survivors, victims = shared.actors[:2], shared.actors[2:]
    for actor in survivors:
        assert [actor.value("shm_reach", shared(actor), rank) for rank in (2, 3)] == [ROCE, ROCE]
    for victim in victims:
        victim.kill()
    buffer = survivors[0].value("alloc", 8)
    for rank in (2, 3):
        survivors[0].fails(PEER_LOST, "shm_get", shared(survivors[0]), buffer, shared.region(rank), 8,
                           naming=f"rank {rank}")
    together(survivors, "shm_uninit", 0, timeout=10)
