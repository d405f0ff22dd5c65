# SPDX-License-Identifier: Apache-2.0
"""Sessions that end, stop or come back in the middle of what others do with them, and registrations that end
under transfers."""
import os
import random
import time

import pytest

from actors import slowness, wait_for
from harness import free_port
from limits import no_more_files
from pool import KIB, MALLOC_FAILED, MIB, OBJECT_NOT_EXISTS, PEER_LOST, REFUSED, RESOURCE_IN_USE, TIMEOUT
from sessions import HURRY, PATHS, flat, forced, open_session, scattered, start_sessions, start_store

GONE = (PEER_LOST, TIMEOUT)


def pair(harness, path, environment=None):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", {**(environment or {}), **forced(path)}))
    target = open_session(harness, harness.actor("target", environment))
    return initiator, target


def fails_soon(session, codes, *words, limit=2.0):
    """The call fails with one of the codes, long before its timeout; returns the text."""
    begin = time.monotonic()
    verb, *rest = words
    answer = session.actor.ask(verb, session.handle, *rest)
    assert not answer.ok and answer.code in codes, (answer.code, answer.text)
    assert time.monotonic() - begin < limit * slowness(), answer.text
    return answer.text


WAYS_TO_END = ["killed", "destroyed", "ended"]


def end(session, way):
    if way == "killed":
        session.actor.kill()
    elif way == "destroyed":
        session.call("trans_destroy")
    else:
        session.actor.quit()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("way", WAYS_TO_END)
def test_a_peer_that_is_gone_is_lost_at_once(harness, path, way):
    initiator, target = pair(harness, path)
    ours = initiator.memory(MIB, registered=False)
    theirs = target.memory(MIB, pool=path == "mapped")
    initiator.call("write", target.name, ours, theirs, MIB)
    end(target, way)
    assert target.name in fails_soon(initiator, GONE, "write", target.name, ours, theirs, MIB)
    assert target.name in fails_soon(initiator, GONE, "read", target.name, ours, theirs, MIB)


def session_memory(actor):
    """The inodes of what the process maps of its own session and of others."""
    with open(f"/proc/{actor.pid}/maps", encoding="utf-8") as maps:
        return {line.split()[4] for line in maps if "/memfd:mf-trans" in line}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("way", WAYS_TO_END)
def test_nothing_of_a_session_that_has_ended_is_kept(harness, path, way):
    """An initiator that does nothing more would otherwise hold the memory of all that it has ever reached."""
    initiator, target = pair(harness, path)
    ours = initiator.memory(MIB, registered=False)
    theirs = target.memory(MIB, pool=path == "mapped")
    own = session_memory(initiator.actor)
    initiator.call("write", target.name, ours, theirs, MIB)
    assert session_memory(initiator.actor) > own
    end(target, way)
    wait_for(lambda: session_memory(initiator.actor) == own, "the initiator to give up the ended session's memory")


@pytest.mark.parametrize("path", PATHS)
def test_a_forked_child_keeps_no_dead_process_alive(harness, path):
    """As a server's worker processes do: they hold all of its mappings when it is killed."""
    initiator, target = pair(harness, path)
    ours = initiator.memory(MIB, registered=False)
    theirs = target.memory(MIB, pool=path == "mapped")
    initiator.call("write", target.name, ours, theirs, MIB)
    children = [session.actor.value("fork_and_stay") for session in (initiator, target)]
    initiator.actor.kill()
    other = open_session(harness, harness.actor("other", forced(path)))
    ours = other.memory(MIB, registered=False)
    other.call("write", target.name, ours, theirs, MIB)
    target.call("dereg", theirs)
    target.call("reg", theirs, MIB)
    other.call("write", target.name, ours, theirs, MIB)
    target.actor.kill()
    fails_soon(other, GONE, "write", target.name, ours, theirs, MIB)
    for session in (initiator, target):
        session.actor.write_line("end")
    wait_for(lambda: not any(os.path.exists(f"/proc/{child}") for child in children), "the children to end")


