# SPDX-License-Identifier: Apache-2.0
"""Transfers between hosts whose link is cut: nothing is given up for good, and what was deregistered stays
untouched."""
import time

import pytest

from actors import slowness, wait_for
from pool import KIB, MIB, PEER_LOST, REFUSED, TIMEOUT
from sessions import flat, open_session, scattered, start_store
from suites import moved, settle, stays_for

BRIEF = {"MF_TRANS_TIMEOUT": "3s"}
PATIENT = {"MF_TRANS_TIMEOUT": "30s"}
OUTAGE = 2  # seconds
FOREVER = 1 << 40  # repetitions


@pytest.fixture
def pair(make_cluster):
    """An initiator that has written to a target on another host, which holds the store, and their network."""
    return start_pair(make_cluster, BRIEF)


def start_pair(make_cluster, environment):
    cluster = make_cluster(2)
    start_store(cluster.hosts[0])
    initiator = open_session(cluster, cluster.hosts[1].actor("initiator", environment))
    target = open_session(cluster, cluster.hosts[0].actor("target", environment))
    initiator.network = cluster.network
    initiator.ours = initiator.memory(8 * MIB, registered=False)
    initiator.actor.call("set", initiator.ours, 8 * MIB, 0xEE)
    target.theirs = target.memory(8 * MIB)
    initiator.call("write", target.name, initiator.ours, target.theirs, 8)
    return initiator, target


@pytest.mark.parametrize("way", ["down", "cut"])
def test_transfers_go_on_after_an_outage_and_none_is_done_meanwhile(make_cluster, way):
    initiator, target = start_pair(make_cluster, PATIENT)
    network, actor = initiator.network, initiator.actor

    def done():
        return moved([actor])["put"]

    words = (initiator.handle, target.name, initiator.ours, target.theirs, MIB)
    before = done()
    actor.call("background", FOREVER, "write", *words)
    wait_for(lambda: done() > before, "the first write to arrive")
    (network.take_down if way == "down" else network.cut)(1)
    settled = settle(done)  # what was on its way when the link went
    stays_for(OUTAGE, done)
    (network.bring_up if way == "down" else network.mend)(1)
    wait_for(lambda: done() > settled + 10 * MIB, "writes to go on", 30)
    target.actor.call("all", target.theirs, MIB, 0xEE)
    target.call("dereg", target.theirs)  # that ends them
    text = actor.call("background_result").text
    assert text.startswith(f"err {REFUSED} "), text


def test_a_write_goes_on_whose_connection_the_target_gave_up_unheard(make_cluster):
    """All was sent before the link went; the target's word that it has arrived was not, and who gives it up
    says so to a link that carries nothing."""
    initiator, target = start_pair(make_cluster, PATIENT)
    network, size = initiator.network, 4 * KIB
    initiator.call("write", target.name, initiator.ours, target.theirs, size)
    target.actor.stop()
    sent = network.sent(1)
    initiator.actor.send("write", initiator.handle, target.name, initiator.ours, target.theirs, size)
    wait_for(lambda: network.sent(1) > sent + size, "the bytes to leave")
    wait_for(lambda: network.unacknowledged(1) == 0, "the target's kernel to have them")
    network.cut(1)
    target.actor.resume()
    wait_for(lambda: network.unacknowledged(0) > 0, "the target's word to be on its way")
    wait_for(lambda: network.unacknowledged(0) == 0, "the target to give its connections up", 30)
    network.mend(1)
    begin = time.monotonic()
    answer = initiator.actor.answer(30)
    assert answer.ok, answer
    assert time.monotonic() - begin < 10 * slowness()
    target.actor.call("all", target.theirs, size, 0xEE)


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
