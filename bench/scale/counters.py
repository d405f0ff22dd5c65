#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What counting costs: this build against one with the counters compiled out, run in turns."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "shmem"))

from run import Report, Side, in_turns, medians, metrics_of  # noqa: E402

PUTS = "shmem_put_8B_rate"
FABRIC_LIMIT = 60  # seconds


class Build(Side):
    """One of the two builds."""

    def __init__(self, name, folder):
        super().__init__(name, folder / "bin/oshcc", folder / "bin/oshrun", [])
        self.mf = folder / "bin/mf"

    def puts(self, program):
        return metrics_of(self.run(2, program, ["words"]))

    def fabric_put(self):
        """Median time of a put of 8 bytes to a process that says it is another host."""
        command = [self.mf, "bench", "fabric", "--json", "--count", "20000", "--seconds", "0.05", "--block-sizes", "64k",
                   "--pool", "64M", "--operation", "put"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=FABRIC_LIMIT,
                              check=False)
        if done.returncode != 0:
            return {}
        (peer,) = json.loads(done.stdout)["peers"]
        return {"put": latency["p50_us"] for latency in peer["latencies"] if latency["operation"].startswith("put")}


def compare(report, metric, unit, builds, rounds, once, name):
    results = in_turns(builds, rounds, once)
    counting, silent = (medians(results[build.name]).get(name) for build in builds)
    if counting is None or silent is None:
        report.missing(metric)
    else:
        report.line(metric, counting, unit, silent)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each build")
    parser.add_argument("--json", action="store_true", help="a JSON object a line instead of tab-separated lines")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--reference", type=pathlib.Path, default=ROOT / "build/counters_off",
                        help="configured with -DMEMFABRIC_COUNTERS=OFF")
    arguments = parser.parse_args()
    builds = [Build("counting", arguments.build), Build("silent", arguments.reference)]
    report = Report(arguments.json)
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        programs = {build.name: pathlib.Path(folder) / build.name for build in builds}
        for build in builds:
            build.compile(sorted((HERE.parent / "shmem").glob("*.c")), programs[build.name])
        compare(report, "counters_on", "ns", builds, arguments.rounds, lambda build: build.puts(programs[build.name]), PUTS)
        compare(report, "counters_on_fabric", "us", builds, arguments.rounds, lambda build: build.fabric_put(), "put")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
