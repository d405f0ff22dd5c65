# SPDX-License-Identifier: Apache-2.0
"""Jobs of OpenSHMEM programs whose PEs live on several hosts."""
import contextlib
import re

from cluster import Cluster
from launcher import Launcher

# How many PEs live where: (host, PEs) in the order of the PEs' numbers.
PLACES = {
    "1+1": [(0, 1), (1, 1)],
    "2x2": [(0, 2), (1, 2)],
    "3+1": [(0, 3), (1, 1)],
    "in turn": [(0, 1), (1, 1), (0, 1), (1, 1)],
    "1+2+1": [(0, 1), (1, 2), (0, 1)],
    "4x1": [(0, 1), (1, 1), (2, 1), (3, 1)],
    "4 uneven": [(0, 3), (1, 1), (2, 2), (3, 2)],
}
TAG = re.compile(r"^\[\d+\] ")


class Jobs:
    """Hosts on which one job after the other runs."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.launcher = Launcher(cluster, folder)

    def words(self, place, program, *arguments):
        hosts = ",".join(f"{self.cluster.hosts[host].address}:{pes}" for host, pes in PLACES[place])
        return ["--hosts", hosts, "--", program, *arguments]

    def start(self, place, program, *arguments, variables=None):
        return self.launcher.start(*self.words(place, program, *arguments), environment=variables)

    def run(self, place, program, *arguments, variables=None):
        """Waits for the end; returns the exit code, standard output without the PEs' numbers, and standard
        error."""
        done = self.launcher.run(*self.words(place, program, *arguments), environment=variables)
        lines = [TAG.sub("", line) for line in done.stdout.splitlines(keepends=True)]
        return done.returncode, "".join(lines), done.stderr


@contextlib.contextmanager
def jobs_on(count, folder):
    """On `count` hosts; afterwards nothing may be left of the jobs."""
    cluster = Cluster(folder, count)
    problems = ["the test did not get to its end"]
    try:
        jobs = Jobs(cluster, folder)
        yield jobs
        problems = [f"{line} still runs" for line in jobs.launcher.processes_inside()]
        for host in cluster.hosts:
            problems += [f"{path} is left behind" for path in host.runtime_folder.rglob("*") if not path.is_dir()]
    finally:
        problems += cluster.finish()
    assert not problems, "\n".join(problems)


def start_unlaunched(cluster, program, *words, before=(), environment=None):
    """`program BEFORE PE 4 URL WORDS`: two PEs on each of two hosts; PE 0 serves the store."""
    url = cluster.new_url()
    return [
        cluster.hosts[pe // 2].start(
            [program, *before, pe, 4, url, *words], f"pe{pe}-{url.rpartition(':')[2]}", environment
        )
        for pe in range(4)
    ]
