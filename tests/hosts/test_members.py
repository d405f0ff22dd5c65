# SPDX-License-Identifier: Apache-2.0
"""Lost, suspect, evicted, between hosts: who is given up, when, what it is told, and what those who wait for
it say."""
import time

import pytest

from actors import slowness, wait_for
from notices import STOP, notices, silence
from pool import G2H, KIB, MIB, PEER_LOST, TIMEOUT, start_pool
from sessions import open_session, start_store
from shared import init, make_shared, start_shared

EVICTED = -2013
LIMIT = 3  # seconds of silence of a host
QUICK = {
    "MF_ALLOW_PLAINTEXT": "1",
    "MF_EVICT_AFTER": f"{LIMIT}s",
    "MF_SUSPECT_AFTER": "500ms",
    "MF_WAIT_NOTICE": "300ms",
}
PATIENT = {**QUICK, "MF_EVICT_AFTER": "60s", "MF_FABRIC_PEER_TIMEOUT": "60s"}


@pytest.mark.parametrize("waiting", ["barrier", "copy"])
def test_a_host_that_falls_silent_is_given_up_within_the_limit_and_a_second(make_cluster, waiting):
    """Whether something is on its way to it or not."""
    cluster = make_cluster(2, defaults=QUICK)
    shared = start_shared(cluster, 3)
    shared.all("shm_barrier")
    one = shared.actors[0]
    silent = [rank for rank, actor in enumerate(shared.actors) if cluster.host_of(actor) is cluster.hosts[1]]
    rank = silent[0]
    buffer = one.value("alloc", KIB)
    one.call("shm_put", shared(one), shared.region(rank), buffer, KIB)
    if waiting == "barrier":
        one.send("shm_barrier", shared(one))
    begun = time.monotonic()
    cluster.network.cut(1)
    if waiting == "copy":
        one.send("shm_put", shared(one), shared.region(rank), buffer, KIB)
    answer = one.answer(60)
    took = time.monotonic() - begun
    assert answer.code == PEER_LOST, answer.text
    named = silent if waiting == "barrier" else [rank]  # a barrier names whom the store gave up first
    assert any(f"rank {lost}" in answer.text for lost in named), answer.text
    assert took < (LIMIT + 1) * slowness(), took
    cluster.network.mend(1)


def test_who_was_given_up_is_told_in_shm(make_cluster):
    cluster = make_cluster(2, defaults=QUICK)
    shared = start_shared(cluster, 2)
    near, evicted = shared.actors
    own = evicted.value("alloc", KIB)
    evicted.call("shm_put", shared(evicted), shared.region(0), own, KIB)
    cluster.network.cut(1)
    wait_for(lambda: near.value("shm_reach", shared(near), 1) == 0, "the loss to be noticed", 60)
    cluster.network.mend(1)
    words = ("shm_put", shared(evicted), shared.region(0), own, KIB)
    wait_for(lambda: evicted.ask(*words, timeout=60).code == EVICTED, "the eviction to be known", 60)
    evicted.fails(EVICTED, *words, naming=["rank 1", "given up", "anew"])
    evicted.fails(EVICTED, "shm_get", shared(evicted), own, shared.region(0), KIB, naming="given up")
    evicted.fails(EVICTED, "shm_barrier", shared(evicted), naming="anew")
    for actor in shared.actors:
        actor.call("shm_uninit", 0, timeout=60)
    for rank, actor in enumerate(shared.actors):
        init(actor, cluster.url, 2, rank, wait=False)
    for actor in shared.actors:
        actor.expect_ok(60)
    again = make_shared(shared.actors)
    again.all("shm_barrier")


