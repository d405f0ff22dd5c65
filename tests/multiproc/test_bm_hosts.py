# SPDX-License-Identifier: Apache-2.0
"""One pool over two host identities on one machine: they share no memory, so what arrives went over the fabric."""
import pytest

from actors import together, wait_for
from limits import no_more_files
from pool import ASYNC, G2G, G2H, H2G, KIB, MIB, NOT_SUPPORTED, PEER_LOST, SDMA, make_pool

HOSTS = ["left", "right"]


def pool_of_hosts(harness, count=4, dram=2 * MIB, **environment):
    """Ranks 0, 2, ... live on one host, 1, 3, ... on the other."""
    actors = [
        harness.actor(environment={"MF_HOST_ID": HOSTS[rank % 2], **environment}) for rank in range(count)
    ]
    for rank, actor in enumerate(actors):
        harness.init(actor, rank, count, wait=False)
    for actor in actors:
        actor.expect_ok(60)
    return make_pool(actors, dram=dram)


def caught_signals(actor):
    """Bit mask. Those of real time are not looked at: the C library takes two of them for its threads."""
    with open(f"/proc/{actor.pid}/status", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("SigCgt:"))
    return int(line.split()[1], 16) & (1 << 31) - 1


def test_signals_stay_as_the_program_has_them(harness):
    without_library = caught_signals(harness.actor())  # none, but for those that a sanitizer catches
    pool = pool_of_hosts(harness, 2)
    assert [caught_signals(actor) for actor in pool.actors] == [without_library] * 2


def test_every_rank_writes_and_reads_every_other(harness):
    pool = pool_of_hosts(harness)
    size = 64 * KIB
    for actor in pool.actors:
        source = actor.value("alloc", size)
        actor.call("fill", source, size, 10 + actor.rank)
        for other in pool.actors:
            place = pool.region(other.rank) + actor.rank * size
            actor.call("copy", pool.handle(actor), H2G, 0, place, source, size)
            other.call("check", place, size, 10 + actor.rank)
    for actor in pool.actors:
        buffer = actor.value("alloc", size)
        for other in pool.actors:
            for writer in range(len(pool.actors)):
                place = pool.region(other.rank) + writer * size
                actor.call("copy", pool.handle(actor), G2H, 0, buffer, place, size)
                actor.call("check", buffer, size, 10 + writer)


def test_a_fabric_that_had_no_room_is_started_by_the_next_create(harness):
    """It is not given up for good."""
    left, right = [harness.actor(environment={"MF_HOST_ID": host}) for host in HOSTS]
    for rank, actor in enumerate((left, right)):
        harness.init(actor, rank, 2, wait=False)
    for actor in (left, right):
        actor.expect_ok(60)
    with no_more_files(right, but=8):
        answer = right.ask("create", 0, 2, SDMA, 2 * MIB, 0, 0)
        assert not answer.ok and "starting the fabric" in answer.text and "ulimit -n" in answer.text, answer.text
    pool = make_pool([left, right])
    buffer = left.value("alloc", KIB)
    left.call("fill", buffer, KIB, 3)
    left.call("copy", pool.handle(left), H2G, 0, pool.region(1), buffer, KIB)
    right.call("check", pool.region(1), KIB, 3)


@pytest.mark.parametrize("size", [1, 8, 4095, 4096, MIB, 64 * MIB])
def test_sizes_up_to_the_last_byte(harness, size):
    pool = pool_of_hosts(harness, 2, dram=max(2 * MIB, size))
    left, right = pool.actors
    buffer = left.value("alloc", size)
    left.call("fill", buffer, size, 7)
    place = pool.end - size
    left.call("copy", pool.handle(left), H2G, 0, place, buffer, size)
    right.call("check", place, size, 7)
    right.call("fill", place, size, 8)
    left.call("copy", pool.handle(left), G2H, 0, buffer, place, size)
    left.call("check", buffer, size, 8)


