# SPDX-License-Identifier: Apache-2.0
"""Scripts of TRANS: every session writes into registered memory of the others, reads it again, and registers
more memory and gives it up while they do."""
from conductor import Call, Meet
from oracle import Oracle, Places, Write, odd_size, random_of_ranks, split
from pool import KIB, PEER_LOST
from pool import TIMEOUT as TIMEOUT_CODE

POINTS = ("create", "register", "copy", "batch", "deregister", "destroy")
PLACE = 128 * KIB
PIECES = 8  # of a batch, in one place
ROUNDS = 10
SCRATCH = 64 * KIB  # bytes that come and go
TIMEOUT = 6  # seconds, of every call
# Who never had to do with a session cannot know that there was one, and waits for it.
GONE = frozenset({PEER_LOST, TIMEOUT_CODE})


class TransRound:
    variables = {"MF_TRANS_TIMEOUT": f"{TIMEOUT}s"}

    def __init__(self, world, random):
        self.world = world
        self.random = random_of_ranks(random, len(world.actors))
        self.oracle = Oracle()
        self.ranks = len(world.actors)
        self.places = Places(self.ranks, ROUNDS, PLACE)
        self.memory = {}  # rank -> address of its registered memory
        self.names = [f"127.0.0.1:{23000 + rank}" for rank in range(self.ranks)]

    def start(self):
        for rank, actor in enumerate(self.world.actors):
            self.world.conductor.add(rank, actor, self.script(rank))

    def script(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        scratch = (yield Call("memory", ("map", SCRATCH))).value
        memory = (yield Call("memory", ("map", self.places.bytes))).value
        created = yield Call("create", ("trans_create", self.world.url, self.names[rank], 0, TIMEOUT), limit=TIMEOUT)
        if created.ok:
            handle = created.value
            done = yield Call("register", ("reg", handle, memory, self.places.bytes), limit=TIMEOUT)
            if done.ok:
                self.memory[rank] = memory
                yield Meet("registered")
                yield from self.work(rank, handle, buffer, scratch)
                yield Meet("written")
                yield from self.verify(rank)
                yield Meet("verified")
                yield Call("deregister", ("dereg", handle, memory), limit=TIMEOUT)
            yield Call("destroy", ("trans_destroy", handle), limit=TIMEOUT)
        yield Call("destroy", ("trans_uninit",), limit=TIMEOUT)

    def work(self, rank, handle, buffer, scratch):
        # Whose memory was never registered is none to write to.
        targets = sorted(self.memory)
        for number in range(ROUNDS):
            target = self.random[rank].choice(targets)
            place = self.memory[target] + self.places.of(rank, number)
            write = Write(rank, target, place, odd_size(self.random[rank], PLACE), self.oracle.next_seed())
            yield Call("memory", ("fill", buffer, write.size, write.seed))
            done = yield self.write(handle, buffer, write)
            if done.ok:
                self.oracle.done.append(write)
                yield from self.read_again(handle, buffer, write)
            done = yield Call("register", ("reg", handle, scratch, SCRATCH), limit=TIMEOUT)
            if done.ok:
                yield Call("deregister", ("dereg", handle, scratch), limit=TIMEOUT)

    def write(self, handle, buffer, write):
        needs = frozenset({write.target})
        session = self.names[write.target]
        if write.size < PIECES or self.random[write.writer].random() < 0.6:
            return Call("copy", ("write", handle, session, buffer, write.place, write.size), needs, TIMEOUT, GONE)
        pieces = []
        for first, last in split(write.size, PIECES):
            pieces += [buffer + first, write.place + first, last - first]
        return Call("batch", ("batch_write", handle, session, 0, *pieces), needs, TIMEOUT, GONE)

    def read_again(self, handle, buffer, write):
        yield Call("memory", ("set", buffer, write.size, 0xEE))
        words = ("read", handle, self.names[write.target], buffer, write.place, write.size)
        done = yield Call("copy", words, frozenset({write.target}), TIMEOUT, GONE)
        if done.ok:
            yield Call("check", ("check", buffer, write.size, write.seed))

    def verify(self, rank):
        for call, _ in self.oracle.checks(rank):
            yield call
