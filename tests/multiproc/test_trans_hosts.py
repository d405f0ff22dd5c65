# SPDX-License-Identifier: Apache-2.0
"""Transfers between sessions of two host identities on one machine: they share no memory, so what arrives went
over the fabric. What is the same on one host and between hosts is tested on real hosts by tests/hosts."""
import time

import pytest

from actors import slowness, wait_for
from harness import free_port
from limits import no_more_files
from pool import ERROR, KIB, MIB, NOT_SUPPORTED, PEER_LOST, REFUSED, TIMEOUT
from sessions import PATIENCE, flat, forced, open_session, scattered, start_store

LEFT = {"MF_HOST_ID": "left"}
RIGHT = {"MF_HOST_ID": "right"}
# For what is to end by the timeout: longer than the fabric's start.
HURRY = {"MF_TRANS_TIMEOUT": "2s"}


def pair(harness, **environment):
    """An initiator and a target on two hosts."""
    start_store(harness)
    initiator = harness.actor("initiator", {**PATIENCE, **LEFT, **environment})
    target = harness.actor("target", {**PATIENCE, **RIGHT, **environment})
    return open_session(harness, initiator), open_session(harness, target)


@pytest.mark.parametrize("pool", [False, True], ids=["private", "library"])
def test_every_byte_goes_both_ways_by_the_fabric(harness, pool):
    initiator, target = pair(harness)
    theirs = target.memory(4 * MIB, pool=pool)
    ours = initiator.memory(4 * MIB, registered=False)
    for size in [1, 8, 4095, 4097, 3 * MIB + 5]:
        initiator.actor.call("fill", ours, size, size)
        target.actor.call("set", theirs, 4 * MIB, 0xEE)
        initiator.call("write", target.name, ours, theirs + 101, size)
        target.actor.call("check", theirs + 101, size, size)
        target.actor.call("all", theirs, 101, 0xEE)
        target.actor.call("all", theirs + 101 + size, 4 * MIB - 101 - size, 0xEE)
        initiator.actor.call("set", ours, 4 * MIB, 0xDD)
        initiator.call("read", target.name, ours + 7, theirs + 101, size)
        initiator.actor.call("check", ours + 7, size, size)
        initiator.actor.call("all", ours + 7 + size, 4 * MIB - 7 - size, 0xDD)
    assert list(initiator.bytes_by_path()) == ["fabric"] and target.bytes_by_path() == {}


def test_a_session_whose_fabric_had_no_room_is_reached_once_it_has(harness):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", {**PATIENCE, **LEFT}))
    crowded = harness.actor("target", {**PATIENCE, **RIGHT})
    room = 24  # descriptors that a session needs, but not the fabric
    with no_more_files(crowded, but=room):
        target = open_session(harness, crowded)
        theirs = target.memory(KIB)
        wait_for(lambda: "cannot be reached yet" in crowded.stderr(), "the target to say what is short")
        assert "ulimit -n" in crowded.stderr()
        ours = initiator.memory(KIB, registered=False, seed=4)
        initiator.actor.send("write", initiator.handle, target.name, ours, theirs, KIB)
    initiator.actor.expect_ok(60)
    target.actor.call("check", theirs, KIB, 4)


def test_batches_over_many_regions(harness):
    initiator, target = pair(harness)
    count = 300
    theirs = target.memory(count * 64 * KIB, registered=False)
    ours = initiator.memory(count * 64 * KIB, registered=False, seed=5)
    target.call("many_reg", theirs, 32 * KIB, 32 * KIB, 2 * count)  # they touch: pieces cross them
    pieces = scattered(ours, theirs, count, seed=1)
    initiator.call("batch_write", target.name, 0, *flat(pieces))
    for local, remote, size in pieces:
        target.actor.call("check", remote, size, 5, local - ours)
    assert initiator.bytes_by_path() == {"fabric": sum(size for _, _, size in pieces)}


