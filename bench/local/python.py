#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The metric py_copy_8B: what one small copy costs from Python, against a pybind11 method of the same signature that does nothing."""
import argparse
import json
import socket
import statistics
import subprocess
import sys
import time

import _bench_probe
import numpy
from memfabric import bm

REGION = 2 << 20
CALLS = 100_000
START_SECONDS = 60


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def join(url, rank):
    config = bm.BmConfig()
    config.rank_id = rank
    bm.initialize(url, 2, 0, config)
    pool = bm.create(0, REGION)
    pool.join()
    return pool


def be_peer(url):
    pool = join(url, 1)
    print("joined", flush=True)
    sys.stdin.read()
    pool.destroy()
    bm.uninitialize()


def await_peer(pool, source, target):
    """That the peer has joined reaches this process a moment after it does."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            if pool.copy_data(source, target, 8, bm.BmCopyType.H2G) == 0:
                return
        except RuntimeError:
            pass
        if time.monotonic() > end:
            raise TimeoutError("the peer did not join")
        time.sleep(0.001)


def nanoseconds(copy_data, source, target):
    direction = bm.BmCopyType.H2G
    begin = time.perf_counter_ns()
    for _ in range(CALLS):
        copy_data(source, target, 8, direction)
    return (time.perf_counter_ns() - begin) / CALLS


def measure(pool, rounds):
    buffer = numpy.zeros(8, dtype=numpy.uint8)
    source, target = buffer.ctypes.data, pool.peer_rank_ptr(1)
    await_peer(pool, source, target)
    contenders = [pool.copy_data, _bench_probe.Probe().copy_data]
    samples = [[], []]
    for round_number in range(rounds + 1):
        for which in (0, 1) if round_number % 2 else (1, 0):
            value = nanoseconds(contenders[which], source, target)
            if round_number > 0:  # the first is the warm-up
                samples[which].append(value)
    return [statistics.median(of_one) for of_one in samples]


def report(value, reference, as_json):
    ratio = reference / value
    if as_json:
        print(json.dumps({"metric": "py_copy_8B", "value": value, "unit": "ns", "reference": reference, "ratio": ratio}))
    else:
        print(f"py_copy_8B\t{value:.4g}\tns\t{reference:.4g}\t{ratio:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="samples of each contender")
    parser.add_argument("--json", action="store_true", help="a JSON object instead of a tab-separated line")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        be_peer(arguments.peer)
        return
    url = f"tcp://127.0.0.1:{free_port()}"
    peer = subprocess.Popen([sys.executable, __file__, "--peer", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pool = join(url, 0)
        if peer.stdout.readline() != b"joined\n":
            raise RuntimeError("the peer process ended; what it said stands above")
        report(*measure(pool, arguments.rounds), arguments.json)
        peer.stdin.close()
        peer.wait(timeout=10)
        pool.destroy()
        bm.uninitialize()
    finally:
        if peer.poll() is None:
            peer.kill()
            peer.wait()


if __name__ == "__main__":
    main()
