# SPDX-License-Identifier: Apache-2.0
"""Up to 1024 ranks of this machine in one pool: what they cost, by their number."""
import contextlib
import random
import statistics
import sys
import time

import pool
import scene
import shared
from actors import BUILD
from ranks import Ranks, cpu_seconds, memory, most_maps, most_of

COUNTS = (16, 64, 256, 1024)
FEW, MANY = 64, 1024
SEED = 20261121
TIMEOUT = 200  # seconds, of every call
BARRIERS = 20
GATHERED = 8  # bytes of each rank
KILLED = 64  # one of so many
PIECE = 1 << 16  # bytes that ranks write and read of each other


def first_byte(rank):
    """Of what that one sends: neighbours differ, and so do ranks whose numbers end alike."""
    return (rank + 7 * (rank >> 8)) % 256


class Scene:
    """A store and `count` ranks, none of which has called anything yet. Notes what each step takes."""

    def __init__(self, harness, count, rng):
        self.store = scene.start_store(harness)
        self.url, self.count, self.rng = harness.url, count, rng
        self.ranks = Ranks(BUILD / "bin" / "memfabric_actor", count, harness.environment())
        self.steps = {}
        self.big = self.shared = self.base = None

    @contextlib.contextmanager
    def step(self, name):
        begun, used = time.monotonic(), self.cpu()
        yield
        self.steps[name] = (time.monotonic() - begun, self.cpu() - used)

    def cpu(self):
        return self.ranks.cpu_seconds() + cpu_seconds(self.store.pid)

    def init(self):
        """Up to an object of each kind that all ranks have."""
        ranks, rank = self.ranks, lambda rank: rank
        with self.step("init"):
            ranks.call("config_init")
            ranks.call("config", "rankId", rank, "startConfigStore", 0, "initTimeout", TIMEOUT, "createTimeout", TIMEOUT,
                       "controlOperationTimeout", TIMEOUT)
            ranks.call("bm_init", self.url, self.count, 0)
            ranks.call("shm_config_init")
            ranks.call("shm_timeouts", TIMEOUT, TIMEOUT, TIMEOUT)
            ranks.call("shm_start_store", 0)
            ranks.call("shm_init", self.url, self.count, rank, 0)
        with self.step("BM create and join"):
            self.big = ranks.values("create", 0, self.count, pool.SDMA, 2 * pool.MIB, 0, 0)
            ranks.call("join", self.big, 0)
        with self.step("SHM create"):
            self.shared = ranks.values("shm_create", 0, self.count, rank, 2 * pool.MIB, shared.MTE, 0)
        self.base = int(ranks.values("ptr", self.big, 0)(0))

    def region(self, rank):
        return self.base + rank * 2 * pool.MIB

    def barrier_seconds(self):
        """Of one, by many in a row."""
        self.ranks.call("shm_barrier", self.shared)
        begun = time.monotonic()
        self.ranks.call("background", BARRIERS, "shm_barrier", self.shared)
        last = self.ranks.call("background_result")
        assert set(last.values()) == {"ok ok"}, last
        return (time.monotonic() - begun) / BARRIERS

    def gather(self):
        """Each rank sends bytes of its own; the actor answers with the first one of each part, in their order, and
        -1 for a part whose other bytes are not those of the same rank."""
        with self.step("allgather"):
            answers = self.ranks.call("shm_allgather", self.shared, GATHERED, GATHERED * self.count, first_byte)
        right = " ".join(["ok", *(str(first_byte(rank)) for rank in range(self.count))])
        wrong = [rank for rank, answer in answers.items() if answer.strip() != right]
        assert not wrong, f"ranks {wrong[:8]} gathered something else, rank {wrong[0]}: {answers[wrong[0]][:200]}"

    def copies(self, name):
        """Each rank writes to a random other one, and reads what another one has written to a third."""
        living = list(self.ranks.processes)
        targets = dict(zip(living, self.rng.sample(living, len(living))))
        writer = {target: rank for rank, target in targets.items()}
        sources = dict(zip(living, self.rng.sample(living, len(living))))
        offset = pool.MIB + 64
        with self.step(name):
            buffer = self.ranks.values("alloc", PIECE)
            self.ranks.call("fill", buffer, PIECE, lambda rank: rank + 1)
            self.ranks.call("copy", self.big, pool.H2G, 0, lambda rank: self.region(targets[rank]) + offset, buffer, PIECE)
            self.ranks.call("set", buffer, PIECE, 0)
            self.ranks.call("copy", self.big, pool.G2H, 0, buffer, lambda rank: self.region(sources[rank]) + offset, PIECE)
            self.ranks.call("check", buffer, PIECE, lambda rank: writer[sources[rank]] + 1)
            self.ranks.call("free", buffer)

    def kill_some(self):
        """Whoever waits for them is told; the others go on."""
        victims = self.rng.sample(range(self.count), max(1, self.count // KILLED))
        with self.step("loss"):
            self.ranks.kill(victims)
            self.ranks.call("shm_barrier", self.shared, codes=(pool.PEER_LOST,))
        buffer = self.ranks.values("alloc", PIECE)
        unheard = list(self.ranks.processes)
        while unheard:  # who hears last of a loss hears it some milliseconds later
            answers = self.ranks.call("copy", self.big, pool.G2H, 0, buffer, self.region(victims[0]), PIECE,
                                      ranks=unheard, codes=(0, pool.PEER_LOST))
            unheard = [rank for rank, answer in answers.items() if answer.startswith("ok")]
        self.ranks.call("free", buffer)
        self.copies("copies after the loss")

    def end(self):
        with self.step("end"):
            self.ranks.call("leave", self.big, 0)
            self.ranks.call("destroy", self.big)
            self.ranks.call("shm_destroy", self.shared, 0)
            self.ranks.call("shm_uninit", 0)
            self.ranks.call("bm_uninit", 0)
        self.ranks.end()


def run(count, whole):
    """CPU seconds of the initialisation and seconds of a barrier, each for a rank. `whole`: with all else."""
    with scene.machine() as harness, contextlib.ExitStack() as stack:
        here = Scene(harness, count, random.Random(SEED + count))
        stack.callback(here.ranks.close)
        here.init()
        barrier = here.barrier_seconds()
        costs = {"init": sum(cpu for _, cpu in here.steps.values()) / count, "barrier": barrier / count}
        if whole:
            here.gather()
            here.copies("copies")
            told = describe(here, barrier)
            here.kill_some()
            here.end()
            say(here, told)
        return costs


def describe(here, barrier):
    """While all of them live."""
    pids = [process.pid for process in here.ranks.processes.values()]
    return {
        "barrier, ms": barrier * 1e3,
        "memory of a rank, MiB": here.ranks.memory() / here.count / pool.MIB,
        "memory of the store, MiB": memory(here.store.pid) / pool.MIB,
        "descriptors of a rank": most_of(pids, "fd"),
        "mappings of a rank": most_maps(pids),
        "threads of a rank": most_of(pids, "task"),
    }


def say(here, told):
    for name, (seconds, cpu) in here.steps.items():
        print(f"{here.count} ranks: {name}: {seconds:.2f} s, CPU {cpu / here.count * 1e3:.2f} ms a rank", file=sys.stderr)
    for name, value in told.items():
        print(f"{here.count} ranks: {name}: {value:.4g}", file=sys.stderr)


def rows(report, arguments):
    """Small numbers are measured several times: a few milliseconds of CPU time vary."""
    costs = {}
    for count in COUNTS:
        samples = [run(count, True)] + [run(count, False) for _ in range(arguments.rounds - 1) if count == FEW]
        costs[count] = {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}
    for name, unit, factor in (("init", "ms", 1e3), ("barrier", "us", 1e6)):
        report.line(f"scale_{name}_1024", costs[MANY][name] * factor, unit, costs[FEW][name] * factor)
