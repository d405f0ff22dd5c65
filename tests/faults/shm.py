# SPDX-License-Identifier: Apache-2.0
"""Scripts of SHM: all ranks create an object together, write into each other's memory, and meet in barriers
and allgathers in between. Nobody can join an object that is there: so in the end the successor of whoever was
killed, those who were kept from it and all others create one anew."""
from conductor import Call, Meet
from oracle import Oracle
from pool import MIB
from rounds import PLACE, Round
from shared import MTE

POINTS = ("init", "create", "copy", "barrier", "allgather", "destroy", "uninit")
SIZE = 16 * MIB
TIMEOUT = 10  # seconds, of every call


class ShmRound(Round):
    writes = 8
    has_successors = True

    def __init__(self, world, random):
        super().__init__(world, random)
        self.handles = {}  # by rank
        self.base = 0
        self.everybody = frozenset(range(self.ranks))

    def start(self):
        super().start()
        self.world.conductor.at_meeting("destroyed", self.begin_anew)

    def script(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        entered = yield from self.enter(rank)
        if entered and (yield from self.create(rank)):
            yield from self.work(rank, buffer)
        yield Meet("mended")
        yield from self.end(rank, buffer)
        if entered or (yield from self.enter(rank, sure=True)):
            yield from self.create_anew(rank, buffer)
        yield from self.uninit(rank, "shm_uninit", 0, limit=TIMEOUT)

    def successor(self, rank):
        """Of one that was killed while the first object was there: no part of that is its own."""
        self.handles.pop(rank, None)
        yield from self.end(rank, None)
        yield from self.late_successor(rank)

    def late_successor(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        if (yield from self.enter(rank, sure=True)):
            yield from self.create_anew(rank, buffer)
        yield from self.uninit(rank, "shm_uninit", 0, limit=TIMEOUT)

    def begin_anew(self):
        self.handles.clear()
        self.mend_with(self.late_successor)
        self.oracle = Oracle()

    def members(self):
        return sorted(self.handles)

    def memory_of(self, rank):
        return self.base + rank * SIZE

    def enter(self, rank, sure=False):
        yield Call("config", ("shm_config_init",))
        yield Call("config", ("shm_timeouts", TIMEOUT, TIMEOUT, TIMEOUT))
        yield Call("config", ("shm_start_store", int(self.world.is_store(rank))))
        words = ("shm_init", self.world.url, self.ranks, rank, 0)
        return (yield Call("init", words, self.everybody, TIMEOUT, sure=sure)).ok

    def create(self, rank, sure=False):
        words = ("shm_create", 0, self.ranks, rank, SIZE, MTE, 0)
        created = yield Call("create", words, self.everybody, TIMEOUT, sure=sure)
        if created.ok:
            self.handles[rank], self.base = created.values
        return created.ok

    def create_anew(self, rank, buffer):
        yield from self.create(rank, sure=True)
        yield Meet("created anew")
        yield from self.end(rank, buffer)

    def work(self, rank, buffer):
        together = True
        for number in range(self.writes):
            target = self.random[rank].randrange(self.ranks)
            yield from self.write_and_read(buffer, rank, number, target)
            together = together and (yield from self.meet(rank, number, self.handles[rank]))

    def end(self, rank, buffer):
        """Once the fault is lifted, of those that are in the object; the others just meet them."""
        if rank in self.handles:
            yield from self.prove(buffer, rank)
            if len(self.handles) == self.ranks:
                yield Call("barrier", ("shm_barrier", self.handles[rank]), self.everybody, TIMEOUT, sure=True)
        yield Meet("written")
        if rank in self.handles:
            yield from self.verify(rank)
        yield Meet("verified")
        if rank in self.handles:
            yield Call("destroy", ("shm_destroy", self.handles[rank], 0), limit=TIMEOUT)
        yield Meet("destroyed")

    def write(self, write, buffer):
        words = ("shm_put", self.handles[write.writer], write.place, buffer, write.size)
        return Call("copy", words, frozenset({write.target}), TIMEOUT)

    def read(self, write, buffer):
        words = ("shm_get", self.handles[write.writer], buffer, write.place, write.size)
        return Call("copy", words, frozenset({write.target}), TIMEOUT)

    def meet(self, rank, number, handle):
        """Whether all were there: once one is missing, nobody comes any more."""
        if number % 2 == 0:
            return (yield Call("barrier", ("shm_barrier", handle), self.everybody, TIMEOUT)).ok
        words = ("shm_allgather", handle, 16, 16 * self.ranks, (rank * 16 + number) % 200)
        gathered = yield Call("allgather", words, self.everybody, TIMEOUT)
        if gathered.ok:
            wanted = [(other * 16 + number) % 200 for other in range(self.ranks)]
            if gathered.values != wanted:
                self.world.conductor.complain(f"rank {rank}: allgather gave {gathered.values}, not {wanted}")
        return gathered.ok
