# SPDX-License-Identifier: Apache-2.0
"""OpenSHMEM over two hosts with two PEs each: ours against Open MPI's over UCX's TCP, the same source. Once where the kernel
places the PEs as it likes, and once where each host keeps to a processor of its own, as hosts do."""
import os
import pathlib
import select
import signal
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "bench" / "shmem").glob("*.c"))
PES_OF_HOST = 2
HEAP = "64M"
LIMIT = 60  # seconds a run
STORE_PORT = 17001
REFERENCE = pathlib.Path("/usr/bin/oshrun")
# Where PEs share processors it polls without it, and takes milliseconds where it could take microseconds.
YIELDS = ("--mca", "mpi_yield_when_idle", "1")
# What Open MPI's daemons call a host must differ, and they take the name from the kernel.
OTHER_NAME = 'exec unshare --uts sh -c \'hostname bench-host{host} && exec "$@"\' sh'


def compiled(wrapper, folder, name):
    program = pathlib.Path(folder) / name
    command = [wrapper, "-O2", *SOURCES, "-o", program]
    if subprocess.run([str(word) for word in command], check=False, stdout=sys.stderr).returncode != 0:
        raise OSError(f"{' '.join(map(str, command))} failed")
    return program


def metrics_of(text):
    return {name: float(value) for name, value in (line.split() for line in text.splitlines() if line.count(" ") == 1)}


def run_all(processes):
    """Standard output of all, one after the other; None where one failed or took too long."""
    try:
        texts = [process.communicate(timeout=LIMIT)[0] for process in processes]
    except subprocess.TimeoutExpired:
        texts = []
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # what is left of it
        except ProcessLookupError:
            pass
        process.communicate()
    failed = not texts or any(process.returncode != 0 for process in processes)
    return None if failed else metrics_of("".join(texts))


def keeping(host, own_processor):
    """What starts a command so that all of it stays on the host's own processor."""
    return ("taskset", "--cpu-list", sorted(os.sched_getaffinity(0))[host]) if own_processor else ()


def ours_once(hosts, mf, program, own_processor):
    url = f"tcp://{hosts.network.address(0)}:{STORE_PORT}"
    store = hosts.start(0, mf, "store", url, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    select.select([store.stdout], [], [], LIMIT)
    processes = [
        hosts.start(
            host, *keeping(host, own_processor), mf, "run", "-n", PES_OF_HOST, "--first-rank", host * PES_OF_HOST, "--world-size", 2 * PES_OF_HOST,
            "--store", url, "--no-prefix", "--", program, "over_hosts", environment={"SHMEM_SYMMETRIC_SIZE": HEAP},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
        )
        for host in range(2)
    ]
    try:
        return run_all(processes)
    finally:
        store.terminate()
        store.communicate()


def words_of(*commands):
    return " ".join(str(word) for command in commands for word in command)


def daemon_shell(hosts, own_processor):
    """In the place of ssh: HOST COMMAND, inside the namespace."""
    path = hosts.folder / "shell"
    cases = "\n".join(
        f'{hosts.network.address(host)}) shift; set -- {words_of(hosts.network.command(host), keeping(host, own_processor))} sh -c "$*"; '
        f'{OTHER_NAME.format(host=host)} "$@" ;;'
        for host in range(2)
    )
    path.write_text(f"#!/bin/sh\ncase $1 in\n{cases}\nesac\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def reference_command(hosts, program, own_processor):
    places = ",".join(f"{hosts.network.address(host)}:{PES_OF_HOST}" for host in range(2))
    return [
        *keeping(0, own_processor),
        *("sh", "-c", OTHER_NAME.format(host=0) + ' "$@"', "sh", REFERENCE, "--allow-run-as-root", "--oversubscribe"),
        *("--bind-to", "none"),
        *YIELDS,
        *("--mca", "btl", "^openib,uct", "--mca", "plm_rsh_agent", daemon_shell(hosts, own_processor)),
        *("--mca", "oob_tcp_if_include", "eth0", "--mca", "btl_tcp_if_include", "eth0"),
        *("-x", "UCX_TLS", "-x", "UCX_NET_DEVICES", "-x", "SHMEM_SYMMETRIC_SIZE"),
        *("--map-by", "slot", "--host", places, "-np", 2 * PES_OF_HOST, program, "over_hosts"),
    ]


def reference_once(hosts, program, own_processor):
    environment = {"UCX_TLS": "tcp,self", "UCX_NET_DEVICES": "eth0", "SHMEM_SYMMETRIC_SIZE": HEAP}
    process = hosts.start(0, *reference_command(hosts, program, own_processor), environment=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, start_new_session=True)
    return run_all([process])


def loopback_once(hosts, program, own_processor):
    """Four PEs of one host: with `own_processor` of two processors all the same."""
    del own_processor
    environment = {"UCX_TLS": "tcp,self", "UCX_NET_DEVICES": "lo", "SHMEM_SYMMETRIC_SIZE": HEAP}
    words = (REFERENCE, "--allow-run-as-root", "--oversubscribe", *YIELDS, "--mca", "btl", "^openib,uct", "-x", "UCX_TLS",
             "-x", "UCX_NET_DEVICES", "-x", "SHMEM_SYMMETRIC_SIZE", "-np", 2 * PES_OF_HOST, program, "over_hosts")
    process = hosts.start(0, *words, environment=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          start_new_session=True)
    return run_all([process])


def medians(runs):
    names = {name: None for values in runs for name in values}
    return {name: statistics.median(values[name] for values in runs if name in values) for name in names}


def compare(hosts, report, rounds, mf, oshcc, folder):
    """Whether every metric has its value and its reference."""
    program = compiled(oshcc, folder, "ours")
    reference = compiled("/usr/bin/oshcc", folder, "reference")
    way, mark = reference_once, ""
    if reference_once(hosts, reference, False) is None:
        way, mark = loopback_once, "the reference does not start between the hosts: it ran over loopback"
        print(f"fabric_shmem: {mark}", file=sys.stderr)
    complete = True
    for own_processor in (False, True) if len(os.sched_getaffinity(0)) > 1 else (False,):
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(ours_once(hosts, mf, program, own_processor))
            theirs.append(way(hosts, reference, own_processor))
        complete &= report_all(report, ours, theirs, "_own_processor" if own_processor else "", mark)
    return complete


def report_all(report, ours, theirs, suffix, mark):
    if None in ours or None in theirs:
        print(f"fabric_shmem{suffix}: of {len(ours)} runs {ours.count(None)} of ours and {theirs.count(None)} of the reference "
              "failed", file=sys.stderr)
    value, against = (medians([run for run in side if run]) for side in (ours, theirs))
    wanted = ["fabric_shmem_barrier", "fabric_shmem_broadcast_4KiB", "fabric_shmem_sum_reduce_4KiB"]
    for metric in wanted:
        if metric in value:
            report.line(metric + suffix, value[metric], "ns", against.get(metric, 0), mark)
        else:
            print(f"{metric}{suffix}: of ours there is no result", file=sys.stderr)
    return None not in ours and None not in theirs and all(metric in value and metric in against for metric in wanted)
