# SPDX-License-Identifier: Apache-2.0
"""Scripts of BM: all ranks write into each other's memory and read it again."""
import pool
from conductor import Call, Meet
from pool import MIB
from rounds import PIECES, PLACE, Round

POINTS = ("init", "create", "join", "copy", "batch", "leave", "destroy", "uninit")
DRAM = 16 * MIB
TIMEOUT = 10  # seconds, of every call


class BmRound(Round):
    has_successors = True

    def __init__(self, world, random):
        super().__init__(world, random)
        self.handles = {}  # by rank
        self.base = 0

    def members(self):
        return sorted(self.handles)

    def memory_of(self, rank):
        return self.base + rank * DRAM

    def script(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        if (yield from self.enter(rank)):
            yield Meet("joined")
            for number in range(self.writes):
                target = self.random[rank].randrange(self.ranks)
                yield from self.write_and_read(buffer, rank, number, target)
            yield Meet("mended")
            yield from self.end(rank, buffer)
        yield from self.uninit(rank, "bm_uninit", 0, limit=TIMEOUT)

    def successor(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        if (yield from self.enter(rank, sure=True)):
            yield from self.end(rank, buffer)
        yield from self.uninit(rank, "bm_uninit", 0, limit=TIMEOUT)

    def end(self, rank, buffer):
        yield from self.prove_and_verify(buffer, rank)
        yield Call("leave", ("leave", self.handles[rank], 0), limit=TIMEOUT)
        yield Call("destroy", ("destroy", self.handles[rank]), limit=TIMEOUT)

    def enter(self, rank, sure=False):
        """Whether it has joined the object; the fault may keep it from that."""
        yield Call("config", ("config_init",))
        yield Call("config", ("config", "rankId", rank, "startConfigStore", int(self.world.is_store(rank)), "initTimeout", TIMEOUT,
                              "createTimeout", TIMEOUT, "controlOperationTimeout", TIMEOUT))
        done = yield Call("init", ("bm_init", self.world.url, self.ranks, 0), limit=TIMEOUT, sure=sure)
        if not done.ok:
            return False
        words = ("create", 0, self.ranks, pool.SDMA, DRAM, 0, 0)
        created = yield Call("create", words, limit=TIMEOUT, sure=sure)
        if not created.ok:
            return False
        joined = yield Call("join", ("join", created.value, 0), limit=TIMEOUT, sure=sure)
        if not joined.ok:
            yield Call("destroy", ("destroy", created.value), limit=TIMEOUT)
            return False
        self.base = joined.value - rank * DRAM
        self.handles[rank] = created.value
        return True

    def write(self, write, buffer):
        handle, needs = self.handles[write.writer], frozenset({write.target})
        pieces = self.pieces(write)
        if not pieces:
            words = ("copy", handle, pool.L2GH, 0, write.place, buffer, write.size)
            return Call("copy", words, needs, TIMEOUT)
        words = [word for first, last in pieces for word in (write.place + first, buffer + first, last - first)]
        return Call("batch", ("batch", handle, pool.L2GH, 0, PIECES, *words), needs, TIMEOUT)

    def read(self, write, buffer):
        words = ("copy", self.handles[write.writer], pool.GH2L, 0, buffer, write.place, write.size)
        return Call("copy", words, frozenset({write.target}), TIMEOUT)