def test_who_was_given_up_is_told_in_transfers_and_its_name_is_free(make_cluster):
    cluster = make_cluster(2, defaults=QUICK)
    start_store(cluster.hosts[0])
    target = open_session(cluster, cluster.hosts[0].actor())
    evicted = open_session(cluster, cluster.hosts[1].actor())
    theirs, ours = target.memory(KIB), evicted.memory(KIB)
    words = ("write", target.name, ours, theirs, KIB)
    evicted.call(*words)
    cluster.network.cut(1)
    successor = cluster.hosts[0].actor()
    wait_for(lambda: successor.ask("trans_create", cluster.url, evicted.name).ok, "its name to be free", 60)
    cluster.network.mend(1)
    wait_for(lambda: evicted.actor.ask("write", evicted.handle, *words[1:], timeout=60).code == EVICTED,
             "the eviction to be known", 60)
    evicted.fails(EVICTED, *words, naming=["given up", evicted.name])
    evicted.actor.call("trans_destroy", evicted.handle)


def test_a_stop_of_ten_seconds_on_another_host_evicts_nobody(make_cluster):
    """Though all limits of silence are a third of it, for the copy to it as for the barrier: its host answers."""
    cluster = make_cluster(2, defaults={**QUICK, "MF_FABRIC_PEER_TIMEOUT": f"{LIMIT}s"})
    shared = start_shared(cluster, 3)
    shared.all("shm_barrier")
    near, mate, stopped = shared.actors
    buffer = near.value("alloc", MIB)
    near.call("fill", buffer, MIB, 5)
    stopped.stop()
    near.send("shm_put", shared(near), shared.region(2), buffer, MIB)
    mate.send("shm_barrier", shared(mate))
    wait_for(lambda: silence(near) >= STOP and silence(mate) >= STOP, "the stop to have lasted", 3 * STOP)
    assert notices(near, "rank 2", "its host answers") and notices(mate, "rank 2", "its host answers")
    stopped.resume()
    near.expect_ok(60)
    for actor in (near, stopped):
        actor.send("shm_barrier", shared(actor))
    for actor in shared.actors:
        actor.expect_ok(60)
    stopped.call("check", shared.region(2), MIB, 5)


def test_a_copy_that_waits_for_a_stopped_process_says_so(make_cluster):
    pool = start_pool(make_cluster(2, defaults=PATIENT), 2, dram=64 * MIB, controlOperationTimeout=3)
    near, far = pool.actors
    buffer = near.value("alloc", 64 * MIB)
    words = ("copy", pool.handle(near), G2H, 0, buffer, pool.region(1), 64 * MIB)
    near.call(*words)
    far.stop()
    text = near.fails(TIMEOUT, *words, naming=["rank 1", "given no sign for", "its host answers"])
    assert "stopped" in text
    assert notices(near, "rank 1", "given no sign for", "its host answers"), near.stderr()
    far.resume()
    wait_for(lambda: near.ask(*words).ok, "the target to answer again", 30)


def test_a_copy_over_a_cut_link_says_that_the_host_is_silent(make_cluster):
    cluster = make_cluster(2, defaults=PATIENT)
    pool = start_pool(cluster, 2)
    near, far = pool.actors
    buffer = near.value("alloc", MIB)
    words = ("copy", pool.handle(near), G2H, 0, buffer, pool.region(1), MIB)
    near.call(*words)
    cluster.network.cut(1)
    near.send(*words)
    wait_for(lambda: notices(near, "rank 1", "neither has its host"), "a word on whom it waits for", 30)
    cluster.network.mend(1)
    near.expect_ok(60)


def test_a_barrier_over_a_cut_link_says_that_the_host_is_silent(make_cluster):
    cluster = make_cluster(2, defaults=PATIENT)
    shared = start_shared(cluster, 2)
    near, far = shared.actors
    shared.all("shm_barrier")
    cluster.network.cut(1)
    near.send("shm_barrier", shared(near))
    wait_for(lambda: notices(near, "missing: rank 1", "neither has its host"), "a word on whom it waits for", 30)
    cluster.network.mend(1)
    far.call("shm_barrier", shared(far), timeout=60)
    near.expect_ok(60)
