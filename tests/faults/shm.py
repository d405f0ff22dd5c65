# SPDX-License-Identifier: Apache-2.0
"""Scripts of SHM: all ranks create an object together, write into each other's memory, and meet in barriers
and allgathers in between."""
from conductor import Call, Meet
from oracle import Oracle, Places, Write, odd_size, random_of_ranks
from pool import KIB, MIB
from shared import MTE

POINTS = ("init", "create", "copy", "barrier", "allgather", "destroy", "uninit")
SIZE = 16 * MIB
PLACE = 128 * KIB
ROUNDS = 8
TIMEOUT = 10  # seconds, of every call


class ShmRound:
    variables = {}

    def __init__(self, world, random):
        self.world = world
        self.random = random_of_ranks(random, len(world.actors))
        self.oracle = Oracle()
        self.ranks = len(world.actors)
        self.places = Places(self.ranks, ROUNDS, PLACE)
        self.everybody = frozenset(range(self.ranks))
        self.targets = [[random.randrange(self.ranks) for _ in range(ROUNDS)] for _ in range(self.ranks)]

    def start(self):
        for rank, actor in enumerate(self.world.actors):
            self.world.conductor.add(rank, actor, self.script(rank))

    def script(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        yield Call("config", ("shm_config_init",))
        yield Call("config", ("shm_timeouts", TIMEOUT, TIMEOUT, TIMEOUT))
        yield Call("config", ("shm_start_store", 0))
        words = ("shm_init", self.world.url, self.ranks, rank, 0)
        done = yield Call("init", words, self.everybody, TIMEOUT)
        if done.ok:
            words = ("shm_create", 0, self.ranks, rank, SIZE, MTE, 0)
            created = yield Call("create", words, self.everybody, TIMEOUT)
            if created.ok:
                handle, base = created.values
                yield from self.work(rank, handle, base, buffer)
                yield Meet("verified")
                yield Call("destroy", ("shm_destroy", handle, 0), limit=TIMEOUT)
        yield Call("uninit", ("shm_uninit", 0), limit=TIMEOUT)

    def work(self, rank, handle, base, buffer):
        together = True
        for number in range(ROUNDS):
            target = self.targets[rank][number]
            place = base + target * SIZE + self.places.of(rank, number)
            write = Write(rank, target, place, odd_size(self.random[rank], PLACE), self.oracle.next_seed())
            yield from self.write(handle, buffer, write)
            together = together and (yield from self.meet(rank, number, handle))
        yield Meet("written")
        for call, _ in self.oracle.checks(rank):
            yield call

    def write(self, handle, buffer, write):
        needs = frozenset({write.target})
        yield Call("memory", ("fill", buffer, write.size, write.seed))
        done = yield Call("copy", ("shm_put", handle, write.place, buffer, write.size), needs, TIMEOUT)
        if done.ok:
            self.oracle.done.append(write)
            yield Call("memory", ("set", buffer, write.size, 0xEE))
            done = yield Call("copy", ("shm_get", handle, buffer, write.place, write.size), needs, TIMEOUT)
            if done.ok:
                yield Call("check", ("check", buffer, write.size, write.seed))

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