def test_a_deregistered_range_is_refused_and_comes_back_with_its_registration(harness):
    initiator, target = pair(harness, **HURRY)
    theirs = target.memory(MIB)
    ours = initiator.memory(MIB, registered=False, seed=1)
    for _ in range(2):
        initiator.call("write", target.name, ours, theirs, MIB)
        target.actor.call("check", theirs, MIB, 1)
        target.call("dereg", theirs)
        target.actor.call("set", theirs, MIB, 0)
        initiator.fails(
            REFUSED, "write", target.name, ours, theirs, 8, naming=[hex(theirs), "not one byte was moved"]
        )
        target.actor.call("all", theirs, MIB, 0)
        target.call("reg", theirs, MIB)


def test_a_neighbour_of_what_is_deregistered_stays(harness):
    initiator, target = pair(harness, **HURRY)
    theirs = target.memory(MIB)
    ours = initiator.memory(MIB, registered=False, seed=1)
    target.call("reg", theirs, 64 * KIB)
    initiator.call("write", target.name, ours, theirs, MIB)
    target.call("dereg", theirs)  # the smaller one: all of it is registered still
    initiator.call("write", target.name, ours, theirs, MIB)
    target.call("reg", theirs + 64 * KIB, 64 * KIB)
    target.call("dereg", theirs)
    initiator.call("write", target.name, ours, theirs + 64 * KIB, 64 * KIB)
    initiator.fails(REFUSED, "write", target.name, ours, theirs + 64 * KIB, 64 * KIB + 1)


def test_a_stopped_initiator_does_not_keep_memory(harness):
    """It cannot be asked for its keys: its connections are broken off."""
    # It ends by the timeout, and hears before what is registered, however long the target may take.
    initiator, target = pair(harness, MF_TRANS_TIMEOUT=f"{5 * slowness()}s")
    theirs = target.memory(16 * MIB)
    ours = initiator.memory(16 * MIB, registered=False)
    initiator.actor.call("set", ours, 16 * MIB, 0xEE)
    pieces = scattered(ours, theirs, 200, seed=1)
    initiator.actor.call(
        "background", 1 << 30, "batch_write", initiator.handle, target.name, 0, *flat(pieces)
    )
    wait_for(lambda: target.actor.value("peek", pieces[50][1] + 8 & ~7) != 0, "the first bytes")
    initiator.actor.stop()
    begin = time.monotonic()
    target.call("dereg", theirs)
    assert time.monotonic() - begin < 3 * slowness()
    target.actor.call("set", theirs, 16 * MIB, 0)
    initiator.actor.resume()
    assert initiator.actor.call("background_result").text.startswith(f"err {REFUSED} ")
    target.actor.call("all", theirs, 16 * MIB, 0)
    target.call("reg", theirs, 16 * MIB)
    initiator.call("write", target.name, ours, theirs, 8)


def test_a_killed_initiator_does_not_keep_memory(harness):
    initiator, target = pair(harness)
    theirs = target.memory(MIB)
    ours = initiator.memory(MIB, registered=False)
    initiator.call("write", target.name, ours, theirs, MIB)
    initiator.actor.kill()
    begin = time.monotonic()
    target.call("dereg", theirs)
    assert time.monotonic() - begin < 3 * slowness()


def test_a_session_that_ended_in_a_living_process_is_lost(harness):
    initiator, target = pair(harness)
    theirs = target.memory(MIB)
    ours = initiator.memory(MIB, registered=False, seed=1)
    initiator.call("write", target.name, ours, theirs, MIB)
    target.call("trans_destroy")
    initiator.fails(PEER_LOST, "write", target.name, ours, theirs, MIB, naming=target.name)
    again = open_session(harness, target.actor, target.name)
    again.call("reg", theirs, MIB)
    initiator.call("write", target.name, ours, theirs, MIB)
    target.actor.call("check", theirs, MIB, 1)


