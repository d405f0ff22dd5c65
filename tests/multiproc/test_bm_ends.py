# SPDX-License-Identifier: Apache-2.0
"""Ends that meet something else half-way: members that go while others copy, come, end or are given up."""
import os
import re
import select
import socket
import threading
import time

import pytest

from actors import slowness, wait_for
from harness import free_port
from limits import no_more_files
from pool import G2H, H2G, MALLOC_FAILED, MIB, OBJECT_NOT_EXISTS, PEER_LOST, create, make_pool, start_pool
from sessions import start_store
from shared import start_shared

EVICTED = -2013
STORE_TIMEOUT = -601


def wait_until_lost(actor, pool, rank):
    """A copy from the rank's region fails for want of the rank."""
    buffer = actor.value("alloc", 4096)
    words = ("copy", pool.handle(actor), G2H, 0, buffer, pool.region(rank), 4096)
    wait_for(lambda: actor.ask(*words).code == PEER_LOST, "the loss to be known", 3)
    actor.fails(PEER_LOST, *words, naming=f"rank {rank}")


def memory_of_segments(actor):
    """Bytes that the shared segments mapped by a process hold, whoever took them."""
    held = 0
    for line in open(f"/proc/{actor.pid}/maps", encoding="utf-8"):
        match = re.search(r"/memfd:memfabric .*", line)
        if match:
            begin, end = line.split()[0].split("-")
            path = f"/proc/{actor.pid}/map_files/{begin}-{end}"
            held = max(held, os.stat(path).st_blocks * 512)
    return held


# ---- a member dies while nobody is there to hear of it ----


def test_a_member_that_died_before_others_joined_is_absent_for_them(harness):
    """The second process has created, but not joined, when the first is killed."""
    first, second = harness.ranks(2, url=harness_store(harness))
    pool = make_pool([first, second], dram=4 * MIB, join=False)
    first.call("join", pool.handle(first), 0)
    first.call("set", pool.region(0), pool.stride, 7)
    first.kill()
    second.call("join", pool.handle(second), 0)
    wait_until_lost(second, pool, 0)
    wait_for(lambda: second.ask("all", pool.region(0), pool.stride, 0).ok, "the dead one's memory to be given back")


def test_a_member_that_died_after_others_left_is_absent_for_them(harness):
    first, second = harness.ranks(2, url=harness_store(harness))
    pool = make_pool([first, second], dram=4 * MIB)
    second.call("leave", pool.handle(second), 0)
    first.call("set", pool.region(0), pool.stride, 7)
    first.kill()
    second.call("join", pool.handle(second), 0)
    wait_until_lost(second, pool, 0)
    wait_for(lambda: second.ask("all", pool.region(0), pool.stride, 0).ok, "the dead one's memory to be given back")


def harness_store(harness):
    """A store that outlives every rank; its address."""
    keeper = harness.actor("keeper")
    keeper.call("create_store", harness.url)
    return harness.url


# ---- a member goes while others copy ----


def test_a_copy_that_outlives_its_target_fails_and_keeps_no_memory(harness):
    """The copier is stopped in the middle of a copy; the target leaves; the copier goes on."""
    pool = start_pool(harness, 2, dram=256 * MIB, url=harness_store(harness))
    copier, target = pool.actors
    buffer = copier.value("alloc", 256 * MIB)
    copier.call("set", buffer, 256 * MIB, 9)
    copier.call("background", 1000000, "copy", pool.handle(copier), H2G, 0, pool.region(1), buffer, 256 * MIB)
    wait_for(lambda: target.value("peek", pool.region(1)) != 0, "the copy to begin")
    copier.stop()
    target.call("leave", pool.handle(target), 0)
    copier.resume()
    result = copier.call("background_result").text
    assert result.startswith(f"err {PEER_LOST} ") and "rank 1" in result, result
    # Before the memory is looked at: reading a hole of it takes a page.
    held = pool.stride + 2 * MIB
    wait_for(lambda: memory_of_segments(target) < held, "what was copied late to be given back", 30)
    target.call("all", pool.region(1), pool.stride, 0)


# ---- a process that was given up ----