def test_copies_straddle_ranks_of_both_hosts(harness):
    pool = pool_of_hosts(harness)
    actor = pool.actors[0]
    size = 2 * pool.stride + 2 * KIB
    start = pool.region(1) - KIB
    buffer = actor.value("alloc", size)
    actor.call("fill", buffer, size, 3)
    actor.call("copy", pool.handle(actor), H2G, 0, start, buffer, size)
    reader = pool.actors[1]
    copied = reader.value("alloc", size)
    reader.call("copy", pool.handle(reader), G2H, 0, copied, start, size)
    reader.call("check", copied, size, 3)


def test_between_two_ranks_of_the_other_host(harness):
    pool = pool_of_hosts(harness)
    first, source, _, destination = pool.actors
    size = pool.stride
    source.call("fill", pool.region(1), size, 5)
    first.call("copy", pool.handle(first), G2G, 0, pool.region(3), pool.region(1), size)
    destination.call("check", pool.region(3), size, 5)


def test_rows_and_batches(harness):
    pool = pool_of_hosts(harness)
    actor, reader = pool.actors[0], pool.actors[1]
    width, pitch, rows = 3000, 100 * KIB, 40
    start = pool.region(1)
    buffer = actor.value("alloc", rows * width)
    actor.call("fill", buffer, rows * width, 4)
    actor.call("copy_2d", pool.handle(actor), H2G, 0, start, pitch, buffer, width, width, rows)
    copied = reader.value("alloc", rows * width)
    reader.call("copy_2d", pool.handle(reader), G2H, 0, copied, width, start, pitch, width, rows)
    reader.call("check", copied, rows * width, 4)


def test_asynchronous(harness):
    pool = pool_of_hosts(harness, 2)
    left, right = pool.actors
    buffer = left.value("alloc", MIB)
    left.call("fill", buffer, MIB, 6)
    left.call("copy", pool.handle(left), H2G, ASYNC, pool.region(1), buffer, MIB)
    left.call("wait", pool.handle(left))
    right.call("check", pool.region(1), MIB, 6)


def test_leave_and_join_again(harness):
    pool = pool_of_hosts(harness, 2)
    left, right = pool.actors
    buffer = left.value("alloc", 4096)
    words = ("copy", pool.handle(left), G2H, 0, buffer, pool.region(1), 4096)
    left.call(*words)
    right.call("leave", pool.handle(right), 0)
    left.fails(PEER_LOST, *words, naming="rank 1")
    for round_ in range(3):
        right.call("join", pool.handle(right), 0)
        right.call("fill", pool.region(1), 4096, round_)
        left.call(*words)
        left.call("check", buffer, 4096, round_)
        right.call("leave", pool.handle(right), 0)
        left.fails(PEER_LOST, *words, naming="rank 1")


def test_a_killed_rank_fails_its_copies_alone(harness):
    pool = pool_of_hosts(harness)
    actor, killed, _, other = pool.actors
    buffer = actor.value("alloc", 4096)
    words = ("copy", pool.handle(actor), G2H, 0, buffer, pool.region(1), 4096)
    actor.call(*words)
    killed.kill()
    actor.fails(PEER_LOST, *words)
    other.call("fill", pool.region(3), 4096, 9)
    actor.call("copy", pool.handle(actor), G2H, 0, buffer, pool.region(3), 4096)
    actor.call("check", buffer, 4096, 9)


def test_ranks_of_other_hosts_are_named_as_out_of_reach_without_the_fabric(harness):
    pool = pool_of_hosts(harness, 2, MF_FABRIC="off")
    left, right = pool.actors
    buffer = left.value("alloc", 4096)
    words = ("copy", pool.handle(left), G2H, 0, buffer, pool.region(1), 4096)
    # Until the store's word of the other's join has arrived, it is absent only.
    wait_for(lambda: left.ask(*words).code == NOT_SUPPORTED, "the other host to be known")
    left.fails(NOT_SUPPORTED, *words, naming=["rank 1", "right", "left", "MF_FABRIC"])
    left.call("fill", pool.region(0), 4096, 1)
    right.call("all", pool.region(0), 4096, 0)
