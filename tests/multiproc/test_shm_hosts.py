# SPDX-License-Identifier: Apache-2.0
"""SHM objects over two host identities on one machine: what arrives at the other one's ranks went over the fabric."""
import pytest

from actors import together, wait_for
from pool import INVALID_PARAM, MIB, NOT_SUPPORTED, OBJECT_NOT_EXISTS, PEER_LOST
from shared import MTE, ROCE, SDMA, Shared, init, make_shared

HOSTS = ["left", "right"]
HERE, THERE = MTE | SDMA, ROCE


def world_of_hosts(harness, count, timeouts=(60, 60, 60), **environment):
    """Ranks 0, 2, ... live on one host, 1, 3, ... on the other."""
    actors = [
        harness.actor(environment={"MF_HOST_ID": HOSTS[rank % 2], **environment}) for rank in range(count)
    ]
    for rank, actor in enumerate(actors):
        init(actor, harness.url, count, rank, timeouts, wait=False)
    for actor in actors:
        actor.expect_ok(60)
    return actors


def shared_of_hosts(harness, count=4, size=2 * MIB, **environment):
    return make_shared(world_of_hosts(harness, count, **environment), size=size)


def test_every_rank_puts_to_and_gets_from_every_other(harness):
    shared = shared_of_hosts(harness)
    size = 64 * 1024
    for actor in shared.actors:
        buffer = actor.value("alloc", size)
        actor.call("fill", buffer, size, 10 + actor.rank)
        for other in shared.actors:
            place = shared.region(other.rank) + actor.rank * size
            actor.call("shm_put", shared(actor), place, buffer, size)
            other.call("check", place, size, 10 + actor.rank)
    shared.all("shm_barrier")
    for actor in shared.actors:
        buffer = actor.value("alloc", size)
        for other in shared.actors:
            for writer in range(len(shared.actors)):
                actor.call("shm_get", shared(actor), buffer, shared.region(other.rank) + writer * size, size)
                actor.call("check", buffer, size, 10 + writer)


@pytest.mark.parametrize("size", [1, 8, 4095, 4096, MIB, 64 * MIB])
def test_sizes_up_to_the_last_byte(harness, size):
    shared = shared_of_hosts(harness, 2, size=max(2 * MIB, size))
    left, right = shared.actors
    buffer = left.value("alloc", size)
    left.call("fill", buffer, size, 7)
    place = shared.region(1) + shared.size - size
    left.call("shm_put", shared(left), place, buffer, size)
    right.call("check", place, size, 7)
    right.call("fill", place, size, 8)
    left.call("shm_get", shared(left), buffer, place, size)
    left.call("check", buffer, size, 8)


def test_ranges_straddle_ranks_and_relay_between_other_hosts_ranks(harness):
    shared = shared_of_hosts(harness)
    actor = shared.actors[0]
    start, size = shared.region(1) - 1024, 2 * shared.size + 2048
    buffer = actor.value("alloc", size)
    actor.call("fill", buffer, size, 3)
    actor.call("shm_put", shared(actor), start, buffer, size)
    reader = shared.actors[1]
    copied = reader.value("alloc", size)
    reader.call("shm_get", shared(reader), copied, start, size)
    reader.call("check", copied, size, 3)
    # From one rank of the other host to the other one's, and from there into the own host's second rank.
    shared.actors[1].call("fill", shared.region(1), shared.size, 5)
    actor.call("shm_put", shared(actor), shared.region(3), shared.region(1), shared.size)
    shared.actors[3].call("check", shared.region(3), shared.size, 5)
    actor.call("shm_get", shared(actor), shared.region(2), shared.region(3), shared.size)
    shared.actors[2].call("check", shared.region(2), shared.size, 5)


def test_reach_tells_hosts_apart(harness):
    shared = shared_of_hosts(harness)
    for actor in shared.actors:
        assert actor.value("shm_query") == HERE | THERE
        for rank in range(4):
            same = rank % 2 == actor.rank % 2
            assert actor.value("shm_reach", shared(actor), rank) == (HERE if same else THERE)
            assert actor.value("shm_host", shared(actor), rank) == rank % 2
        actor.fails(INVALID_PARAM, "shm_host", shared(actor), 4, naming="rank 4")