class Proxy:
    """A connection to the store that a test can cut."""

    def __init__(self, target):
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._pairs.append((client, server))
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    @staticmethod
    def _pump(client, server):
        try:
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (server if ready is client else client).sendall(data)
        except (OSError, ValueError):
            return

    def cut(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts, and refuses from now on
        self._listener.close()
        for pair in self._pairs:
            for end in pair:
                end.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("end", ["leave", "destroy", "bm_uninit"])
def test_a_process_that_was_given_up_does_its_successor_no_harm(harness, end):
    port = int(harness_store(harness).rpartition(":")[2])
    proxy = Proxy(port)
    witness, evicted, successor = harness.actors(3)
    harness.init(witness, 0, 2)
    harness.init(evicted, 1, 2, url=proxy.url)
    pool = make_pool([witness, evicted], dram=4 * MIB)
    proxy.cut()
    buffer = witness.value("alloc", 4096)
    words = ("copy", pool.handle(witness), G2H, 0, buffer, pool.region(1), 4096)
    wait_until_lost(witness, pool, 1)
    # Its copies say so, wherever they go.
    own = evicted.value("alloc", 4096)
    evicted.fails(
        EVICTED, "copy", pool.handle(evicted), H2G, 0, pool.region(0), own, 4096, naming=["rank 1", "given up", "anew"]
    )
    evicted.fails(EVICTED, "join", pool.handle(evicted), 0, naming=["rank 1", "given up"])
    harness.init(successor, 1, 2)
    handle = create(successor, dram=4 * MIB)
    successor.call("join", handle, 0)
    successor.call("set", pool.region(1), pool.stride, 5)
    if end == "bm_uninit":
        evicted.call(end, 0)
    else:
        evicted.ask(end, pool.handle(evicted), *([0] if end == "leave" else []))
    wait_for(lambda: witness.ask(*words).ok, "the successor to be known")
    witness.call("all", pool.region(1), pool.stride, 5)


# ---- ends at the same time ----


def test_create_while_neighbours_destroy(harness):
    """Whoever has the segment lets go of it just when others ask for it."""
    actors = harness.ranks(3)
    for actor in actors:
        actor.send("background", 150, "create_destroy", 0, 3, 1, 2 * MIB, 0, 0)
    for actor in actors:
        actor.expect_ok()
    for actor in actors:
        assert actor.call("background_result", timeout=60).text.startswith("ok"), actor.stderr()


def test_destroy_while_a_join_waits_leaves_no_ghost(harness):
    pool = start_pool(harness, 2)
    first = pool.actors[0]
    for _ in range(20):
        handle = create(first, number=1)
        first.call("background", 1, "join", handle, 0)
        first.call("destroy", handle)
        result = first.call("background_result").text
        assert result.startswith("ok") or f"err {OBJECT_NOT_EXISTS} " in result, result
    handle = create(first, number=1)
    first.call("join", handle, 0)
    first.call("leave", handle, 0)


def test_uninit_during_a_long_copy_lets_bm_begin_again(harness):
    pool = start_pool(harness, 1, dram=64 * MIB)
    actor = pool.actors[0]
    buffer = actor.value("alloc", 64 * MIB)
    actor.call("background", 1000000, "copy", pool.handle(actor), H2G, 0, pool.base, buffer, 64 * MIB)
    actor.call("bm_uninit", 0)
    actor.call("background_result")
    for _ in range(3):
        harness.init(actor, 0, 1)
        again = make_pool([actor], dram=64 * MIB)
        actor.call("all", again.base, again.stride, 0)
        actor.call("bm_uninit", 0)


def test_init_does_not_wait_for_a_stopped_neighbour(harness):
    """Every start looks for what killed processes have left, and asks whoever is there."""
    actors = harness.ranks(2, world=3)
    make_pool(actors, members=3)
    actors[1].stop()
    late = harness.actor()
    harness.init(late, 2, 3)
    handle = create(late, members=3)
    late.call("join", handle, 0)
    late.call("bm_uninit", 0)
    actors[1].resume()


def test_a_core_dump_leaves_the_window_out(harness):
    """Reading its holes would take memory for all of them."""
    pool = start_pool(harness, 2)
    smaps = open(f"/proc/{pool.actors[0].pid}/smaps", encoding="utf-8").read()
    entry = smaps[smaps.index(f"{pool.base:x}-") :]
    assert " dd " in re.search(r"VmFlags:(.*)", entry).group(1) + " "


@pytest.mark.parametrize("size", [8, MIB])
def test_exit_while_another_thread_copies(harness, size):
    """What the copies use outlives the program's static objects."""
    for _ in range(5):
        actor = harness.ranks(1, url=f"tcp://127.0.0.1:{free_port()}")[0]
        pool = make_pool([actor])
        buffer = actor.value("alloc", MIB)
        actor.call("background", 1 << 40, "copy", pool.handle(actor), H2G, 0, pool.base, buffer, size)
        actor.quit()


@pytest.mark.parametrize("interface", ["bm", "shm"])
def test_who_serves_the_store_and_returns_from_main_without_uninit_holds_nobody_up(harness, interface):
    """As many programs end; their other ranks waited for the store until the deadline of 120 s."""
    if interface == "bm":
        pool = start_pool(harness, 2)
        actors, handle, words = pool.actors, pool.handle, ()
    else:
        shared = start_shared(harness, 2)
        actors, handle, words = shared.actors, shared, (0,)
    first, second = actors
    begin = time.monotonic()
    first.quit()
    second.ask("destroy" if interface == "bm" else "shm_destroy", handle(second), *words)
    assert time.monotonic() - begin < 10 * slowness()


# ---- an init that has not what it needs ----


@pytest.mark.parametrize("serves", [False, True])
def test_an_init_that_runs_out_of_descriptors_anywhere_says_so(harness, serves):
    if not serves:
        start_store(harness)
    actor = harness.actor()
    for room in range(100):
        with no_more_files(actor, but=room):
            harness.init(actor, 0, 1, wait=False, startConfigStore=serves, initTimeout=1)
            answer = actor.answer(60)
        if answer.ok:
            break
        if serves and answer.code == STORE_TIMEOUT:
            continue  # its store has none to let it in
        assert answer.code == MALLOC_FAILED and "ulimit -n" in answer.text, f"{room}: {answer}"
    assert answer.ok and room > 3
