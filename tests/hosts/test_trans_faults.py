# SPDX-License-Identifier: Apache-2.0
"""Transfers between hosts whose link is cut: nothing is given up for good, and what was deregistered stays
untouched."""
import time

import pytest

from actors import slowness
from pool import KIB, MIB, PEER_LOST, REFUSED, TIMEOUT
from sessions import flat, open_session, scattered, start_store

BRIEF = {"MF_TRANS_TIMEOUT": "3s"}


@pytest.fixture
def pair(make_cluster):
    """An initiator that has written to a target on another host, which holds the store, and their network."""
    cluster = make_cluster(2)
    start_store(cluster.hosts[0])
    initiator = open_session(cluster, cluster.hosts[1].actor("initiator", BRIEF))
    target = open_session(cluster, cluster.hosts[0].actor("target", BRIEF))
    initiator.network = cluster.network
    initiator.ours = initiator.memory(8 * MIB, registered=False)
    initiator.actor.call("set", initiator.ours, 8 * MIB, 0xEE)
    target.theirs = target.memory(8 * MIB)
    initiator.call("write", target.name, initiator.ours, target.theirs, 8)
    return initiator, target


def test_a_transfer_outlives_a_short_cut(pair):
    initiator, target = pair
    initiator.network.cut(1)
    initiator.actor.send(
        "write", initiator.handle, target.name, initiator.ours, target.theirs, 8 * MIB
    )
    time.sleep(0.5)  # this is how long the link is down
    initiator.network.mend(1)
    initiator.actor.expect_ok()
    target.actor.call("all", target.theirs, 8 * MIB, 0xEE)


def test_a_long_cut_ends_transfers_and_nothing_else(pair):
    initiator, target = pair
    initiator.network.cut(1)
    begin = time.monotonic()
    answer = initiator.actor.ask("write", initiator.handle, target.name, initiator.ours, target.theirs, MIB)
    assert answer.code in (TIMEOUT, PEER_LOST) and target.name in answer.text, answer
    assert time.monotonic() - begin < 5 * slowness()
    initiator.network.mend(1)
    answers = (
        initiator.actor.ask("write", initiator.handle, target.name, initiator.ours, target.theirs, MIB)
        for _ in range(5)
    )
    assert any(answer.ok for answer in answers)
    target.actor.call("all", target.theirs, MIB, 0xEE)


def test_deregistration_behind_a_cut_link_is_final(pair):
    """The initiator cannot be asked: its connections are broken off, and what it had sent never arrives."""
    initiator, target = pair
    pieces = scattered(initiator.ours, target.theirs, 100, seed=1)
    initiator.actor.call(
        "background", 1 << 30, "batch_write", initiator.handle, target.name, 0, *flat(pieces)
    )
    initiator.call("write", target.name, initiator.ours, target.theirs, 64 * KIB)
    initiator.network.cut(1)
    target.call("dereg", target.theirs)
    target.actor.call("set", target.theirs, 8 * MIB, 0)
    initiator.network.mend(1)
    text = initiator.actor.call("background_result").text
    assert text.startswith((f"err {REFUSED} ", f"err {TIMEOUT} ", f"err {PEER_LOST} ")), text
    target.actor.call("all", target.theirs, 8 * MIB, 0)
    target.call("reg", target.theirs, 8 * MIB)
    initiator.call("write", target.name, initiator.ours, target.theirs, 8)
