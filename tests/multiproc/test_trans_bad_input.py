# SPDX-License-Identifier: Apache-2.0
"""What a program may get wrong with transfer sessions: each answer has its code and a text, and nothing
moves."""
import pytest

from harness import free_port
from pool import (
    ERROR,
    INVALID_PARAM,
    KIB,
    MIB,
    OBJECT_NOT_EXISTS,
    REFUSED,
    UINT64_MAX,
)
from sessions import HURRY, PATHS, forced, open_session, start_sessions, start_store

PAGE = 64 * KIB  # of any machine


@pytest.fixture
def pair(harness):
    """An initiator and a target with a registered MiB; afterwards nothing of either has changed."""
    initiator, target = start_sessions(harness, 2, HURRY)
    initiator.ours = initiator.memory(MIB, registered=False)
    initiator.actor.call("set", initiator.ours, MIB, 0xEE)
    target.theirs = target.memory(MIB)
    yield initiator, target
    target.actor.call("all", target.theirs, MIB, 0)
    initiator.actor.call("all", initiator.ours, MIB, 0xEE)
    initiator.call("write", target.name, initiator.ours, target.theirs, MIB)
    target.actor.call("all", target.theirs, MIB, 0xEE)


@pytest.mark.parametrize(
    "name",
    ["NULL", "nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "[::1:5", "a%b:x"],
)
def test_names_that_no_session_can_have(harness, name):
    (initiator,) = start_sessions(harness, 1)
    ours = initiator.memory(MIB)
    initiator.fails(INVALID_PARAM, "write", name, ours, ours, 8, naming="name")
    initiator.fails(INVALID_PARAM, "read", name, ours, ours, 8, naming="name")
    initiator.fails(INVALID_PARAM, "batch_write", name, 0, ours, ours, 8, naming="name")
    fresh = harness.actor()
    fresh.fails(0, "trans_create", harness.url, name, naming="session")


def test_create_refuses_what_it_cannot_use(harness):
    start_store(harness)
    actor = harness.actor()
    name = f"127.0.0.1:{free_port()}"
    actor.fails(0, "trans_create", None, name, naming="null")
    actor.fails(0, "trans_create", "http://127.0.0.1:1", name)
    actor.fails(0, "trans_create", harness.url, name, "NULL", naming="configuration")
    actor.fails(0, "trans_create", harness.url, name, 4, 10, naming="role 4")
    actor.fails(0, "trans_create", harness.url, name, 0, 0, naming="initTimeout")
    actor.fails(0, "trans_create", f"tcp://127.0.0.1:{free_port()}", name, 0, 1, naming="store")
    actor.fails(INVALID_PARAM, "trans_config", "null")
    assert actor.call("trans_config").values == [0, 120, (1 << 32) - 1, 0]
    open_session(harness, actor, name)


def test_a_name_belongs_to_the_living_session_that_has_it(harness):
    first, second = start_sessions(harness, 2)
    here = first.memory(MIB, seed=1)
    first.actor.fails(0, "trans_create", harness.url, first.name, naming="already")
    for _ in range(2):
        second.actor.fails(0, "trans_create", harness.url, first.name, naming=first.name)
    # Whoever was refused has taken nothing away.
    other = open_session(harness, harness.actor())
    back = other.memory(MIB, registered=False)
    other.call("read", first.name, back, here, MIB)
    other.actor.call("check", back, MIB, 1)
    first.call("trans_destroy")
    open_session(harness, second.actor, first.name)


def test_handles_that_are_none(pair):
    initiator, target = pair
    actor = initiator.actor
    ours, theirs = initiator.ours, target.theirs
    for handle, code in ((0, INVALID_PARAM), (12345, OBJECT_NOT_EXISTS), (UINT64_MAX, OBJECT_NOT_EXISTS)):
        actor.fails(code, "write", handle, target.name, ours, theirs, 8, naming="handle")
        actor.fails(code, "read", handle, target.name, ours, theirs, 8, naming="handle")
        actor.fails(code, "batch_write", handle, target.name, 0, ours, theirs, 8, naming="handle")
        actor.fails(code, "reg", handle, ours, 8, naming="handle")
        actor.fails(code, "batch_reg", handle, ours, 8, naming="handle")
        actor.fails(code, "dereg", handle, ours, naming="handle")
        actor.fails(code, "trans_free", handle, ours, naming="handle")
        actor.fails(code, "trans_wait", handle, naming="handle")
        actor.fails(0, "trans_malloc", handle, 8, naming="handle")
        actor.call("trans_destroy", handle)


def test_null_zero_and_overflow(pair):
    initiator, target = pair
    ours, theirs = initiator.ours, target.theirs
    for verb in ("write", "read"):
        initiator.fails(INVALID_PARAM, verb, target.name, 0, theirs, 8, naming="null")
        initiator.fails(INVALID_PARAM, verb, target.name, ours, 0, 8, naming="null")
        initiator.fails(INVALID_PARAM, verb, target.name, ours, theirs, 0, naming="size is 0")
        initiator.fails(INVALID_PARAM, verb, target.name, ours, theirs, UINT64_MAX, naming="past the end")
        initiator.fails(INVALID_PARAM, verb, target.name, ours, theirs, 0, "submit", naming="size is 0")
    for verb in ("batch_write", "batch_read"):
        good = (ours, theirs, 8)
        initiator.fails(INVALID_PARAM, verb, target.name, 0, naming="empty")
        initiator.fails(INVALID_PARAM, verb, target.name, 0, *good, ours, theirs, 0, naming="piece 1 of 2")
        initiator.fails(INVALID_PARAM, verb, target.name, 0, *good, 0, theirs, 8, naming=["piece 1", "null"])
        initiator.fails(
            INVALID_PARAM, verb, target.name, 0, *good, ours, UINT64_MAX, 8, naming="past the end"
        )
    initiator.fails(INVALID_PARAM, "null_batch", target.name, naming="null")


def test_registrations_that_are_none(pair):
    _, target = pair
    theirs = target.theirs
    target.fails(INVALID_PARAM, "reg", 0, 8, naming="null")
    target.fails(INVALID_PARAM, "reg", theirs, 0, naming="size is 0")
    target.fails(INVALID_PARAM, "reg", theirs, UINT64_MAX, naming="past the end")
    target.fails(INVALID_PARAM, "batch_reg", naming="empty")
    target.fails(INVALID_PARAM, "null_regs", naming="null")
    target.fails(INVALID_PARAM, "dereg", 0, naming="null")
    target.fails(OBJECT_NOT_EXISTS, "dereg", theirs + 8, naming=hex(theirs + 8))
    target.fails(OBJECT_NOT_EXISTS, "trans_free", theirs, naming=hex(theirs))
    target.actor.fails(0, "trans_malloc", target.handle, 0)
    target.actor.fails(0, "trans_malloc", target.handle, 1 << 60)


def test_a_batch_of_registrations_is_all_or_nothing(pair):
    initiator, target = pair
    fresh = target.memory(MIB, registered=False)
    target.fails(INVALID_PARAM, "batch_reg", fresh, 4096, fresh + 8192, 0, naming="range 1 of 2")
    initiator.fails(REFUSED, "write", target.name, initiator.ours, fresh, 8)
    target.call("batch_reg", fresh, 4096, fresh + 8192, 4096)
    initiator.call("write", target.name, initiator.ours, fresh + 8192, 4096)


@pytest.mark.parametrize("path", PATHS)
def test_not_one_byte_of_a_batch_is_written_where_one_piece_is_refused(harness, path):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", {**HURRY, **forced(path)}))
    target = open_session(harness, harness.actor("target"))
    ours = initiator.memory(MIB, registered=False, seed=1)
    theirs = target.memory(MIB, pool=path == "mapped")
    pieces = [word for index in range(100) for word in (ours, theirs + index * 4096, 4096)]
    bad = theirs + MIB - 8
    initiator.fails(REFUSED, "batch_write", target.name, 0, *pieces, ours, bad, 9, naming=hex(theirs + MIB))
    target.actor.call("all", theirs, MIB, 0)
    target.call("dereg", theirs)
    initiator.fails(REFUSED, "batch_write", target.name, 0, *pieces, naming=["not registered", target.name])
    initiator.fails(REFUSED, "batch_read", target.name, 0, *pieces, naming="not registered")
    target.actor.call("all", theirs, MIB, 0)
    initiator.actor.call("check", ours, MIB, 1)


def test_ranges_that_touch_are_one_and_others_are_not(pair):
    initiator, target = pair
    fresh = target.memory(MIB, registered=False)
    target.call("batch_reg", fresh, 1000, fresh + 1000, 1000, fresh + 2001, 1000)
    initiator.call("write", target.name, initiator.ours, fresh, 2000)
    target.actor.call("all", fresh, 2000, 0xEE)
    initiator.fails(REFUSED, "write", target.name, initiator.ours, fresh, 3000, naming=hex(fresh + 2000))
    initiator.fails(REFUSED, "write", target.name, initiator.ours, fresh - 1, 8, naming=hex(fresh - 1))
    target.actor.call("all", fresh + 2000, MIB - 2000, 0)


def test_memory_registered_twice_is_there_until_the_second_deregistration(pair):
    initiator, target = pair
    fresh = target.memory(MIB)
    target.call("reg", fresh, MIB)
    target.call("reg", fresh + 4096, 100)
    target.call("dereg", fresh)
    initiator.call("write", target.name, initiator.ours, fresh, MIB)
    target.call("dereg", fresh)
    initiator.call("write", target.name, initiator.ours, fresh + 4096, 100)
    initiator.fails(REFUSED, "write", target.name, initiator.ours, fresh + 4096, 101)
    target.call("dereg", fresh + 4096)
    initiator.fails(REFUSED, "write", target.name, initiator.ours, fresh + 4096, 1)
    target.fails(OBJECT_NOT_EXISTS, "dereg", fresh)


def test_overlapping_registrations_offer_their_union(pair):
    initiator, target = pair
    fresh = target.memory(MIB, registered=False)
    target.call("reg", fresh, 6000)
    target.call("reg", fresh + 3000, 6000)
    initiator.call("write", target.name, initiator.ours, fresh, 9000)
    target.call("dereg", fresh)
    initiator.call("write", target.name, initiator.ours, fresh + 3000, 6000)
    initiator.fails(REFUSED, "write", target.name, initiator.ours, fresh + 2999, 2)


@pytest.mark.parametrize("path", ["attach", "staging"])
@pytest.mark.parametrize("verb", ["write", "read"])
def test_memory_freed_while_registered_is_an_error_and_no_crash(harness, path, verb):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", forced(path)))
    target = open_session(harness, harness.actor("target"))
    ours = initiator.memory(4 * PAGE, registered=False)
    theirs = target.memory(4 * PAGE)
    initiator.call(verb, target.name, ours, theirs, 4 * PAGE)
    target.actor.call("unmap", theirs + 2 * PAGE, PAGE)
    initiator.fails(ERROR, verb, target.name, ours, theirs, 4 * PAGE, naming="freed")
    initiator.call(verb, target.name, ours, theirs, 2 * PAGE)
    target.call("dereg", theirs)


@pytest.mark.parametrize("path", ["attach", "staging"])
def test_read_only_memory_is_an_error_for_a_write(harness, path):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", forced(path)))
    target = open_session(harness, harness.actor("target"))
    ours = initiator.memory(PAGE, registered=False)
    theirs = target.memory(PAGE, seed=1)
    target.actor.call("protect", theirs, PAGE)
    initiator.fails(ERROR, "write", target.name, ours, theirs, PAGE)
    initiator.call("read", target.name, ours, theirs, PAGE)
    initiator.actor.call("check", ours, PAGE, 1)


def test_mapped_path_alone_refuses_private_memory(harness):
    start_store(harness)
    initiator = open_session(harness, harness.actor("initiator", forced("mapped")))
    target = open_session(harness, harness.actor("target"))
    ours = initiator.memory(PAGE, registered=False)
    theirs = target.memory(PAGE)
    text = initiator.actor.ask("write", initiator.handle, target.name, ours, theirs, 8).text
    assert "MF_TRANS_PATH" in text
