# SPDX-License-Identifier: Apache-2.0
"""What has been reported done, to be found in the memory afterwards."""
import dataclasses
from random import Random

from conductor import Call


@dataclasses.dataclass(frozen=True)
class Write:
    """Bytes of the pattern `seed` that the rank `writer` has written to the memory of `target`."""

    writer: int
    target: int
    place: int
    size: int
    seed: int


@dataclasses.dataclass(frozen=True)
class Places:
    """Where in a rank's memory the writes of each rank lie: `each` of `size` bytes."""

    ranks: int
    each: int
    size: int

    def of(self, writer, number):
        """Offset of the writer's place of that number."""
        return (writer * self.each + number) * self.size

    @property
    def bytes(self):
        return self.ranks * self.each * self.size


def random_of_ranks(random, ranks):
    """One for each, so that what a rank does is the same however the others run."""
    return [Random(random.random()) for _ in range(ranks)]


def odd_size(random, most):
    """Small and large ones, up to a whole place."""
    return random.choice([8, 1 + random.randrange(4096), 1 + random.randrange(most), most])


def split(size, pieces):
    """(first, last) of that many pieces that make up `size` bytes."""
    borders = [size * number // pieces for number in range(pieces + 1)]
    return list(zip(borders, borders[1:]))


class Oracle:
    """Every write has a place of its own, so each that was reported done must be there whole in the end."""

    def __init__(self):
        self.done = []
        self._seed = 1

    def next_seed(self):
        self._seed += 1
        return self._seed

    def forget(self, target):
        """Its memory is gone."""
        self.done = [write for write in self.done if write.target != target]

    def checks(self, rank):
        """The calls with which a rank finds out whether its memory has all that it should."""
        for write in self.done:
            if write.target == rank:
                yield Call("check", ("check", write.place, write.size, write.seed))
