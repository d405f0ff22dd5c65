# SPDX-License-Identifier: Apache-2.0
"""Transfers between sessions of different processes: every direction, every path, every byte checked."""
import pytest

from actors import together
from harness import free_port
from pool import KIB, MIB, OBJECT_NOT_EXISTS, REFUSED, TIMEOUT
from sessions import CROWDS, HURRY, PATHS, flat, forced, open_session, scattered, start_sessions, start_store

AT_BORDERS = [1, 7, 8, 4095, 4096, 4097, 65537, 3 * MIB + 5]


def pair(harness, path, size, **memory):
    """An initiator that may use only `path`, a target with registered memory of that size, and both
    addresses."""
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", forced(path)))
    target = open_session(harness, harness.actor("target"))
    theirs = target.memory(size, pool=path == "mapped", **memory)
    ours = initiator.memory(size, registered=False)
    return initiator, target, ours, theirs


@pytest.mark.parametrize("path", PATHS)
def test_write_puts_every_byte_and_no_other(harness, path):
    initiator, target, ours, theirs = pair(harness, path, 4 * MIB)
    initiator.actor.call("fill", ours, 4 * MIB, 1)
    for size in AT_BORDERS:
        target.actor.call("set", theirs, 4 * MIB, 0xEE)
        initiator.call("write", target.name, ours + 3, theirs + 101, size)
        target.actor.call("check", theirs + 101, size, 1, 3)
        target.actor.call("all", theirs, 101, 0xEE)
        target.actor.call("all", theirs + 101 + size, 4 * MIB - 101 - size, 0xEE)


@pytest.mark.parametrize("path", PATHS)
def test_read_gets_every_byte_and_no_other(harness, path):
    initiator, target, ours, theirs = pair(harness, path, 4 * MIB, seed=2)
    for size in AT_BORDERS:
        initiator.actor.call("set", ours, 4 * MIB, 0xEE)
        initiator.call("read", target.name, ours + 101, theirs + 3, size)
        initiator.actor.call("check", ours + 101, size, 2, 3)
        initiator.actor.call("all", ours, 101, 0xEE)
        initiator.actor.call("all", ours + 101 + size, 4 * MIB - 101 - size, 0xEE)
    target.actor.call("check", theirs, 4 * MIB, 2)


@pytest.mark.parametrize("submit", [0, 1], ids=["sync", "submit"])
@pytest.mark.parametrize("path", PATHS)
def test_batches_go_both_ways(harness, path, submit):
    count = 300
    initiator, target, ours, theirs = pair(harness, path, count * 64 * KIB)
    initiator.actor.call("fill", ours, count * 64 * KIB, 5)
    pieces = scattered(ours, theirs, count, seed=count)
    initiator.call("batch_write", target.name, submit, *flat(pieces))
    initiator.call("trans_wait")
    for local, remote, size in pieces:
        target.actor.call("check", remote, size, 5, local - ours)
    back = initiator.memory(count * 64 * KIB, registered=False)
    returned = [(local - ours + back, remote, size) for local, remote, size in pieces]
    initiator.call("batch_read", target.name, submit, *flat(returned))
    initiator.call("trans_wait")
    for local, _, size in returned:
        initiator.actor.call("check", local, size, 5, local - back)


def test_one_batch_goes_to_private_and_library_memory(harness):
    initiator, target = start_sessions(harness, 2)
    private = target.memory(MIB)
    library = target.memory(MIB, pool=True)
    ours = initiator.memory(2 * MIB, registered=False, seed=3)
    initiator.call("batch_write", target.name, 0, ours, library, MIB, ours + MIB, private, MIB)
    target.actor.call("check", library, MIB, 3)
    target.actor.call("check", private, MIB, 3, MIB)


@pytest.mark.parametrize("pool", [False, True], ids=["private", "library"])
def test_a_session_writes_to_itself(harness, pool):
    (session,) = start_sessions(harness, 1)
    here = session.memory(MIB, registered=False, seed=1)
    there = session.memory(MIB, pool=pool)
    session.call("write", session.name, here, there, MIB)
    session.actor.call("check", there, MIB, 1)


def test_two_sessions_of_one_process(harness):
    (first,) = start_sessions(harness, 1)
    second = open_session(harness, first.actor)
    here = first.memory(MIB, registered=False, seed=1)
    theirs = second.memory(MIB)
    first.call("write", second.name, here, theirs, MIB)
    second.actor.call("check", theirs, MIB, 1)
    # What one has registered the other one has not.
    second.call("trans_destroy")
    back = first.memory(MIB)
    first.call("write", first.name, here, back, MIB)
    first.actor.call("check", back, MIB, 1)


