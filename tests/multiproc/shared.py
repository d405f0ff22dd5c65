# SPDX-License-Identifier: Apache-2.0
"""An SHM object that all ranks of a test have."""
import dataclasses

from actors import together
from pool import MIB

MTE, SDMA, ROCE = 1, 2, 4


@dataclasses.dataclass
class Shared:
    """Object `number` of the actors, its ranks 0, 1, ... Addresses are the same in every process."""

    actors: list
    handles: list
    base: int
    size: int
    number: int = 0

    def region(self, rank):
        return self.base + rank * self.size

    def __call__(self, actor):
        """The actor's handle: a word for together()."""
        return self.handles[self.actors.index(actor)]

    def expect(self, actor, place, size, value):
        """What the actor sees there: by a pointer where the memory is mapped, else by a copy."""
        if actor.value("shm_reach", self(actor), (place - self.base) // self.size) & MTE:
            actor.call("all", place, size, value)
        else:
            copy = actor.value("alloc", size)
            actor.call("shm_get", self(actor), copy, place, size)
            actor.call("all", copy, size, value)
            actor.call("free", copy)

    def all(self, *words, timeout=60):
        """The call of that name with the handle, at all ranks at once; all succeed."""
        return together(self.actors, words[0], self, *words[1:], timeout=timeout)

    def send(self, *words):
        for actor in self.actors:
            actor.send(words[0], self(actor), *words[1:])


def init(actor, url, world, rank, timeouts=(60, 60, 60), wait=True):
    actor.call("shm_config_init")
    actor.call("shm_timeouts", *timeouts)
    actor.rank = rank
    actor.send("shm_init", url, world, rank, 0)
    return actor.expect_ok(60) if wait else None


def start_world(harness, count, timeouts=(60, 60, 60), environment=None):
    """`count` actors that have initialised SHM as ranks 0, 1, ..., the first one serving the store."""
    actors = harness.actors(count, environment)
    for rank, actor in enumerate(actors):
        init(actor, harness.url, count, rank, timeouts, wait=False)
    for actor in actors:
        actor.expect_ok(60)
    return actors


def make_shared(actors, number=0, size=2 * MIB, timeout=60):
    """The actors create object `number`; their places in the list are their ranks in it."""
    ranks = {id(actor): rank for rank, actor in enumerate(actors)}
    answers = together(actors, "shm_create", number, len(actors), lambda actor: ranks[id(actor)], size, MTE, 0,
                       timeout=timeout)
    bases = {answer.values[1] for answer in answers}
    assert len(bases) == 1, "the address is the same at every rank"
    return Shared(actors, [answer.values[0] for answer in answers], bases.pop(), size, number)


def start_shared(harness, count, size=2 * MIB, **options):
    return make_shared(start_world(harness, count, **options), size=size)
