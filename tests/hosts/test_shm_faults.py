# SPDX-License-Identifier: Apache-2.0
"""SHM between hosts where links, peers and their processes fail: calls end as promised, and nothing is reported done that was not."""
import time

import pytest

from actors import slowness, together, wait_for
from pool import MIB, PEER_LOST, STORE_SOCKET, STORE_TIMEOUT, TIMEOUT
from shared import ROCE, start_shared
from suites import moved, short, stays_for

LARGE = 64 * MIB
OUTAGE = 2  # seconds


def start(make_cluster, ranks=2, size=LARGE, control=60, **variables):
    cluster = make_cluster(2, defaults={"MF_ALLOW_PLAINTEXT": "1", **variables})
    return start_shared(cluster, ranks, size=size, timeouts=(60, 60, control))


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


@pytest.mark.parametrize("way", short("down", "cut"))
def test_outage_of_two_seconds_loses_nothing_and_nothing_is_done_meanwhile(make_cluster, way):
    shared = start(make_cluster)
    network = shared.actors[0].harness.cluster.network
    one, two = shared.actors
    buffer = one.value("alloc", LARGE)
    one.call("fill", buffer, LARGE, 1)
    one.call("shm_put", shared(one), shared.region(1), buffer, 8)
    (network.take_down if way == "down" else network.cut)(1)
    one.send("shm_put", shared(one), shared.region(1), buffer, LARGE)
    end = shared.region(1) + LARGE - 4096
    stays_for(OUTAGE, lambda: two.ask("all", end, 4096, 0).ok)
    two.call("all", end, 4096, 0)
    (network.bring_up if way == "down" else network.mend)(1)
    one.expect_ok(60)
    two.call("check", shared.region(1), LARGE, 1)
    assert moved(shared.actors)["put"] >= LARGE


def test_link_cut_for_good_ends_the_calls_of_both_sides(make_cluster):
    """Copies long before their deadline; what waits for the config store, by it."""
    shared = start(make_cluster, 4, control=5, MF_FABRIC_PEER_TIMEOUT="2s")
    network = shared.actors[0].harness.cluster.network
    one, here, two, there = shared.actors
    buffers = [actor.value("alloc", LARGE) for actor in (one, two)]
    to_two = ("shm_put", shared(one), shared.region(2), buffers[0], LARGE)
    from_one = ("shm_get", shared(two), buffers[1], shared.region(0), LARGE)
    one.call(*to_two)
    two.call(*from_one)
    network.cut(1)
    begun = time.monotonic()
    one.send(*to_two)
    two.send(*from_one)
    for actor in (here, there):
        actor.send("shm_barrier", shared(actor))
    for actor, peer in ((one, 2), (two, 0)):
        answer = actor.answer()
        assert answer.code == PEER_LOST and f"rank {peer}" in answer.text, answer
    assert time.monotonic() - begun < 5 * slowness()
    answers = [actor.answer() for actor in (here, there)]
    assert answers[0].code == TIMEOUT and "rank" in answers[0].text, answers
    assert answers[1].code in (TIMEOUT, STORE_TIMEOUT, STORE_SOCKET) and "store" in answers[1].text, answers
    assert time.monotonic() - begun < 9 * slowness()
    network.mend(1)
    wait_for(lambda: one.ask(*to_two).ok, "the link to carry again", 30)


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
