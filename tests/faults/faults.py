# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in a round. A fault strikes its victim, is lifted later, and says which failures of whom
it explains; everything else that fails is a finding."""
import contextlib
import os
import resource

import pool


class Fault:
    """`world` has the processes; `victim` is a rank."""

    name = ""
    lasts = (0.0, 0.0)  # seconds between which it is lifted again
    lasts_for_good = False  # lifting it brings nothing back
    hosts = 1  # that it needs
    is_privileged = False  # needs a superuser, as two hosts do
    strikes_store = False  # which must be a process of its own for that
    has_small_disk = False  # where the store keeps its data

    def strike(self, world, victim):
        raise NotImplementedError

    def lift(self, world, victim):
        pass

    def explains(self, victim, rank, call):
        """The codes with which the call of that rank may fail, now that it has struck."""
        return frozenset()


class Kill(Fault):
    """SIGKILL."""

    name = "kill"
    lasts_for_good = True

    def strike(self, world, victim):
        world.actors[victim].kill()
        world.conductor.lose(victim)

    def explains(self, victim, rank, call):
        return call.gone if victim in call.needs else frozenset()


class Stop(Fault):
    """SIGSTOP, and SIGCONT later."""

    name = "stop"
    lasts = (0.2, 2.0)

    def strike(self, world, victim):
        world.actors[victim].stop()

    def lift(self, world, victim):
        world.actors[victim].resume()


class Slow(Fault):
    """The process runs a few milliseconds of every fifty."""

    name = "slow"
    lasts = (0.5, 1.5)

    def __init__(self):
        self._on = False

    def strike(self, world, victim):
        self._on = True
        self._pause(world, victim)

    def _pause(self, world, victim):
        if self._on and world.actors[victim].is_running():
            world.actors[victim].stop()
            world.conductor.after(0.05, lambda: self._run(world, victim))

    def _run(self, world, victim):
        world.actors[victim].resume()
        if self._on:
            world.conductor.after(0.005, lambda: self._pause(world, victim))

    def lift(self, world, victim):
        self._on = False
        world.actors[victim].resume()


class Link(Fault):
    """The interface of the victim's host goes down and comes up again; its kernel knows."""

    name = "link"
    lasts = (0.2, 2.0)
    hosts = 2
    is_privileged = True

    @staticmethod
    def ends(network):
        return network.take_down, network.bring_up

    def strike(self, world, victim):
        self.ends(world.network)[0](world.host_of(victim))

    def lift(self, world, victim):
        self.ends(world.network)[1](world.host_of(victim))


class Cable(Link):
    """Frames vanish between the host and the switch, and neither end is told."""

    name = "cable"

    @staticmethod
    def ends(network):
        return network.cut, network.mend


class StoreRestart(Fault):
    """The store is killed, and started again at its URL."""

    name = "store"
    lasts = (0.05, 1.5)
    strikes_store = True

    def strike(self, world, victim):
        world.store.kill()

    def lift(self, world, victim):
        world.restart_store()


class Disk(StoreRestart):
    """The disk with the store's data is full, down to the last byte, and the store is started again there."""

    name = "disk"
    lasts = (0.3, 1.5)
    is_privileged = True
    has_small_disk = True

    def strike(self, world, victim):
        world.disk.fill()
        world.store.kill()
        world.restart_store()

    def lift(self, world, victim):
        world.disk.free()


class Memory(Fault):
    """No address space more than the process has now."""

    name = "memory"
    lasts = (0.2, 1.0)
    limit = resource.RLIMIT_AS

    def ceiling(self, pid):
        with open(f"/proc/{pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def strike(self, world, victim):
        pid = world.actors[victim].pid
        self._before = resource.prlimit(pid, self.limit)
        resource.prlimit(pid, self.limit, (self.ceiling(pid), self._before[1]))

    def lift(self, world, victim):
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(world.actors[victim].pid, self.limit, self._before)

    def explains(self, victim, rank, call):
        # Whoever is short of something says so; and as it may not have joined, those that need it fail as well.
        if rank == victim:
            return frozenset({pool.MALLOC_FAILED})
        return frozenset({pool.PEER_LOST, pool.TIMEOUT}) if victim in call.needs else frozenset()


class Descriptors(Memory):
    """No descriptor more than the process has now."""

    name = "descriptors"
    limit = resource.RLIMIT_NOFILE

    def ceiling(self, pid):
        return max(map(int, os.listdir(f"/proc/{pid}/fd")), default=0) + 1  # none where it has just ended


ALL = {fault.name: fault for fault in (Kill, Stop, Slow, Link, Cable, StoreRestart, Disk, Memory, Descriptors)}