def test_a_stopped_target_is_a_timeout_and_nothing_is_left_of_the_call(harness):
    initiator, target = pair(harness, **HURRY)
    theirs = target.memory(MIB)
    ours = initiator.memory(MIB, registered=False, seed=1)
    initiator.call("write", target.name, ours, theirs, 8)
    target.actor.stop()
    initiator.fails(TIMEOUT, "write", target.name, ours, theirs, MIB)
    initiator.fails(TIMEOUT, "read", target.name, ours, theirs, MIB)
    target.actor.resume()
    initiator.call("write", target.name, ours, theirs, MIB)
    target.actor.call("check", theirs, MIB, 1)


@pytest.mark.parametrize("verb", ["write", "read"])
def test_memory_freed_without_deregistering_it_is_an_error_at_once(harness, verb):
    """Also for a read, which the provider `tcp` never answers."""
    initiator, target = pair(harness)
    theirs = target.memory(4 * MIB)
    ours = initiator.memory(4 * MIB, registered=False, seed=1)
    initiator.call(verb, target.name, ours, theirs, 4 * MIB)
    target.actor.call("unmap", theirs + 2 * MIB, MIB)
    begin = time.monotonic()
    for size in (4 * MIB, 2 * MIB + 8):
        initiator.fails(ERROR, verb, target.name, ours, theirs, size, naming=[target.name, "freed"])
    assert time.monotonic() - begin < 2 * slowness()
    initiator.call("write", target.name, ours, theirs, 2 * MIB)
    initiator.call("read", target.name, ours, theirs + 3 * MIB, MIB)
    target.call("dereg", theirs)


def test_without_the_fabric_the_reason_is_said(harness):
    start_store(harness)
    left = open_session(harness, harness.actor("left", LEFT))
    right = open_session(harness, harness.actor("right", {**RIGHT, "MF_FABRIC": "off"}))
    ours, theirs = left.memory(MIB), right.memory(MIB)
    for one, other in ((left, right), (right, left)):
        one.fails(NOT_SUPPORTED, "write", other.name, ours, theirs, 8, naming=[other.name, "MF_FABRIC"])


@pytest.mark.parametrize("path", ["mapped", "attach", "staging"])
def test_paths_of_one_host_do_not_lead_to_another(harness, path):
    start_store(harness)
    left = open_session(harness, harness.actor("left", {**LEFT, **forced(path)}))
    right = open_session(harness, harness.actor("right", RIGHT))
    ours, theirs = left.memory(MIB), right.memory(MIB)
    left.fails(NOT_SUPPORTED, "write", right.name, ours, theirs, 8, naming=["MF_TRANS_PATH", path, "right"])


def test_the_fabric_can_be_forced_on_one_host(harness):
    start_store(harness)
    environment = {**forced("fabric"), "MF_FABRIC": "on"}
    first, second = (open_session(harness, harness.actor(None, environment)) for _ in range(2))
    ours, theirs = first.memory(MIB, seed=1), second.memory(MIB)
    first.call("write", second.name, ours, theirs, MIB)
    second.actor.call("check", theirs, MIB, 1)
    first.call("write", first.name, ours, ours, 8)
    assert first.bytes_by_path() == {"fabric": MIB + 8}


def test_sessions_meet_at_once_while_the_fabric_starts(harness):
    """Opening a session does not wait for the fabric: who comes first waits for the other one."""
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", {**PATIENCE, **LEFT}))
    ours = initiator.memory(MIB, registered=False, seed=3)
    late = harness.actor("late", {**PATIENCE, **RIGHT})
    theirs = late.value("map", MIB)
    name = f"127.0.0.1:{free_port()}"
    initiator.actor.send("write", initiator.handle, name, ours, theirs, MIB)
    target = open_session(harness, late, name)
    target.call("reg", theirs, MIB)
    initiator.actor.expect_ok()
    late.call("check", theirs, MIB, 3)