def test_memory_taken_later_is_written_and_read_from_other_hosts(harness):
    actors = world_of_hosts(harness, 2)
    answers = together(actors, "shm_create_part", 0, 2, lambda actor: actor.rank, 64 * MIB, 2 * MIB)
    shared = Shared(actors, [answer.values[0] for answer in answers], answers[0].values[1], 64 * MIB)
    left, right = actors
    buffer = left.value("alloc", 4 * MIB)
    for round_ in range(3):
        for offset in (0, 2 * MIB, 32 * MIB, 60 * MIB):
            right.call("shm_commit", shared(right), offset, 4 * MIB)
            left.call("fill", buffer, 4 * MIB, 10 * round_ + offset // MIB)
            left.call("shm_put", shared(left), shared.region(1) + offset, buffer, 4 * MIB)
            right.call("check", shared.region(1) + offset, 4 * MIB, 10 * round_ + offset // MIB)
            # What the owner writes is what others read, also after it gave the memory back in between.
            right.call("shm_discard", shared(right), offset, 4 * MIB)
            left.call("shm_get", shared(left), buffer, shared.region(1) + offset, 4 * MIB)
            left.call("all", buffer, 4 * MIB, 0)
            right.call("shm_commit", shared(right), offset, 4 * MIB)
            right.call("fill", shared.region(1) + offset, 4 * MIB, 3)
            left.call("shm_get", shared(left), buffer, shared.region(1) + offset, 4 * MIB)
            left.call("check", buffer, 4 * MIB, 3)
            right.call("shm_discard", shared(right), offset, 4 * MIB)


def test_copies_that_are_begun_are_done_after_quiet(harness):
    shared = shared_of_hosts(harness)
    left, right = shared.actors[:2]
    size, times = 4096, 500  # more than are ever under way at once
    buffer = left.value("alloc", size * times)
    left.call("shm_quiet", shared(left))
    for round_ in range(3):
        left.call("fill", buffer, size * times, round_)
        left.call("shm_put_nbi", shared(left), shared.region(1), buffer, size, times)
        left.call("shm_put_nbi", shared(left), shared.region(2), buffer, size, times)  # the own host's
        left.call("shm_put_nbi", shared(left), shared.region(2) + 4096, shared.region(1), 8)  # its other side is
        left.call("shm_quiet", shared(left))
        right.call("check", shared.region(1), size * times, round_)
        right.call("fill", shared.region(1), size * times, 100 + round_)
        left.call("shm_get_nbi", shared(left), buffer, shared.region(1), size, times)
        left.call("shm_quiet", shared(left))
        left.call("check", buffer, size * times, 100 + round_)


def test_copies_that_are_begun_tell_at_quiet_why_they_failed(harness):
    shared = shared_of_hosts(harness)
    left, right = shared.actors[:2]
    buffer = left.value("alloc", 16 * MIB)
    left.fails(INVALID_PARAM, "shm_put_nbi", shared(left), shared.base - 8, buffer, 8, naming="outside")
    left.fails(INVALID_PARAM, "shm_get_nbi", shared(left), 0, shared.base, 8, naming="destination is null")
    right.stop()
    left.call("shm_put_nbi", shared(left), shared.region(1), buffer, 64, 100)
    right.kill()
    left.fails(PEER_LOST, "shm_quiet", shared(left), naming="rank 1")
    left.call("shm_quiet", shared(left))
    left.call("shm_put_nbi", shared(left), shared.region(3), buffer, 64, 100)
    left.call("shm_quiet", shared(left))


def test_destroy_ends_copies_under_way_with_a_stopped_rank(harness):
    shared = make_shared(world_of_hosts(harness, 2, timeouts=(60, 60, 2)))
    left, right = shared.actors
    buffer = left.value("alloc", MIB)
    right.stop()
    left.call("shm_put_nbi", shared(left), shared.region(1), buffer, MIB)
    left.call("shm_destroy", shared(left), 0, timeout=10)
    right.resume()


FETCH, SET, SWAP, COMPARE_SWAP, ADD, AND, OR, XOR = range(8)


@pytest.mark.parametrize("rank", range(4))
def test_every_atomic_operation_on_words_of_both_sizes(harness, rank):
    shared = shared_of_hosts(harness)
    actor, place = shared.actors[0], shared.region(rank) + 4096
    for size in (4, 8):
        ones = (1 << 8 * size) - 1
        for kind, operand, comparand, before, after in (
                (SET, ones, 0, 0, ones), (FETCH, 5, 5, ones, ones), (ADD, 3, 0, ones, 2), (SWAP, 0xF0, 0, 2, 0xF0),
                (COMPARE_SWAP, 1, 2, 0xF0, 0xF0), (COMPARE_SWAP, 0xFF, 0xF0, 0xF0, 0xFF), (AND, 0x0F, 0, 0xFF, 0x0F),
                (OR, 0x30, 0, 0x0F, 0x3F), (XOR, ones, 0, 0x3F, ones ^ 0x3F)):
            old = actor.value("shm_atomic", shared(actor), place, size, kind, operand, comparand)
            assert kind == SET or old == before, (size, kind)
            assert shared.actors[rank].value("peek", place) == after, (size, kind)
        shared.actors[rank].call("poke", place, 0)
    for words in ((place + 4, 8, ADD, 1), (place + 2, 4, ADD, 1), (place, 2, ADD, 1), (place, 8, 8, 1),
                  (shared.region(4), 8, ADD, 1), (shared.base - 8, 8, ADD, 1)):
        actor.fails(INVALID_PARAM, "shm_atomic", shared(actor), *words, 0)


def test_atomics_of_all_hosts_and_of_the_cpu_lose_nothing(harness):
    shared = shared_of_hosts(harness)
    place, times = shared.region(1), 2000
    for actor in shared.actors[1::2]:  # the owner, and a process of its host
        actor.call("background", times, f"add {place} 1000")
    for actor in shared.actors:
        actor.send("shm_atomic", shared(actor), place, 8, ADD, 1, 0, times)
    for actor in shared.actors:
        actor.expect_ok(60)
    for actor in shared.actors[1::2]:
        actor.call("background_result")
    assert shared.actors[1].value("peek", place) == (2 * 1000 + len(shared.actors)) * times


def test_rows_reach_other_hosts_and_neighbours(harness):
    shared = shared_of_hosts(harness)
    actor = shared.actors[0]
    width, pitch, count = 24, 1000, 300
    packed, buffer = actor.value("alloc", width * count), actor.value("alloc", width * count)
    for rank in range(4):
        place = shared.region(rank) + 8
        actor.call("fill", packed, width * count, rank)
        actor.call("shm_put_rows", shared(actor), place, pitch, packed, width, width, count)
        actor.call("shm_get_rows", shared(actor), buffer, width, place, pitch, width, count)
        actor.call("check", buffer, width * count, rank)
        shared.actors[rank].call("all", place + width, pitch - width, 0)
    end = shared.region(4)
    for words in ((end - 100, 64, packed, 64, 64, 2), (shared.base, 8, packed, 64, 64, 2),
                  (shared.base, 64, packed, 64, 64, 0), (shared.base, 1 << 62, packed, 64, 64, 1 << 62),
                  (shared.base, 64, 0, 64, 64, 2)):
        actor.fails(INVALID_PARAM, "shm_put_rows", shared(actor), *words)


def test_sleeper_is_woken_by_what_another_host_writes(harness):
    shared = shared_of_hosts(harness, 2)
    left, right = shared.actors
    buffer = left.value("alloc", 8)
    right.call("shm_listen", shared(right), 1)
    for value in range(1, 50):
        right.send("shm_sleep_until", shared.region(1), value)
        left.call("poke", buffer, value)
        left.call("shm_put", shared(left), shared.region(1), buffer, 8)
        right.expect_ok(10)
    right.call("shm_listen", shared(right), 0)
    left.call("shm_put", shared(left), shared.region(1), buffer, 8)


def test_memory_of_another_object_on_another_host_is_no_source(harness):
    actors = world_of_hosts(harness, 4)
    shared, other = make_shared(actors, 0), make_shared(actors, 1)
    left = actors[0]
    for call, words in (("shm_put", (shared.region(0), other.region(1), 64)),
                        ("shm_put", (shared.region(3), other.region(1), 64)),
                        ("shm_get", (other.region(1), shared.region(3), 64))):
        left.fails(NOT_SUPPORTED, call, shared(left), *words, naming=("rank 1", "another object"))
    actors[2].call("fill", other.region(2), 64, 4)
    left.call("shm_put", shared(left), shared.region(3), other.region(2), 64)
    actors[3].call("check", shared.region(3), 64, 4)


def test_object_that_is_destroyed_leaves_copies_in_another_alone(harness):
    actors = world_of_hosts(harness, 4)
    kept = make_shared(actors, 1)
    left, right = actors[:2]
    buffer = left.value("alloc", 4096)
    left.call("fill", buffer, 4096, 3)
    left.call("background", 1 << 40, f"shm_put {kept(left)} {kept.region(1)} {buffer} 4096")
    for _ in range(5):
        shared = make_shared(actors, 0)
        together(actors, "shm_put", shared, shared.region(1), lambda actor: shared.region(actor.rank), 4096)
        shared.all("shm_destroy", 0)
    # Whoever leaves ends it, and nothing else has.
    left.call("shm_destroy", kept(left), 0)
    text = left.call("background_result").text
    assert text.startswith(f"err {OBJECT_NOT_EXISTS} "), text
    right.call("check", kept.region(1), 4096, 3)


def test_rank_of_another_host_that_leaves(harness):
    shared = shared_of_hosts(harness)
    left, right = shared.actors[:2]
    buffer = left.value("alloc", 4096)
    left.call("shm_get", shared(left), buffer, shared.region(1), 4096)
    right.call("shm_destroy", shared(right), 0)
    for call in (("shm_put", shared(left), shared.region(1), buffer, 4096),
                 ("shm_get", shared(left), buffer, shared.region(1), 4096)):
        left.fails(PEER_LOST, *call, naming=("rank 1", "left"))
    assert left.value("shm_reach", shared(left), 1) == 0
    left.call("shm_get", shared(left), buffer, shared.region(3), 4096)


def test_rank_of_another_host_that_dies_fails_its_copies_alone(harness):
    shared = shared_of_hosts(harness)
    left, right = shared.actors[:2]
    buffer = left.value("alloc", 4096)
    left.call("shm_get", shared(left), buffer, shared.region(1), 4096)
    right.kill()
    left.fails(PEER_LOST, "shm_put", shared(left), shared.region(1), buffer, 4096, naming="rank 1")
    left.fails(PEER_LOST, "shm_get", shared(left), buffer, shared.region(1), 4096, naming="rank 1")
    wait_for(lambda: left.value("shm_reach", shared(left), 1) == 0, "the loss to be noticed")
    shared.actors[3].call("fill", shared.region(3), 4096, 9)
    left.call("shm_get", shared(left), buffer, shared.region(3), 4096)
    left.call("check", buffer, 4096, 9)


def test_object_is_created_anew_over_both_hosts(harness):
    actors = world_of_hosts(harness, 4)
    for round_ in range(4):
        shared = make_shared(actors[: 2 + round_ % 3], size=2 * MIB * (1 + round_ % 2))
        reader, owner = shared.actors[:2]
        buffer = reader.value("alloc", 64)
        reader.call("shm_get", shared(reader), buffer, shared.region(1), 64)
        reader.call("all", buffer, 64, 0)
        owner.call("set", shared.region(1), 64, 9)
        reader.call("shm_get", shared(reader), buffer, shared.region(1), 64)
        reader.call("all", buffer, 64, 9)
        shared.all("shm_destroy", 0)


def test_other_hosts_are_named_as_out_of_reach_without_the_fabric(harness):
    shared = shared_of_hosts(harness, 2, MF_FABRIC="off")
    left, right = shared.actors
    buffer = left.value("alloc", 4096)
    assert left.value("shm_query") == HERE
    assert left.value("shm_reach", shared(left), 1) == 0
    for call in (("shm_put", shared(left), shared.region(1), buffer, 4096),
                 ("shm_get", shared(left), buffer, shared.region(1), 4096)):
        left.fails(NOT_SUPPORTED, *call, naming=["rank 1", "right", "left", "MF_FABRIC"])
    shared.all("shm_barrier")
    right.call("all", shared.region(1), 4096, 0)
