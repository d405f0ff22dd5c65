# SPDX-License-Identifier: Apache-2.0
"""Real processes, on this machine or on hosts of their own, that end with the measurement."""
import concurrent.futures
import contextlib
import pathlib
import statistics
import sys
import tempfile
import time

import network
from actors import BUILD
from cluster import Cluster
from harness import Harness

STORE_LIMIT = 60  # seconds


@contextlib.contextmanager
def hosts(count, **defaults):
    """Network namespaces with a switch between them; `defaults` are variables of every process."""
    if network.refusal():
        raise OSError(network.refusal())
    with tempfile.TemporaryDirectory(prefix="mf-bench-") as folder:
        cluster = Cluster(pathlib.Path(folder), count, defaults={"MF_ALLOW_PLAINTEXT": "1", **defaults})
        with _ended(cluster):
            yield cluster


@contextlib.contextmanager
def machine():
    """Processes of this machine."""
    with tempfile.TemporaryDirectory(prefix="mf-bench-") as folder:
        harness = Harness(folder)
        with _ended(harness):
            yield harness


@contextlib.contextmanager
def _ended(harness):
    try:
        yield
    finally:
        for process in harness.processes:
            process.killed = True  # what it leaves is no news
            process.close()
        harness.finish()


def start_store(harness):
    """Returns once it listens."""
    store = harness.start([BUILD / "bin" / "mf", "store", harness.url])
    store.read_line(STORE_LIMIT)
    return store


def all_at_once(calls):
    """Calls each function on a thread of its own; their results in order."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as threads:
        return [running.result() for running in [threads.submit(call) for call in calls]]


def seconds_since(begun, condition):
    """When the condition came to hold, which is asked again and again."""
    while not condition():
        pass
    return time.monotonic() - begun


def median_of(name, rounds, once):
    """The median of what once() returns: a dictionary each time, of which the largest counts. Says the rest."""
    samples = [once() for _ in range(rounds)]
    for who in samples[0]:
        values = sorted(sample[who] for sample in samples)
        print(f"{name}, {who}: {statistics.median(values):.3f} s ({values[0]:.3f} to {values[-1]:.3f})",
              file=sys.stderr)
    return statistics.median(max(sample.values()) for sample in samples)
