# SPDX-License-Identifier: Apache-2.0
"""Scripts of TRANS: every session writes into registered memory of the others, reads it again, and registers
more memory and gives it up while they do."""
from conductor import Call, Meet
from pool import KIB, PEER_LOST
from pool import TIMEOUT as TIMEOUT_CODE
from rounds import PLACE, Round

POINTS = ("create", "register", "copy", "batch", "deregister", "destroy")
SCRATCH = 64 * KIB  # bytes that come and go
TIMEOUT = 6  # seconds, of every call
# Who never had to do with a session cannot know that there was one, and waits for it.
NOT_THERE = frozenset({PEER_LOST, TIMEOUT_CODE})
LOST = frozenset({PEER_LOST})


class TransRound(Round):
    has_successors = True
    variables = {"MF_TRANS_TIMEOUT": f"{TIMEOUT}s"}

    def __init__(self, world, random):
        super().__init__(world, random)
        self.handles = {}  # of sessions, by rank
        self.memory = {}  # rank -> address of its registered memory
        self.names = [f"127.0.0.1:{23000 + rank}" for rank in range(self.ranks)]
        world.names = dict(enumerate(self.names))
        self.met = set()  # (initiator, target)

    def members(self):
        return sorted(self.memory)

    def memory_of(self, rank):
        return self.memory[rank]

    def script(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        scratch = (yield Call("memory", ("map", SCRATCH))).value
        if (yield from self.enter(rank)):
            yield Meet("registered")
            yield from self.work(rank, buffer, scratch)
            yield Meet("mended")
            yield from self.end(rank, buffer)
        yield from self.leave(rank)

    def successor(self, rank):
        buffer = (yield Call("memory", ("alloc", PLACE))).value
        if (yield from self.enter(rank, sure=True)):
            yield from self.end(rank, buffer)
        yield from self.leave(rank)

    def enter(self, rank, sure=False):
        """Whether others can write to its memory; the fault may keep it from that."""
        memory = (yield Call("memory", ("map", self.places.bytes))).value
        words = ("trans_create", self.world.url, self.names[rank], 0, TIMEOUT)
        created = yield Call("create", words, limit=TIMEOUT, sure=sure)
        if not created.ok:
            return False
        self.handles[rank] = created.value
        words = ("reg", created.value, memory, self.places.bytes)
        done = yield Call("register", words, limit=TIMEOUT, sure=sure)
        if done.ok:
            self.memory[rank] = memory
        return done.ok

    def end(self, rank, buffer):
        yield from self.prove_and_verify(buffer, rank)
        yield Call("deregister", ("dereg", self.handles[rank], self.memory[rank]), limit=TIMEOUT)

    def leave(self, rank):
        if rank in self.handles:
            yield Call("destroy", ("trans_destroy", self.handles[rank]), limit=TIMEOUT)
        yield Call("destroy", ("trans_uninit",), limit=TIMEOUT)

    def work(self, rank, buffer, scratch):
        # Whose memory was never registered is none to write to.
        targets = self.members()
        for number in range(self.writes):
            if not targets:
                break
            target = self.random[rank].choice(targets)
            done = yield from self.write_and_read(buffer, rank, number, target)
            if done.code == TIMEOUT_CODE:  # another write would wait as long and say the same
                targets.remove(target)
            done = yield Call("register", ("reg", self.handles[rank], scratch, SCRATCH), limit=TIMEOUT)
            if done.ok:
                yield Call("deregister", ("dereg", self.handles[rank], scratch), limit=TIMEOUT)

    def write_and_read(self, buffer, rank, number, target, sure=False):
        done = yield from super().write_and_read(buffer, rank, number, target, sure)
        if done.ok:
            self.met.add((rank, target))
        return done

    def write(self, write, buffer):
        gone = LOST if (write.writer, write.target) in self.met else NOT_THERE
        handle, needs = self.handles[write.writer], frozenset({write.target})
        session = self.names[write.target]
        pieces = self.pieces(write)
        if not pieces:
            return Call("copy", ("write", handle, session, buffer, write.place, write.size), needs, TIMEOUT, gone)
        words = [word for first, last in pieces for word in (buffer + first, write.place + first, last - first)]
        return Call("batch", ("batch_write", handle, session, 0, *words), needs, TIMEOUT, gone)

    def read(self, write, buffer):
        words = ("read", self.handles[write.writer], self.names[write.target], buffer, write.place, write.size)
        return Call("copy", words, frozenset({write.target}), TIMEOUT, LOST)
