# SPDX-License-Identifier: Apache-2.0
"""Several hosts that look to a test like the one harness it knows: suites of tests/multiproc run on them."""
import contextlib
import itertools

from harness import Harness
from network import Network

PORT = 17000  # every test has hosts of its own, so ports are free


class Host(Harness):
    """A host's processes, with its identity and a folder for their sockets that no other host sees into."""

    def __init__(self, cluster, number, folder):
        folder.mkdir()
        super().__init__(folder)
        self.cluster = cluster
        self.number = number
        self.prefix = cluster.network.command(number)
        self.address = cluster.network.address(number)
        self.url = cluster.url

    def environment(self, extra=None):
        return super().environment(
            {"MF_HOST_ID": f"host{self.number}", **self.cluster.defaults, **(extra or {})}
        )


class Cluster:
    """`count` hosts. `actors(n)` fills one host after the other, as job managers do; the store is at the
    first one. `defaults` are variables of every process."""

    def __init__(self, folder, count, cable=False, defaults=None, networks=1):
        self.network = Network(count, cable, networks)
        self.defaults = {"MF_ALLOW_PLAINTEXT": "1"} if defaults is None else defaults
        self._ports = itertools.count(PORT)
        self.url = self.new_url()
        self.hosts = [Host(self, number, folder / f"host{number}") for number in range(count)]
        self.folder = folder
        self._next = itertools.cycle(self.hosts)

    def new_url(self):
        """Of a store at the first host, at a port that nothing has had before."""
        return f"tcp://{self.network.address(0)}:{next(self._ports)}"

    @property
    def processes(self):
        return [process for host in self.hosts for process in host.processes]

    def actor(self, name=None, environment=None):
        """On the hosts in turn."""
        return next(self._next).actor(name, environment)

    def actors(self, count, environment=None):
        used = self.hosts[:count]
        placed = []
        for number, host in enumerate(used):
            first, last = (count * place // len(used) for place in (number, number + 1))
            placed += host.actors(last - first, environment)
        return placed

    def host_of(self, actor):
        return next(host for host in self.hosts if actor in host.processes)

    def finish(self):
        problems = []
        with contextlib.ExitStack() as closing:
            closing.callback(self.network.close)
            for host in reversed(self.hosts):  # the store's host last
                problems += host.finish()
        return problems

    ranks = Harness.ranks
    init = Harness.init
