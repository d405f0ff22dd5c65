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
    def __init__(self, world, random):
        super().__init__(world, random)
        self.handles = {}  # by rank
        self.base = 0

    def members(self):
        return [rank for rank, handle in sorted(self.handles.items()) if handle is not None]

    def memory_of(self, rank):
        return self.base + rank * DRAM

    def script(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        handle = self.handles[rank] = yield from self.enter(rank)
        if handle is not None:
            yield Meet("joined")
            for number in range(self.writes):
                target = self.random[rank].randrange(self.ranks)
                yield from self.write_and_read(buffer, rank, number, target)
            yield from self.prove(buffer, rank)
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