@pytest.mark.parametrize("path", PATHS)
def test_a_restarted_peer_is_reached_and_has_its_own_memory(harness, path):
    initiator, target = pair(harness, path)
    ours = initiator.memory(MIB, registered=False, seed=4)
    for life in range(3):
        theirs = target.memory(MIB, pool=path == "mapped")
        other = target.memory(MIB, registered=False)
        initiator.call("write", target.name, ours, theirs, MIB)
        target.actor.call("check", theirs, MIB, 4)
        target.actor.call("all", other, MIB, 0)
        if life == 1:
            target.call("trans_destroy")  # the next one is in the same process
            target = open_session(harness, target.actor, target.name)
        else:
            target.actor.kill()
            fails_soon(initiator, GONE, "write", target.name, ours, theirs, MIB)
            target = open_session(harness, harness.actor(), target.name)
        # What the former one had registered is not registered with this one.
        answer = initiator.actor.ask("write", initiator.handle, target.name, ours, theirs, 0)
        assert not answer.ok


def test_a_write_planned_for_a_former_life_never_lands_in_the_next(harness):
    initiator, target = pair(harness, "attach", HURRY)
    ours = initiator.memory(MIB, registered=False, seed=4)
    theirs = target.memory(MIB)
    initiator.call("write", target.name, ours, theirs, MIB)
    target.call("trans_destroy")
    target.actor.call("set", theirs, MIB, 0)
    target = open_session(harness, target.actor, target.name)
    answer = initiator.actor.ask("write", initiator.handle, target.name, ours, theirs, MIB)
    assert not answer.ok
    target.actor.call("all", theirs, MIB, 0)


@pytest.mark.parametrize("path", PATHS)
def test_peer_killed_in_the_middle_of_batches(harness, path):
    initiator, target = pair(harness, path)
    ours = initiator.memory(16 * MIB, registered=False)
    theirs = target.memory(16 * MIB, pool=path == "mapped")
    pieces = scattered(ours, theirs, 200, seed=1)
    initiator.actor.call(
        "background", 1 << 30, "batch_write", initiator.handle, target.name, 0, *flat(pieces)
    )
    initiator.call("write", target.name, ours, theirs, MIB)
    target.actor.kill()
    answer = initiator.actor.call("background_result").text
    assert answer.startswith(("err -2012 ", "err -2004 ")), answer


@pytest.mark.parametrize("path", PATHS)
def test_initiator_killed_in_the_middle_leaves_the_target_free(harness, path):
    initiator, target = pair(harness, path)
    ours = initiator.memory(16 * MIB, registered=False)
    theirs = target.memory(16 * MIB, pool=path == "mapped")
    pieces = scattered(ours, theirs, 200, seed=1)
    initiator.actor.call(
        "background", 1 << 30, "batch_write", initiator.handle, target.name, 0, *flat(pieces)
    )
    initiator.call("write", target.name, ours, theirs, MIB)
    initiator.actor.kill()
    target.call("dereg", theirs, timeout=10)
    target.call("reg", theirs, MIB)
    other = open_session(harness, harness.actor("other", forced(path)))
    source = other.memory(MIB, registered=False, seed=2)
    other.call("write", target.name, source, theirs, MIB)
    target.actor.call("check", theirs, MIB, 2)


@pytest.mark.parametrize("path", PATHS)
def test_deregistration_during_batches_ends_them_cleanly(harness, path):
    """Once deregistering has returned, no byte of the memory changes any more."""
    initiator, target = pair(harness, path, HURRY)
    ours = initiator.memory(16 * MIB, registered=False)
    initiator.actor.call("set", ours, 16 * MIB, 0xEE)
    pool = path == "mapped"
    theirs = target.memory(16 * MIB, pool=pool, registered=False)
    pieces = scattered(ours, theirs, 200, seed=1)
    for _ in range(5):
        target.call("reg", theirs, 16 * MIB)
        initiator.actor.call(
            "background", 1 << 30, "batch_write", initiator.handle, target.name, 0, *flat(pieces)
        )
        wait_for(lambda: target.actor.value("peek", pieces[50][1] + 8 & ~7) != 0, "the first bytes")
        target.call("dereg", theirs)
        target.actor.call("set", theirs, 16 * MIB, 0)
        text = initiator.actor.call("background_result").text
        assert text.startswith(f"err {REFUSED} ") and "not one byte" in text, text
        target.actor.call("all", theirs, 16 * MIB, 0)


