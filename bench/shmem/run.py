#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SHMEM against Open MPI's OSHMEM: the same source, compiled by both wrappers, run in turns."""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "common"))

from contest import Report, in_turns, medians  # noqa: E402
from shmem_side import Side, metrics_of  # noqa: E402

START_LIMIT = 120  # seconds; a reference that takes longer counts as this long, and is marked
# Open MPI looks for network devices that are not there, refuses root, and counts cores.
OMPI_ARGUMENTS = ["--allow-run-as-root", "--oversubscribe", "--mca", "btl", "^openib,uct", "-x", "SHMEM_SYMMETRIC_SIZE"]
NANOSECONDS = "ns"
START_HEAP = "16M"  # of a PE: 64 of them fit any machine


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
