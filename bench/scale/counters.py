# SPDX-License-Identifier: Apache-2.0
"""What counting costs: this build against one with the counters compiled out, run in turns."""
import json
import pathlib
import subprocess
import tempfile

from contest import in_turns, medians
from shmem_side import Side, metrics_of

SOURCES = sorted((pathlib.Path(__file__).resolve().parents[1] / "shmem").glob("*.c"))
PUTS = "shmem_put_8B_rate"
PUT_TURNS = 9  # in each round: one takes a tenth of a second, and what other machines of the host do shows in it
FABRIC_LIMIT = 60  # seconds


class Build(Side):
    """One of the two builds."""

    def __init__(self, name, folder):
        super().__init__(name, folder / "bin/oshcc", folder / "bin/oshrun", [])
        self.mf = folder / "bin/mf"

    def puts(self, program):
        return metrics_of(self.run(2, program, ["words"]))

    def fabric_put(self):
        """Mean time of a put of 8 bytes to a process that says it is another host: quantiles come from a histogram
        whose steps are larger than what counting costs."""
        command = [self.mf, "bench", "fabric", "--json", "--count", "20000", "--seconds", "0.05", "--block-sizes", "64k",
                   "--pool", "64M", "--operation", "put"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=FABRIC_LIMIT,
                              check=False)
        if done.returncode != 0:
            return {}
        (peer,) = json.loads(done.stdout)["peers"]
        return {"put": latency["mean_us"] for latency in peer["latencies"] if latency["operation"].startswith("put")}


def compare(report, metric, unit, builds, rounds, once, name):
    results = in_turns(builds, rounds, once)
    counting, silent = (medians(results[build.name]).get(name) for build in builds)
    if counting is None or silent is None:
        report.missing(metric)
    else:
        report.line(metric, counting, unit, silent)


def rows(report, arguments):
    builds = [Build("counting", arguments.build), Build("silent", arguments.silent_build)]
    with tempfile.TemporaryDirectory(prefix="mf-bench-") as folder:
        programs = {build.name: pathlib.Path(folder) / build.name for build in builds}
        for build in builds:
            build.compile(SOURCES, programs[build.name])
        compare(report, "counters_on", "ns", builds, PUT_TURNS * arguments.rounds,
                lambda build: build.puts(programs[build.name]), PUTS)
        compare(report, "counters_on_fabric", "us", builds, arguments.rounds, lambda build: build.fabric_put(), "put")
