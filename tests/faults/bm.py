# SPDX-License-Identifier: Apache-2.0
"""Scripts of BM: all ranks write into each other's memory and read it again."""
import pool
from conductor import Call, Meet
from oracle import Oracle, Places, Write, odd_size, random_of_ranks, split
from pool import KIB, MIB

POINTS = ("init", "create", "join", "copy", "batch", "leave", "destroy", "uninit")
DRAM = 16 * MIB
PLACE = 128 * KIB  # bytes that one write has for itself
PIECES = 8  # of a batch, in one place
ROUNDS = 10
TIMEOUT = 10  # seconds, of every call


class BmRound:
    variables = {}

    def __init__(self, world, random):
        self.world = world
        self.random = random_of_ranks(random, len(world.actors))
        self.oracle = Oracle()
        self.ranks = len(world.actors)
        self.places = Places(self.ranks, ROUNDS, PLACE)
        self.base = 0

    def start(self):
        for rank, actor in enumerate(self.world.actors):
            self.world.conductor.add(rank, actor, self.script(rank, actor))

    def region(self, rank):
        return self.base + rank * DRAM

    def script(self, rank, actor):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        handle = yield from self.enter(rank)
        if handle is not None:
            yield Meet("joined")
            yield from self.work(rank, handle, buffer)
            yield Meet("written")
            yield from self.verify(rank)
            yield Meet("verified")
            yield Call("leave", ("leave", handle, 0), limit=TIMEOUT)
            yield Call("destroy", ("destroy", handle), limit=TIMEOUT)
        yield Call("uninit", ("bm_uninit", 0), limit=TIMEOUT)

    def enter(self, rank):
        """The handle of the object that it has joined; None where the fault has kept it from that."""
        yield Call("config", ("config_init",))
        yield Call("config", ("config", "rankId", rank, "startConfigStore", 0, "initTimeout", TIMEOUT,
                              "createTimeout", TIMEOUT, "controlOperationTimeout", TIMEOUT))
        done = yield Call("init", ("bm_init", self.world.url, self.ranks, 0), limit=TIMEOUT)
        if not done.ok:
            return None
        created = yield Call("create", ("create", 0, self.ranks, pool.SDMA, DRAM, 0, 0), limit=TIMEOUT)
        if not created.ok:
            return None
        joined = yield Call("join", ("join", created.value, 0), limit=TIMEOUT)
        if not joined.ok:
            yield Call("destroy", ("destroy", created.value), limit=TIMEOUT)
            return None
        self.base = joined.value - rank * DRAM
        return created.value

    def work(self, rank, handle, buffer):
        for number in range(ROUNDS):
            target = self.random[rank].randrange(self.ranks)
            place = self.region(target) + self.places.of(rank, number)
            write = Write(rank, target, place, odd_size(self.random[rank], PLACE), self.oracle.next_seed())
            yield Call("memory", ("fill", buffer, write.size, write.seed))
            done = yield self.write(handle, buffer, write)
            if done.ok:
                self.oracle.done.append(write)
                yield from self.read_again(handle, buffer, write)

    def write(self, handle, buffer, write):
        needs = frozenset({write.target})
        if write.size < PIECES or self.random[write.writer].random() < 0.6:
            words = ("copy", handle, pool.L2GH, 0, write.place, buffer, write.size)
            return Call("copy", words, needs, TIMEOUT)
        pieces = []
        for first, last in split(write.size, PIECES):
            pieces += [write.place + first, buffer + first, last - first]
        return Call("batch", ("batch", handle, pool.L2GH, 0, PIECES, *pieces), needs, TIMEOUT)

    def read_again(self, handle, buffer, write):
        yield Call("memory", ("set", buffer, write.size, 0xEE))
        words = ("copy", handle, pool.GH2L, 0, buffer, write.place, write.size)
        done = yield Call("copy", words, frozenset({write.target}), TIMEOUT)
        if done.ok:
            yield Call("check", ("check", buffer, write.size, write.seed))

    def verify(self, rank):
        for call, _ in self.oracle.checks(rank):
            yield call
