# SPDX-License-Identifier: Apache-2.0
"""Transfer sessions for tests: actors that have opened one each at a common store."""
import dataclasses
import json
import random

from actors import Actor
from harness import free_port
from pool import KIB

# tests/hosts has other values, set before the tests are imported.
PATHS = ["mapped", "attach", "staging"]
CROWDS = [2, 8, 64]  # processes that all transfer with each other
# Longer than anything here takes, but for what waits for something that never comes.
PATIENCE = {"MF_TRANS_TIMEOUT": "20s"}
# For what is to end by the timeout.
HURRY = {"MF_TRANS_TIMEOUT": "300ms"}
# For what asks in vain again and again.
IMPATIENCE = "60ms"


@dataclasses.dataclass
class Session:
    """One actor's session."""

    actor: Actor
    name: str
    handle: int

    def call(self, verb, *words, **options):
        return self.actor.call(verb, self.handle, *words, **options)

    def fails(self, code, verb, *words, **options):
        return self.actor.fails(code, verb, self.handle, *words, **options)

    def bytes_by_path(self):
        """What it has moved, by the paths that it took."""
        counters = json.loads(self.actor.call("trans_counters", self.handle).text)
        return {path: reading["bytes"] for path, reading in counters.items() if reading["bytes"]}

    def memory(self, size, pool=False, registered=True, seed=None):
        """Fresh memory, of the library where `pool`, filled with a pattern where `seed` is given."""
        address = (
            self.actor.value("trans_malloc", self.handle, size) if pool else self.actor.value("map", size)
        )
        if registered:
            self.call("reg", address, size)
        if seed is not None:
            self.actor.call("fill", address, size, seed)
        return address


def open_session(harness, actor, name=None):
    name = name or f"127.0.0.1:{free_port()}"
    return Session(actor, name, actor.value("trans_create", harness.url, name))


def start_store(harness, environment=None):
    keeper = harness.actor("store", environment)
    keeper.call("create_store", harness.url)
    return keeper


def start_sessions(harness, count, environment=None):
    """`count` processes with one session each; the store is in another one."""
    start_store(harness)
    actors = harness.actors(count, {**PATIENCE, **(environment or {})})
    return [open_session(harness, actor) for actor in actors]


def forced(path):
    """The environment of an initiator that may use this path alone."""
    return {"MF_TRANS_PATH": path}


def scattered(base_local, base_remote, count, seed, slot=64 * KIB):
    """`count` pieces of odd sizes, in another order there than here: (local, remote, size)."""
    shuffle = random.Random(seed)
    slots = list(range(count))
    shuffle.shuffle(slots)
    return [
        (base_local + index * slot, base_remote + place * slot, shuffle.randrange(1, slot))
        for index, place in enumerate(slots)
    ]


def flat(pieces):
    return [word for piece in pieces for word in piece]
