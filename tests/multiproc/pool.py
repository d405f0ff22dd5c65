# SPDX-License-Identifier: Apache-2.0
"""The numbers of the public headers, and an object that all ranks of a test have joined."""
import dataclasses

from actors import together

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

ERROR = -1
STORE_INVALID_MESSAGE = -400
STORE_TIMEOUT = -601
STORE_SOCKET = -602
INVALID_PARAM = -2000
MALLOC_FAILED = -2001
NOT_STARTED = -2003
TIMEOUT = -2004
DUPLICATED_OBJECT = -2006
OBJECT_NOT_EXISTS = -2007
NOT_INITIALIZED = -2008
RESOURCE_IN_USE = -2009
RECONNECT = -2010
PEER_LOST = -2012
NOT_SUPPORTED = -2014
REFUSED = -2015

L2G, G2L, G2H, H2G, L2GH, GH2L, GH2H, H2GH, G2G, AUTO = range(10)
COPY_BUTT = 10
SDMA = 1
ASYNC = 1
COLD = 1 << 16
HOT = 1 << 17
LOCAL_DEVICE, LOCAL_HOST, DEVICE, HOST = range(4)
UINT32_MAX = (1 << 32) - 1
UINT64_MAX = (1 << 64) - 1

LIST_MAX = 256  # pieces of one batch command; the actor has room for 512


@dataclasses.dataclass
class Pool:
    """Object `number`, created and joined by all actors. Addresses are the same in every process."""

    actors: list
    number: int
    dram: int
    hbm: int
    base: int = 0

    @property
    def stride(self):
        return self.dram + self.hbm

    @property
    def end(self):
        return self.base + len(self.actors) * self.stride

    def region(self, rank):
        return self.base + rank * self.stride

    def hbm_at(self, rank):
        return self.region(rank)

    def dram_at(self, rank):
        return self.region(rank) + self.hbm

    def is_near(self, actor, address):
        """Whether the rank whose memory this is lives on the actor's host: then the address is a pointer."""
        return actor.harness is self.actors[(address - self.base) // self.stride].harness

    def check(self, reader, address, size, *pattern):
        """What the reader sees there, within one rank's memory, by plain loads or, on another host, a copy."""
        self._look(reader, address, size, "check", *pattern)

    def check_all(self, reader, address, size, byte):
        self._look(reader, address, size, "all", byte)

    def _look(self, reader, address, size, command, *wanted):
        if self.is_near(reader, address):
            reader.call(command, address, size, *wanted)
            return
        buffer = reader.value("alloc", size)
        reader.call("copy", self.handle(reader), G2H, 0, buffer, address, size)
        reader.call(command, buffer, size, *wanted)
        reader.call("free", buffer)

    def handle(self, actor):
        return actor.handles[self.number]


def create(actor, number=0, members=2, dram=2 * MIB, hbm=0):
    """smem_bm_create; keeps the handle in actor.handles."""
    handle = actor.value("create", number, members, SDMA, dram, hbm, 0)
    if not hasattr(actor, "handles"):
        actor.handles = {}
    actor.handles[number] = handle
    return handle


def make_pool(actors, number=0, dram=2 * MIB, hbm=0, members=None, join=True):
    """The actors, ranks 0, 1, ... of one world, create an object and join it, all at once."""
    made = Pool(actors, number, dram, hbm)
    answers = together(actors, "create", number, members or len(actors), SDMA, dram, hbm, 0)
    for actor, answer in zip(actors, answers):
        if not hasattr(actor, "handles"):
            actor.handles = {}
        actor.handles[number] = answer.value
    made.base = actors[0].value("ptr", made.handle(actors[0]), 0)
    if join:
        together(actors, "join", made.handle, 0)
    return made


def start_pool(harness, count, number=0, dram=2 * MIB, hbm=0, **config):
    return make_pool(harness.ranks(count, **config), number, dram, hbm)
