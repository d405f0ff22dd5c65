# SPDX-License-Identifier: Apache-2.0
"""Hosts with two interfaces on two networks: both carry, one that does not lead to the peer is left out, one that goes silent is left."""
import time

import pytest

from actors import slowness, wait_for
from pool import G2H, H2G, MIB, PEER_LOST, start_pool
from suites import short

SIZE = 32 * MIB
NOISE = 4 * MIB  # of store, acknowledgements, messages
PLAINTEXT = {"MF_ALLOW_PLAINTEXT": "1"}


class Pair:
    """Two ranks on two hosts with two networks; rank 0 copies to and from rank 1."""

    def __init__(self, make_cluster, before=lambda network: None, **variables):
        self.cluster = make_cluster(2, networks=2, defaults={**PLAINTEXT, **variables})
        self.network = self.cluster.network
        before(self.network)
        self.pool = start_pool(self.cluster, 2, dram=SIZE)
        self.near, self.far = self.pool.actors
        self.buffer = self.near.value("alloc", SIZE)

    def put(self, pattern, size=SIZE):
        self.near.call("fill", self.buffer, size, pattern)
        self.near.call("copy", self.pool.handle(self.near), H2G, 0, self.pool.region(1), self.buffer, size)
        self.far.call("check", self.pool.region(1), size, pattern)

    def get(self, pattern, size=SIZE):
        self.far.call("fill", self.pool.region(1), size, pattern)
        self.near.call("copy", self.pool.handle(self.near), G2H, 0, self.buffer, self.pool.region(1), size)
        self.near.call("check", self.buffer, size, pattern)

    def sent_by(self, host, action, *words):
        """What went out of the host's two interfaces meanwhile."""
        before = [self.network.sent(host, number) for number in range(2)]
        action(*words)
        return [self.network.sent(host, number) - old for number, old in enumerate(before)]


def test_both_interfaces_carry(make_cluster):
    pair = Pair(make_cluster)
    # A first one may be over before both have their connections.
    wait_for(lambda: min(pair.sent_by(0, pair.put, 1)) > SIZE // 8, "a put over both", 30)
    wait_for(lambda: min(pair.sent_by(1, pair.get, 2)) > SIZE // 8, "a get over both", 30)


def test_those_that_are_named_carry(make_cluster):
    pair = Pair(make_cluster, MF_FABRIC_ADDRESS="eth1")
    for sent in pair.sent_by(0, pair.put, 1), pair.sent_by(1, pair.get, 2):
        assert sent[0] < NOISE and sent[1] > SIZE


def other_network(network):
    """Host 1 has its second interface on a network that host 0 does not have."""
    for words in ("flush", "dev", "eth1"), ("add", "10.99.0.2/24", "dev", "eth1"):
        assert network.run(1, "ip", "address", *words).returncode == 0


def test_an_interface_that_does_not_lead_to_the_peer_is_left_out(make_cluster):
    pair = Pair(make_cluster, other_network)
    for sent in pair.sent_by(0, pair.put, 1), pair.sent_by(1, pair.get, 2):
        assert sent[0] > SIZE and sent[1] < NOISE
    pair.put(3, 8)


@pytest.mark.parametrize("way", short("cut", "down"))
def test_an_interface_that_goes_silent_is_left_and_used_again_when_it_is_back(make_cluster, way):
    # The first one is the one that goes, so that requests have to find the other one as well.
    pair = Pair(make_cluster, MF_FABRIC_ADDRESS="eth1,eth0")
    pair.put(1)
    # The peer's side is idle then, and nothing that it repeats tells it of a broken connection.
    wait_for(lambda: pair.network.unacknowledged(1, 1) == 0, "all to be acknowledged")
    (pair.network.cut if way == "cut" else pair.network.take_down)(1, 1)
    begun = time.monotonic()
    pair.put(2)
    assert time.monotonic() - begun < 10 * slowness()
    assert pair.sent_by(0, pair.put, 3)[0] > SIZE
    begun = time.monotonic()
    for pattern in range(4, 14):
        pair.put(pattern, 8)
        pair.get(pattern, 8)
    assert time.monotonic() - begun < 2 * slowness(), "calls that come later do not wait for it"
    (pair.network.mend if way == "cut" else pair.network.bring_up)(1, 1)
    for pattern in range(14, 34):  # while it is coming back, too
        begun = time.monotonic()
        pair.put(pattern, 8)
        assert time.monotonic() - begun < 3 * slowness()
    # 5 s until the peer's host finds a dead connection, and the puts.
    wait_for(lambda: min(pair.sent_by(0, pair.put, 1)) > SIZE // 8, "the second interface to be used again", 10)


@pytest.mark.parametrize("size", short(8, SIZE))
def test_where_all_go_silent_the_text_names_them(make_cluster, size):
    pair = Pair(make_cluster, MF_FABRIC_PEER_TIMEOUT="3s")
    pair.put(1)
    for number in range(2):
        pair.network.cut(1, number)
    words = (pair.pool.handle(pair.near), H2G, 0, pair.pool.region(1), pair.buffer, size)
    pair.near.fails(PEER_LOST, "copy", *words, naming=["rank 1", "no sign", "eth0 (10.77.0.1)", "eth1 (10.78.0.1)"])