def stop_in_a_transfer(initiator, target, ours, theirs, size):
    """Stops the initiator, again and again, until it stands still in the middle of a transfer, which a
    deregistration finds out; gives its text."""
    initiator.actor.call("background", 1 << 30, "write", initiator.handle, target.name, ours, theirs, size)
    random_pause = random.Random(1)
    for _ in range(200):
        time.sleep(random_pause.uniform(0, 0.005))  # another moment of the transfer each time
        initiator.actor.stop()
        answer = target.actor.ask("dereg", target.handle, theirs)
        if not answer.ok:
            assert answer.code == RESOURCE_IN_USE
            return answer.text
        initiator.actor.resume()
        target.call("reg", theirs, size)
    raise AssertionError("the initiator was never stopped within a transfer")


@pytest.mark.parametrize("path", ["mapped", "attach"])
def test_deregistration_says_who_stands_still_in_a_transfer(harness, path):
    initiator, target = pair(harness, path, {"MF_TRANS_TIMEOUT": "200ms"})
    size = 64 * MIB
    ours = initiator.memory(size, registered=False)
    theirs = target.memory(size, pool=path == "mapped")
    text = stop_in_a_transfer(initiator, target, ours, theirs, size)
    assert initiator.name in text and str(initiator.actor.pid) in text and "stay registered" in text
    # The registration is still there, and can be taken back once the initiator goes on.
    initiator.actor.resume()
    wait_for(lambda: target.actor.ask("dereg", target.handle, theirs).ok, "the transfer to end")
    # Where it stood still just before its first byte, its own time was over when it went on.
    assert initiator.actor.call("background_result").text.startswith((f"err {REFUSED}", f"err {TIMEOUT}"))


def test_deregistration_of_a_killed_initiators_range_goes_on(harness):
    initiator, target = pair(harness, "attach", {"MF_TRANS_TIMEOUT": "200ms"})
    size = 64 * MIB
    ours = initiator.memory(size, registered=False)
    theirs = target.memory(size)
    stop_in_a_transfer(initiator, target, ours, theirs, size)
    initiator.actor.kill()
    target.call("dereg", theirs)


@pytest.mark.parametrize("path", PATHS)
def test_a_stopped_target(harness, path):
    """Paths that do not need it go on; the one that does waits until it goes on."""
    initiator, target = pair(harness, path)
    ours = initiator.memory(MIB, registered=False, seed=1)
    theirs = target.memory(MIB, pool=path == "mapped")
    initiator.call("write", target.name, ours, theirs, 8)
    target.actor.stop()
    initiator.actor.send("write", initiator.handle, target.name, ours, theirs, MIB)
    if path == "staging":
        with pytest.raises(AssertionError, match="nothing within"):
            initiator.actor.read_line(1)
        target.actor.resume()
        initiator.actor.expect_ok()
    else:
        initiator.actor.expect_ok()
        target.actor.resume()
    target.actor.call("check", theirs, MIB, 1)


def test_a_target_that_stays_stopped_is_a_timeout_and_works_again_afterwards(harness):
    initiator, target = pair(harness, "staging", HURRY)
    ours = initiator.memory(MIB, registered=False, seed=1)
    theirs = target.memory(MIB)
    initiator.call("write", target.name, ours, theirs, 8)
    target.actor.stop()
    initiator.fails(TIMEOUT, "write", target.name, ours, theirs, MIB, naming="stopped")
    target.actor.resume()
    initiator.call("write", target.name, ours, theirs, MIB)
    target.actor.call("check", theirs, MIB, 1)


def test_a_stopped_session_that_was_never_reached_is_a_timeout(harness):
    initiator, target = pair(harness, "attach", HURRY)
    ours = initiator.memory(MIB, registered=False, seed=1)
    theirs = target.memory(MIB)
    target.actor.stop()
    answer = initiator.actor.ask("write", initiator.handle, target.name, ours, theirs, MIB)
    assert answer.code == TIMEOUT and "stopped" in answer.text, answer
    target.actor.resume()
    initiator.call("write", target.name, ours, theirs, MIB)
    target.actor.call("check", theirs, MIB, 1)