@pytest.mark.parametrize("count", CROWDS)
@pytest.mark.time_limit(300)
def test_everybody_writes_to_everybody(harness, count):
    sessions = start_sessions(harness, count)
    size = 4 * KIB
    memories = [session.memory(count * size) for session in sessions]
    sources = [session.memory(size, registered=False, seed=number) for number, session in enumerate(sessions)]
    for step in range(count):
        for number, session in enumerate(sessions):
            peer = (number + step) % count
            session.actor.send(
                "write",
                session.handle,
                sessions[peer].name,
                sources[number],
                memories[peer] + number * size,
                size,
            )
        for session in sessions:
            session.actor.expect_ok(120)
    for number, session in enumerate(sessions):
        for writer in range(count):
            session.actor.call("check", memories[number] + writer * size, size, writer)


def test_a_thousand_sessions_of_one_process(harness):
    start_store(harness)
    many = harness.actor("many")
    initiator = open_session(harness, harness.actor("initiator"))
    ours = initiator.memory(4 * KIB, registered=False, seed=1)
    sessions = [open_session(harness, many) for _ in range(1000)]
    theirs = sessions[0].memory(4 * KIB)
    for session in sessions:
        session.call("reg", theirs, 4 * KIB)
    for session in sessions:
        many.call("set", theirs, 4 * KIB, 0)
        initiator.call("write", session.name, ours, theirs, 4 * KIB)
        many.call("check", theirs, 4 * KIB, 1)
    assert len(initiator.actor.descriptors()) < 600


def test_write_waits_for_a_session_that_is_not_there_yet(harness):
    (initiator,) = start_sessions(harness, 1)
    late = harness.actor("late")
    name = f"127.0.0.1:{free_port()}"
    theirs = late.value("map", MIB)
    ours = initiator.memory(MIB, registered=False, seed=9)
    initiator.actor.send("write", initiator.handle, name, ours, theirs, MIB)
    target = open_session(harness, late, name)
    target.call("reg", theirs, MIB)
    initiator.actor.expect_ok()
    late.call("check", theirs, MIB, 9)


def test_write_waits_for_an_address_that_is_not_registered_yet(harness):
    initiator, target = start_sessions(harness, 2)
    theirs = target.memory(MIB, registered=False)
    ours = initiator.memory(MIB, registered=False, seed=9)
    initiator.actor.send("write", initiator.handle, target.name, ours, theirs, MIB)
    target.call("reg", theirs, MIB)
    initiator.actor.expect_ok()
    target.actor.call("check", theirs, MIB, 9)


def test_what_was_missing_is_said_session_or_address(harness):
    initiator, target = start_sessions(harness, 2, HURRY)
    ours = initiator.memory(MIB, registered=False)
    theirs = target.memory(MIB, registered=False)
    initiator.fails(
        TIMEOUT,
        "write",
        "127.0.0.1:1",
        ours,
        theirs,
        8,
        naming=["127.0.0.1:1", "is not there", "MF_TRANS_TIMEOUT"],
    )
    initiator.fails(
        REFUSED, "write", target.name, ours, theirs, 8, naming=[target.name, hex(theirs), "not registered"]
    )


def test_submitted_transfers_tell_the_first_failure_at_wait(harness):
    initiator, target = start_sessions(harness, 2, HURRY)
    ours = initiator.memory(MIB, registered=False, seed=1)
    theirs = target.memory(MIB)
    unregistered = target.memory(MIB, registered=False)
    initiator.call("write", target.name, ours, theirs, 100, "submit")
    initiator.call("write", target.name, ours, unregistered, 100, "submit")
    initiator.call("write", target.name, ours, theirs + 100, 100, "submit")
    initiator.fails(REFUSED, "trans_wait", naming=hex(unregistered))
    initiator.call("trans_wait")
    target.actor.call("check", theirs, 100, 1)
    target.actor.call("check", theirs + 100, 100, 1)


def test_library_memory_is_taken_and_given_back(harness):
    initiator, target = start_sessions(harness, 2, HURRY)
    ours = initiator.memory(MIB, registered=False, seed=1)
    for _ in range(20):
        theirs = target.memory(8 * MIB, pool=True)
        target.actor.call("all", theirs, 8 * MIB, 0)
        initiator.call("write", target.name, ours, theirs + 7 * MIB, MIB)
        target.actor.call("check", theirs + 7 * MIB, MIB, 1)
        target.call("trans_free", theirs)
    initiator.fails(REFUSED, "write", target.name, ours, theirs, MIB)


def test_many_sessions_start_and_end_together(harness):
    start_store(harness)
    actors = harness.actors(8)
    for _ in range(5):
        sessions = [open_session(harness, actor) for actor in actors]
        together(actors, "trans_uninit")
        for session in sessions:
            session.fails(OBJECT_NOT_EXISTS, "reg", 4096, 4096)
