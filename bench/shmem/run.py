#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SHMEM against Open MPI's OSHMEM: the same source, compiled by both wrappers, run in turns."""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
START_LIMIT = 120  # seconds; a reference that takes longer counts as this long, and is marked
RUN_LIMIT = 120
# Open MPI looks for network devices that are not there, refuses root, and counts cores.
OMPI_ARGUMENTS = ["--allow-run-as-root", "--oversubscribe", "--mca", "btl", "^openib,uct", "-x", "SHMEM_SYMMETRIC_SIZE"]
NANOSECONDS = "ns"
START_HEAP = "16M"  # of a PE: 64 of them fit any machine


class Side:
    """One of the two libraries."""

    def __init__(self, name, compiler, launcher, arguments):
        self.name, self.compiler, self.launcher, self.arguments = name, compiler, launcher, arguments

    def compile(self, sources, output):
        command = [self.compiler, "-O2", *map(str, sources), "-o", str(output)]
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode != 0:
            sys.exit(f"{self.name}: {' '.join(map(str, command))} failed")

    def run(self, pes, program, arguments=(), limit=RUN_LIMIT, heap="512M"):
        """What the program prints, or None where it has not ended in `limit` seconds."""
        environment = {**os.environ, "SHMEM_SYMMETRIC_SIZE": heap}
        command = [self.launcher, *self.arguments, "-np", str(pes), str(program), *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                   env=environment, start_new_session=True)
        try:
            text, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end_session(process)
        if process.returncode != 0:
            print(f"{self.name}: exit code {process.returncode} of {' '.join(map(str, command))}", file=sys.stderr)
            return None
        return text


def end_session(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def metrics_of(text):
    found = {}
    for line in (text or "").splitlines():
        name, _, value = line.partition(" ")
        found[name] = float(value)
    return found


def in_turns(sides, rounds, once):
    """Calls once(side) for both sides, the one that begins changing. Returns the dictionaries of each side."""
    results = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            results[side.name].append(once(side))
    return results


def medians(dictionaries):
    names = {name: None for values in dictionaries for name in values}
    return {name: statistics.median(values[name] for values in dictionaries if name in values) for name in names}


class Report:
    def __init__(self, as_json):
        self.as_json, self.failed = as_json, False

    def line(self, metric, value, unit, reference, mark=""):
        ratio = reference / value if reference else 0
        if self.as_json:
            entry = {"metric": metric, "value": value, "unit": unit, "reference": reference, "ratio": ratio}
            print(json.dumps({**entry, "mark": mark} if mark else entry), flush=True)
        else:
            print(f"{metric}\t{value:.4g}\t{unit}\t{reference:.4g}\t{ratio:.3f}{mark and chr(9) + mark}", flush=True)

    def missing(self, what):
        self.failed = True
        print(f"no result: {what}", file=sys.stderr)


def compare(report, sides, programs, rounds, pes, part):
    results = in_turns(sides, rounds, lambda side: metrics_of(side.run(pes, programs[side.name], [part])))
    ours, theirs = (medians(results[side.name]) for side in sides)
    if not ours:
        report.missing(f"{part} on {pes} PEs")
    bare, alone = ours.pop("bare_store", 0), ours.pop("put_without_quiet", 0)
    for metric, value in ours.items():
        report.line(metric, value, NANOSECONDS, theirs.get(metric, 0))
    if alone and bare:
        report.line("shmem_put_8B_bare", alone, NANOSECONDS, bare)


def seconds_of_start(side, program, pes):
    """From the first init to the last finalize."""
    begin = time.monotonic()
    text = side.run(pes, program, limit=START_LIMIT, heap=START_HEAP)
    if text is None:
        return {"seconds": None if time.monotonic() - begin < START_LIMIT else float(START_LIMIT)}
    times = [line.split()[1:] for line in text.splitlines() if line.startswith("started ")]
    if len(times) != pes:
        return {"seconds": None}
    return {"seconds": (max(int(end) for _, end in times) - min(int(start) for start, _ in times)) / 1e9}


def compare_start(report, sides, programs, rounds, pes):
    results = in_turns(sides, rounds, lambda side: seconds_of_start(side, programs[side.name], pes))
    values = []
    for side in sides:
        measured = [result["seconds"] for result in results[side.name] if result["seconds"] is not None]
        values.append(statistics.median(measured) if measured else 0)
    if not values[0]:
        report.missing(f"shmem_start_{pes}pe")
        return
    mark = f"the reference did not end within {START_LIMIT} s" if values[1] >= START_LIMIT else ""
    report.line(f"shmem_start_{pes}pe", values[0], "s", values[1], mark)


def run_other(report, command):
    """A program that prints whole lines of the report."""
    if subprocess.run([*map(str, command), *(["--json"] if report.as_json else [])], check=False).returncode != 0:
        report.missing(" ".join(map(str, command)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender")
    parser.add_argument("--json", action="store_true", help="a JSON object a line instead of tab-separated lines")
    parser.add_argument("--oshcc", default=ROOT / "build/release/bin/oshcc", help="our wrapper")
    parser.add_argument("--oshrun", default=ROOT / "build/release/bin/oshrun", help="our launcher")
    parser.add_argument("--reference-oshcc", default="/usr/bin/oshcc")
    parser.add_argument("--reference-oshrun", default="/usr/bin/oshrun")
    arguments = parser.parse_args()
    ours = Side("memfabric", arguments.oshcc, arguments.oshrun, [])
    theirs = Side("oshmem", arguments.reference_oshcc, arguments.reference_oshrun, OMPI_ARGUMENTS)
    sides, report = [ours, theirs], Report(arguments.json)
    with tempfile.TemporaryDirectory(prefix="bench-shmem-") as folder:
        points, starts = {}, {}
        for side in sides:
            points[side.name] = pathlib.Path(folder) / f"points-{side.name}"
            starts[side.name] = pathlib.Path(folder) / f"start-{side.name}"
            side.compile(sorted(HERE.glob("*.c")), points[side.name])
            side.compile([HERE / "start/main.c"], starts[side.name])
        compare(report, sides, points, arguments.rounds, 2, "points")
        for pes in (2, 4, 16):
            compare(report, sides, points, arguments.rounds, pes, "barriers")
        for pes in (2, 4):
            compare(report, sides, points, arguments.rounds, pes, "collectives")
        compare_start(report, sides, starts, arguments.rounds, 2)
        compare_start(report, sides, starts, 1, 64)
        run_other(report, [ROOT / "scripts/python.sh", HERE / "python_put.py"])
        run_other(report, [ROOT / "scripts/python.sh", HERE / "shm_barrier.py"])
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