@pytest.mark.parametrize("path", PATHS)
def test_destroy_while_batches_are_in_flight(harness, path):
    initiator, target = pair(harness, path)
    ours = initiator.memory(16 * MIB, registered=False)
    theirs = target.memory(16 * MIB, pool=path == "mapped")
    beside = target.memory(MIB, pool=path == "mapped")  # what nobody else writes meanwhile
    pieces = flat(scattered(ours, theirs, 200, seed=1))
    initiator.actor.call("background", 1 << 30, "batch_write", initiator.handle, target.name, 0, *pieces)
    initiator.call("write", target.name, ours, beside, MIB)
    initiator.call("trans_destroy", timeout=15)
    assert initiator.actor.call("background_result").text.startswith(f"err {OBJECT_NOT_EXISTS}")
    again = open_session(harness, initiator.actor, initiator.name)
    again.call("batch_write", target.name, 0, *pieces)


def test_destroy_with_many_transfers_queued_is_bounded(harness):
    start_store(harness)
    session = open_session(harness, harness.actor("session", HURRY))
    ours = session.memory(4 * KIB, registered=False)
    for _ in range(50):
        session.call("write", f"127.0.0.1:{free_port()}", ours, ours, 8, "submit")
    begin = time.monotonic()
    session.call("trans_destroy")
    assert time.monotonic() - begin < 3 * slowness()


def test_the_waiting_writer_hears_at_once_that_the_peer_died(harness):
    initiator, target = pair(harness, "attach")
    ours = initiator.memory(4 * KIB, registered=False)
    theirs = target.memory(4 * KIB)
    initiator.call("write", target.name, ours, theirs, 8)
    initiator.actor.send("write", initiator.handle, target.name, ours, 4096, 8)
    target.actor.kill()
    begin = time.monotonic()
    answer = initiator.actor.answer()
    assert answer.code == PEER_LOST and time.monotonic() - begin < 2 * slowness(), answer.text


def test_death_of_the_store_leaves_transfers_alone(harness):
    store = start_store(harness)
    initiator, target = (open_session(harness, actor) for actor in harness.actors(2))
    ours = initiator.memory(MIB, registered=False, seed=1)
    theirs = target.memory(MIB)
    initiator.call("write", target.name, ours, theirs, 8)
    store.kill()
    initiator.call("write", target.name, ours, theirs, MIB)
    target.actor.call("check", theirs, MIB, 1)
    target.call("dereg", theirs)
    initiator.call("trans_destroy", timeout=10)


@pytest.mark.parametrize("room", range(4))
def test_an_initiator_that_has_no_descriptor_left_says_so_and_goes_on_once_it_has(harness, room):
    initiator, target = start_sessions(harness, 2)
    theirs = target.memory(KIB)
    ours = initiator.memory(KIB, registered=False, seed=6)
    with no_more_files(initiator.actor, but=room):
        answer = initiator.actor.ask("write", initiator.handle, target.name, ours, theirs, KIB)
        assert answer.ok or answer.code == MALLOC_FAILED, answer
    assert room > 1 or not answer.ok, "it was to be short of some"
    initiator.call("write", target.name, ours, theirs, KIB)
    target.actor.call("check", theirs, KIB, 6)


def test_idle_sessions_cost_no_processor_time(harness):
    initiator, target = start_sessions(harness, 2, forced("staging"))
    ours = initiator.memory(MIB, registered=False)
    theirs = target.memory(MIB)
    initiator.call("write", target.name, ours, theirs, MIB)

    def used(session):
        with open(f"/proc/{session.actor.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(0.2)  # what the last transfer left to do ends
    before = used(initiator) + used(target)
    time.sleep(1)  # this is the time that is measured
    assert used(initiator) + used(target) - before <= 2


def test_a_forked_child_refuses_every_call(harness):
    initiator, target = start_sessions(harness, 2)
    ours = initiator.memory(MIB, registered=False, seed=1)
    theirs = target.memory(MIB)
    initiator.call("write", target.name, ours, theirs, 8)
    answer = initiator.actor.call(
        "fork",
        "exit",
        f"write {initiator.handle} {target.name} {ours} {theirs} 8;trans_destroy {initiator.handle}",
    ).text
    assert "-2008" in answer and answer.split()[-1] == "0"
    initiator.call("write", target.name, ours, theirs, MIB)
    target.actor.call("check", theirs, MIB, 1)
