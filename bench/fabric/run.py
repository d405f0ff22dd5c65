#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Big memory and OpenSHMEM between two hosts (network namespaces joined by a veth pair) against bare TCP, UCX over TCP,
and Open MPI's OpenSHMEM over UCX's TCP."""
import argparse
import json
import os
import pathlib
import select
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "hosts"))

sys.path.insert(0, str(HERE))

import network  # noqa: E402
import shmem_pes  # noqa: E402

BIN = ROOT / "build" / "release" / "bin"
PROGRAM = BIN / "bench_fabric"
STORE_PORT = 17000
UCX_PORT = 17100
UCX_LIMIT = 60  # seconds a run
UCX_ENVIRONMENT = {
    **{"UCX_TLS": "tcp", "UCX_NET_DEVICES": "eth0", "UCX_LOG_LEVEL": "error"},
    "LD_PRELOAD": str(BIN.parent / "lib" / "eager_poll.so"),
}
MOST_STARTS = 5  # rounds of contenders that are started anew each time
MIB = 1 << 20
GIB = 1 << 30
LARGER_IS_BETTER = {"GB/s"}


class Report:
    def __init__(self, as_json):
        self.as_json = as_json
        self.values = {}

    def line(self, metric, value, unit, reference, mark=""):
        """A reference of 0: there is none. `mark`: what has to be known about the line."""
        self.values[metric] = value
        ratio = (value / reference if unit in LARGER_IS_BETTER else reference / value) if reference else 0
        if self.as_json:
            entry = {"metric": metric, "value": value, "unit": unit, "reference": reference, "ratio": ratio}
            print(json.dumps({**entry, "mark": mark} if mark else entry), flush=True)
        else:
            print(f"{metric}\t{value:.4g}\t{unit}\t{reference:.4g}\t{ratio:.3f}{mark and chr(9) + mark}", flush=True)


class Hosts:
    """Two hosts, and where their processes keep their sockets."""

    def __init__(self, hosts, folder):
        self.network = hosts
        self.folder = pathlib.Path(folder)

    def start(self, host, *command, environment=None, **streams):
        runtime = self.folder / f"host{host}"
        runtime.mkdir(mode=0o700, exist_ok=True)
        variables = {
            "MF_HOST_ID": f"bench-host{host}",
            "MF_RUNTIME_DIR": str(runtime),
            "MF_ALLOW_PLAINTEXT": "1",
            **(environment or {}),
        }
        return subprocess.Popen(
            [*self.network.command(host), *map(str, command)], env={**os.environ, **variables}, text=True, **streams
        )

    def wait_for_listener(self, host, port, process):
        """Returns once somebody listens on the port, or the process has ended."""
        wanted = f":{port:04X} "
        while process.poll() is None:
            table = self.network.run(host, "cat", "/proc/net/tcp", "/proc/net/tcp6").stdout
            if any(wanted in line and " 0A " in line for line in table.splitlines()):
                return
            select.select([], [], [], 0.02)


def ours(hosts, report, rounds):
    """Whether every metric has its value."""
    common = [
        *("--url", f"tcp://{hosts.network.address(1)}:{STORE_PORT}", "--address", hosts.network.address(1)),
        *("--rounds", rounds, "--json"),
    ]
    target = hosts.start(1, PROGRAM, *common, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = target.stdout.readline().strip()
    if not port:
        return False
    origin = hosts.start(0, PROGRAM, *common, "--raw-port", port, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    for line in origin.stdout:
        metric = json.loads(line)
        report.line(metric["metric"], metric["value"], metric["unit"], metric["reference"])
    complete = origin.wait() == 0
    target.stdin.close()
    target.wait()
    return complete


def cpu_of(process):
    """Waits for it; the CPU seconds that it has used, or 0 where it was found to have ended before."""
    if process.returncode is not None:
        return 0.0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def start_ucx(hosts, host, *arguments, **streams):
    """Both ends poll and never yield: each gets a processor of its own, where there are two."""
    processors = sorted(os.sched_getaffinity(0))
    place = processors[0] if host == 0 else processors[-1]
    command = ["timeout", UCX_LIMIT, "ucx_perftest", "-p", UCX_PORT, "-c", place, *arguments]
    return hosts.start(host, *command, environment=UCX_ENVIRONMENT, stdin=subprocess.DEVNULL, **streams)


def ucx_once(hosts, *arguments):
    """One ucx_perftest: its last line's numbers, and the CPU seconds of both ends. None where it failed."""
    server = start_ucx(hosts, 1, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hosts.wait_for_listener(1, UCX_PORT, server)
    client = start_ucx(hosts, 0, "-f", *arguments, hosts.network.address(1), stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    text = client.stdout.read()
    cpu = cpu_of(client)
    if client.returncode != 0:
        os.kill(server.pid, signal.SIGTERM)  # terminate() would collect one that has ended, and its CPU time
    cpu += cpu_of(server)
    numbers = [line.split() for line in text.splitlines() if line.split() and line.split()[0].isdigit()]
    if client.returncode != 0 or not numbers:
        print(f"ucx_perftest {' '.join(map(str, arguments))} failed:\n{text}", file=sys.stderr)
        return None
    return [float(word) for word in numbers[-1]], cpu


def ucx(hosts, rounds):
    """What UCX does between the same hosts: metric -> median. Columns of ucx_perftest: iterations, median, average and
    overall microseconds, average and overall MB/s (2^20), two message rates."""
    messages, few = 136, 8
    found = {"put_16MiB": [], "get_8B": [], "cpu": []}
    for _ in range(rounds):
        large = ucx_once(hosts, "-t", "ucp_put_bw", "-s", 16 * MIB, "-n", messages, "-w", 4)
        start = ucx_once(hosts, "-t", "ucp_put_bw", "-s", 16 * MIB, "-n", few, "-w", 4)  # its start-up is not counted
        small = ucx_once(hosts, "-t", "ucp_get", "-s", 8, "-n", 5000, "-w", 500)
        if large and start and small:
            found["put_16MiB"].append(large[0][5] * MIB / 1e9)
            found["cpu"].append((large[1] - start[1]) * GIB / ((messages - few) * 16 * MIB))
            found["get_8B"].append(small[0][3])
    return {name: statistics.median(values) for name, values in found.items() if values}


def compare_with_ucx(report, reference):
    """Whether there was something to compare."""
    complete = True
    for metric, unit, of_ours, of_ucx in [
        ("fabric_put_16MiB_vs_ucx", "GB/s", "fabric_put_16MiB", "put_16MiB"),
        ("fabric_get_8B_vs_ucx", "us", "fabric_get_8B", "get_8B"),
        ("fabric_cpu", "s/GiB", "fabric_cpu_vs_raw", "cpu"),
    ]:
        if of_ours in report.values and of_ucx in reference:
            report.line(metric, report.values[of_ours], unit, reference[of_ucx])
        else:
            complete = False
            theirs = f"{reference[of_ucx]:.4g} {unit}" if of_ucx in reference else "missing"
            print(f"{metric}: the reference is {theirs}; of ours there is none", file=sys.stderr)
    return complete


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="JSON objects instead of tab-separated lines")
    parser.add_argument("--rounds", type=int, default=7, help="samples of each contender")
    options = parser.parse_args()
    if network.refusal():
        sys.exit(f"bench fabric: {network.refusal()}")
    report = Report(options.json)
    with network.Network(2, cable=True) as made, tempfile.TemporaryDirectory(prefix="mf-") as folder:
        hosts = Hosts(made, folder)
        complete = ours(hosts, report, options.rounds)
        complete &= compare_with_ucx(report, ucx(hosts, min(options.rounds, MOST_STARTS)))
        complete &= shmem_pes.compare(hosts, report, min(options.rounds, MOST_STARTS), BIN / "mf", BIN / "oshcc", folder)
    return 0 if complete else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the hosts go, too
    sys.exit(main())
