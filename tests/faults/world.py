# SPDX-License-Identifier: Apache-2.0
"""The processes of one round: a config store, by itself or in rank 0, and the ranks, on one host or on two."""
import pathlib
import re
import sys
import time

import network
from actors import BUILD, Failed
from cluster import Cluster
from conductor import Conductor
from disk import SmallDisk
from harness import Harness
from pool import PEER_LOST
from tls import tls_info

MF = BUILD / "bin" / "mf"
KEYS = pathlib.Path(__file__).with_name("keys.py")
STORE_STARTS = 20  # seconds
KEYS_FOUND = 30  # seconds
TOLD_WITHIN = 3  # seconds from the end of a process until those that need it know, however busy the machine is
RANKS = re.compile(r"\branks? (\d+(?:(?:-|, )\d+)*)")


def ranks_in(text):
    """Those that the text names, like "rank 0, 2-4"."""
    found = set()
    for names in RANKS.findall(text):
        for part in names.split(", "):
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    return found


class World:
    """`ranks` actors. `store_in_rank`: rank 0 is told to serve the config store. `tls`: all speak TLS with it."""

    def __init__(self, folder, ranks, hosts, environment=None, has_small_disk=False, store_in_rank=False, tls=False):
        self.struck = None  # (fault, victim) once it has
        self._struck_at = 0.0
        self.names = {}  # rank -> what it is called where it is not "rank N"
        self._lasting = None  # the same until it is lifted
        self._mended = False  # whether nothing of it was left before the calls that are sure
        self.store_in_rank = store_in_rank
        self._tls = {"SMEM_CONF_STORE_TLS_INFO": tls_info()} if tls else {}
        self._environment = {**self._tls, **(environment or {})}
        self.conductor = Conductor(self.judge)
        self.network = None
        if hosts == 1:
            self._harness = Harness(folder)
            self._store_host = self._harness
        else:
            self._harness = Cluster(folder, hosts)
            self.network = self._harness.network
            self._store_host = self._harness.hosts[0]
        self._store_host.keeps_notes = False  # the last store ends in good order
        self.url = self._harness.url
        self.store = None
        self.disk = None  # of the store, where it has one
        self._keys = None  # who writes there
        self._stores = 0
        try:
            if has_small_disk:
                self.disk = SmallDisk(self._store_host, folder / "disk")
            if not store_in_rank:
                self.restart_store()
            if self.disk:
                self._keys = self._store_host.start([sys.executable, KEYS, self.url, folder.name], "keys")
                self._keys.read_line(STORE_STARTS)
            self.actors = self._harness.actors(ranks, self._environment)
        except BaseException:
            self.finish()
            raise

    def restart_store(self):
        self._stores += 1
        command = [MF, "store", self.url]
        if self.disk:
            command = [*self.disk.prefix, *command, "--data", self.disk.data]
        self.store = self._store_host.start(command, f"store{self._stores}", self._tls)
        self.store.read_line(STORE_STARTS)

    def is_store(self, rank):
        return self.store_in_rank and rank == 0

    def host_of(self, rank):
        return self._harness.hosts.index(self._harness.host_of(self.actors[rank])) if self.network else 0

    def strike(self, fault, victim):
        self.conductor.note(f"fault {fault.name} strikes rank {victim}")
        self.struck = self._lasting = (fault, victim)
        self._struck_at = time.monotonic()
        fault.strike(self, victim)

    def lift(self):
        """Where it has struck and was not lifted yet."""
        if self._lasting:
            (fault, victim), self._lasting = self._lasting, None
            self.conductor.note(f"fault {fault.name} is lifted")
            fault.lift(self, victim)

    def mend(self):
        """Lifts the fault. Returns the rank that it has killed, if any."""
        self.lift()
        if self.struck is None:
            return None
        fault, victim = self.struck
        self._mended = not fault.lasts_for_good
        return victim if fault.lasts_for_good else None

    def replace(self, rank):
        """Starts a successor of that rank's process, which is gone."""
        host = self._harness.host_of(self.actors[rank]) if self.network else self._harness
        self.actors[rank] = host.actor(environment=self._environment)
        self._mended = True
        return self.actors[rank]

    def judge(self, player, call, answer):
        """What is wrong with the answer; None where nothing is."""
        if answer.ok:
            return None
        if not answer.text:
            return "it left no text"
        if self.struck is None:
            return "nothing has happened yet"
        fault, victim = self.struck
        if call.sure and self._mended:
            return f"the fault '{fault.name}' of rank {victim} was lifted before"
        # Functions that return a handle or a pointer have no code.
        explained = fault.explains(victim, player.rank, call)
        if answer.code not in explained and not (answer.code == 0 and explained):
            return f"the fault '{fault.name}' of rank {victim} explains no such failure"
        if player.rank != victim and not self._is_named(victim, answer.text):
            return f"it does not name rank {victim}"
        waited = time.monotonic() - max(self._struck_at, player.since)
        if fault.lasts_for_good and answer.code == PEER_LOST and waited > TOLD_WITHIN:
            return f"it was told after {waited:.1f} s"
        return None

    def _is_named(self, rank, text):
        return self.names[rank] in text if rank in self.names else rank in ranks_in(text)

    def finish(self):
        """Ends everything; what should not be as it is, in sentences."""
        self.lift()
        return [*self._wrong_keys(), *self._harness.finish()]

    def _wrong_keys(self):
        """What a store that has nothing but its disk, and was started when that was full, does not have as it
        was told."""
        if not self._keys:
            return
        try:
            self.disk.fill()
            self._keys.write_line("full")
            self._keys.read_line(KEYS_FOUND)
            self.store.kill()
            self.restart_store()
            self.disk.free()
            self._keys.write_line("well")
            verdict = self._keys.read_line(KEYS_FOUND)
        except (Failed, OSError) as failure:
            verdict = f"keys: {failure}"
        self.conductor.note(verdict)
        if not verdict.startswith("fine"):
            yield verdict


def two_hosts_are_possible():
    return not network.refusal()
