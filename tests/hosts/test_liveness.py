# SPDX-License-Identifier: Apache-2.0
"""A link that is gone without a word: found in bounded time, and nothing is held against the peer later."""
import time

from actors import slowness, wait_for
from pool import G2H, H2G, MIB, PEER_LOST, TIMEOUT, start_pool

SILENCE = 3  # seconds


def test_a_link_cut_for_good_is_a_lost_peer_after_the_time_allowed(make_cluster):
    cluster = make_cluster(2, defaults={"MF_ALLOW_PLAINTEXT": "1", "MF_FABRIC_PEER_TIMEOUT": f"{SILENCE}s"})
    pool = start_pool(cluster, 2, dram=4 * MIB)
    near, far = pool.actors
    buffer = near.value("alloc", 4 * MIB)
    near.call("fill", buffer, 4 * MIB, 5)
    words = ("copy", pool.handle(near), H2G, 0, pool.region(1), buffer, 4 * MIB)
    near.call(*words)
    # The peer's side is idle then, and nothing that it repeats tells it of a broken connection.
    wait_for(lambda: cluster.network.unacknowledged(1) == 0, "all to be acknowledged")
    cluster.network.cut(1)
    begun = time.monotonic()
    near.fails(PEER_LOST, *words, naming=["rank 1", "gave no sign", "MF_FABRIC_PEER_TIMEOUT"], timeout=60)
    assert SILENCE <= time.monotonic() - begun < (SILENCE + 3) * slowness()
    near.call("fill", buffer, 4 * MIB, 5)
    cluster.network.mend(1)
    wait_for(lambda: near.ask(*words).ok, "the link to carry again", 30)
    far.call("check", pool.region(1), 4 * MIB, 5)


def test_a_peer_that_stands_still_is_not_lost_however_long(make_cluster):
    cluster = make_cluster(2, defaults={"MF_ALLOW_PLAINTEXT": "1", "MF_FABRIC_PEER_TIMEOUT": "2s"})
    pool = start_pool(cluster, 2, dram=4 * MIB, controlOperationTimeout=5)
    near, far = pool.actors
    buffer = near.value("alloc", 4 * MIB)
    words = ("copy", pool.handle(near), G2H, 0, buffer, pool.region(1), 4 * MIB)
    near.call(*words)
    far.stop()
    near.fails(TIMEOUT, *words, naming=["rank 1", "deadline"], timeout=60)
    far.resume()
    wait_for(lambda: near.ask(*words).ok, "the peer to answer again", 30)


def test_a_caller_that_stands_still_until_its_connections_are_given_up_goes_on(make_cluster):
    size = 128 * MIB
    cluster = make_cluster(2)
    # Its host takes little for it meanwhile: the rest waits at the owner's host.
    assert cluster.network.run(0, "sysctl", "-w", "net.ipv4.tcp_rmem=4096 16384 65536").returncode == 0
    pool = start_pool(cluster, 2, dram=size)
    near, far = pool.actors
    buffer = near.value("alloc", size)
    far.call("fill", pool.region(1), size, 7)
    near.send("copy", pool.handle(near), G2H, 0, buffer, pool.region(1), size)
    wait_for(lambda: cluster.network.unacknowledged(1) > 0, "the copy to be under way")
    near.stop()
    wait_for(lambda: cluster.network.unacknowledged(1) == 0, "the owner's host to give up", 20)
    near.resume()
    near.expect_ok()
    near.call("check", buffer, size, 7)
