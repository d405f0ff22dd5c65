# SPDX-License-Identifier: Apache-2.0
"""Random registering, writing, reading, deregistering and restarting between eight processes, every byte
checked. MEMFABRIC_SOAK_SECONDS says for how long; `scripts/test.sh --all` runs it for ten minutes."""
import dataclasses
import os
import random
import time

import pytest

from harness import free_port
from pool import KIB, PEER_LOST, REFUSED, TIMEOUT
from sessions import IMPATIENCE, PATHS, Session, open_session, start_store

SECONDS = int(os.environ.get("MEMFABRIC_SOAK_SECONDS", "6"))
PROCESSES = 8
# These ask for memory that is not registered and wait for it in vain, so they have little patience; what has to work they leave
# to the others, whose patience outlasts a machine that has other work, too.
IMPATIENT = 2
BLOCKS = 4
CELLS = 8
CELL = 16 * KIB
SIZE = CELLS * CELL


@dataclasses.dataclass
class Block:
    """Memory of one process; what each of its cells holds: a pattern's number, None for zeros."""

    address: int
    pool: bool
    registered: int = 0
    cells: list = dataclasses.field(default_factory=lambda: [None] * CELLS)

    def at(self, cell):
        return self.address + cell * CELL


@dataclasses.dataclass
class Member:
    """One process, its session and its blocks."""

    session: Session
    blocks: list
    is_patient: bool

    @property
    def actor(self):
        return self.session.actor


class Soak:
    """The model, and the steps that it and the processes take together."""

    def __init__(self, harness, seed):
        self.random = random.Random(seed)
        self.harness = harness
        self.seeds = 0
        start_store(harness)
        names = [f"127.0.0.1:{free_port()}" for _ in range(PROCESSES)]
        self.members = [self.start(index, name) for index, name in enumerate(names)]

    def start(self, index, name):
        # One in four forces a path, so that all of them meet.
        path = self.random.choice(["auto", "auto", *PATHS[1:]])
        is_patient = index >= IMPATIENT
        environment = {"MF_TRANS_TIMEOUT": "10s" if is_patient else IMPATIENCE, "MF_TRANS_PATH": path}
        session = open_session(self.harness, self.harness.actor(environment=environment), name)
        blocks = []
        for number in range(BLOCKS):
            pool = number % 2 == 0
            blocks.append(Block(session.memory(SIZE, pool=pool, registered=False), pool))
        return Member(session, blocks, is_patient)

    def step(self):
        """Each process does one thing at the same time; nobody writes what another one uses."""
        busy = set()
        pending = []
        for index in self.random.sample(range(PROCESSES), PROCESSES):
            work, weight = ("transfer", 10) if self.members[index].is_patient else ("refused", 1)
            kind = self.random.choices([work, "register", "deregister"], [weight, 2, 1])[0]
            planned = getattr(self, kind)(index, busy)
            if planned:
                pending.append((self.members[index].actor, *planned))
        for actor, words, _, _ in pending:
            actor.send(*words)
        for actor, words, codes, _ in pending:
            answer = actor.answer()
            assert answer.code in codes, (actor.name, words, answer)
        for *_, finish in pending:
            finish()
        if self.random.random() < 0.03:
            self.restart(self.random.randrange(PROCESSES))

    def transfer(self, index, busy):
        me = self.members[index]
        peer_index = self.random.randrange(PROCESSES)
        peer = self.members[peer_index]
        open_blocks = [block for block in peer.blocks if block.registered]
        if not open_blocks:
            return None
        theirs, ours = self.random.choice(open_blocks), self.random.choice(me.blocks)
        if theirs is ours:
            return None
        key = (peer_index, theirs.address), (index, ours.address)
        if any(entry in busy for entry in key):
            return None
        busy.update(key)
        count = self.random.randrange(1, CELLS + 1)
        pairs = list(zip(self.random.sample(range(CELLS), count), self.random.sample(range(CELLS), count)))
        verb = self.random.choice(["batch_write", "batch_read"])
        source, target = (ours, theirs) if verb == "batch_write" else (theirs, ours)
        fill = self.random.random() < 0.5
        if fill:
            owner = me if verb == "batch_write" else peer
            self.seeds += 1
            owner.actor.call("fill", source.address, SIZE, self.seeds)
            source.cells = [(self.seeds, cell) for cell in range(CELLS)]
        words = [verb, me.session.handle, peer.session.name, 0]
        for here, there in pairs:
            words += [ours.at(here), theirs.at(there), CELL]

        def finish():
            for here, there in pairs:
                if verb == "batch_write":
                    theirs.cells[there] = ours.cells[here]
                else:
                    ours.cells[here] = theirs.cells[there]
            self.check(peer if target is theirs else me, target)

        return words, [0], finish

    def register(self, index, busy):
        block = self.random.choice(self.members[index].blocks)
        block_key = (index, block.address)
        if block_key in busy:
            return None
        busy.add(block_key)

        def finish():
            block.registered += 1

        return ["reg", self.members[index].session.handle, block.address, SIZE], [0], finish

    def deregister(self, index, busy):
        block = self.random.choice(self.members[index].blocks)
        block_key = (index, block.address)
        if block_key in busy or not block.registered:
            return None
        busy.add(block_key)

        def finish():
            block.registered -= 1

        return ["dereg", self.members[index].session.handle, block.address], [0], finish

    def refused(self, index, busy):
        peer_index = self.random.randrange(PROCESSES)
        peer = self.members[peer_index]
        closed = [
            block for block in peer.blocks if not block.registered and (peer_index, block.address) not in busy
        ]
        if not closed:
            return None
        block = self.random.choice(closed)
        busy.add((peer_index, block.address))
        own = self.members[index].blocks[0]
        words = [
            "write",
            self.members[index].session.handle,
            peer.session.name,
            own.address,
            block.address,
            SIZE,
        ]
        return words, [REFUSED], lambda: self.check(peer, block)

    def restart(self, index):
        """Killed, and another process takes its name: who wrote to it hears of the loss, then reaches the new
        one."""
        name = self.members[index].session.name
        self.members[index].actor.kill()
        self.members[index].actor.release()
        self.members[index] = self.start(index, name)
        fresh = self.members[index]
        fresh.session.call("reg", fresh.blocks[0].address, SIZE)
        fresh.blocks[0].registered = 1
        for member in self.members:
            words = (
                "read",
                member.session.handle,
                name,
                member.blocks[-1].address,
                fresh.blocks[0].address,
                SIZE,
            )
            answer = member.actor.ask(*words)
            attempts = 1 if member.is_patient else 100
            while not answer.ok and attempts > 0:
                assert answer.code in (PEER_LOST, TIMEOUT), answer
                answer = member.actor.ask(*words)
                attempts -= 1
            assert answer.ok, answer
            member.blocks[-1].cells = [None] * CELLS

    def check(self, member, block):
        for cell, content in enumerate(block.cells):
            if content is None:
                member.actor.call("all", block.at(cell), CELL, 0)
            else:
                seed, first = content
                member.actor.call("check", block.at(cell), CELL, seed, first * CELL)

    def check_all(self):
        for member in self.members:
            for block in member.blocks:
                self.check(member, block)


@pytest.mark.time_limit(SECONDS * 2 + 120)
def test_everything_at_random(harness):
    seed = int(os.environ.get("MEMFABRIC_SOAK_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    soak = Soak(harness, seed)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for _ in range(20):
            soak.step()
        soak.check_all()
