# SPDX-License-Identifier: Apache-2.0
"""What the scripts of all interfaces have in common: places for the writes of each rank, and their oracle."""
import dataclasses

from conductor import Call, Last, Meet
from oracle import Oracle, Places, Write, odd_size, random_of_ranks, split
from pool import KIB

PLACE = 128 * KIB  # bytes that one write has for itself
PIECES = 8  # of a batch, in one place


class Round:
    """`script(rank)` is a generator of Call and Meet; a round has its own."""

    variables = {}  # of the processes
    writes = 10  # of each rank
    has_successors = False  # whether a process can take the place of one that was killed

    def __init__(self, world, random):
        self.world = world
        self.ranks = len(world.actors)
        self.random = random_of_ranks(random, self.ranks)
        self.oracle = Oracle()
        self.replaced = set()  # ranks whose process is not their first
        self.places = Places(self.ranks, self.writes + 1, PLACE)

    def start(self):
        self.world.conductor.at_meeting("mended", self.mend)
        for rank, actor in enumerate(self.world.actors):
            self.world.conductor.add(rank, actor, self.script(rank))

    def script(self, rank):
        raise NotImplementedError

    def successor(self, rank):
        """The script of a process that takes that rank's place. It comes to the Meet "replaced"."""
        raise NotImplementedError

    def mend(self):
        self.mend_with(self.successor)

    def mend_with(self, successor):
        """Lifts the fault, and starts a process with the script `successor(rank)` for one that it has killed."""
        killed = self.world.mend()
        if killed is not None and self.has_successors and killed not in self.replaced:
            self.replaced.add(killed)
            self.oracle.forget(killed)
            actor = self.world.replace(killed)
            self.world.conductor.enter(killed, actor, successor(killed))

    def members(self):
        """The ranks whose memory can be reached, but for those that have died since."""
        raise NotImplementedError

    def memory_of(self, rank):
        raise NotImplementedError

    def write_and_read(self, buffer, rank, number, target, sure=False):
        """Writes from `buffer` to the rank's place of that number in the target's memory, and reads it again.
        Returns what the write came to."""
        place = self.memory_of(target) + self.places.of(rank, number)
        write = Write(rank, target, place, odd_size(self.random[rank], PLACE), self.oracle.next_seed())
        yield Call("memory", ("fill", buffer, write.size, write.seed))
        done = yield dataclasses.replace(self.write(write, buffer), sure=sure)
        if done.ok:
            self.oracle.done.append(write)
            yield Call("memory", ("set", buffer, write.size, 0xEE))
            read = yield dataclasses.replace(self.read(write, buffer), sure=sure)
            if read.ok:
                yield Call("check", ("check", buffer, write.size, write.seed))
        return done

    def write(self, write, buffer):
        raise NotImplementedError

    def read(self, write, buffer):
        raise NotImplementedError

    def pieces(self, write):
        """(first, last) of the pieces of a batch; none where it is to be one copy."""
        if write.size < PIECES or self.random[write.writer].random() < 0.6:
            return []
        return split(write.size, PIECES)

    def prove(self, buffer, rank):
        """Everybody still there can be written to and read from once the fault is lifted."""
        for target in self.members():
            if self.world.actors[target].is_running():
                yield from self.write_and_read(buffer, rank, self.writes, target, sure=True)

    def uninit(self, rank, *words, limit):
        """A store that rank 0 serves ends with this, so all others come first."""
        if rank == 0 and self.world.store_in_rank:
            yield Last()
        yield Call("uninit", words, limit=limit)

    def verify(self, rank):
        yield from self.oracle.checks(rank)

    def prove_and_verify(self, buffer, rank):
        """What all that are there do together, in place of whoever was killed its successor."""
        yield Meet("replaced")
        yield from self.prove(buffer, rank)
        yield Meet("written")
        yield from self.verify(rank)
        yield Meet("verified")
