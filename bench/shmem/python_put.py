#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The metric py_put_8B: what one small put costs from Python, against a pybind11 method of the same signature that does nothing."""
import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time

CALLS = 100_000
SAMPLES = 11
HEAP = 64 << 20


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def nanoseconds(call, target, source):
    begin = time.perf_counter_ns()
    for _ in range(CALLS):
        call(target, source, 8, 1)
    return (time.perf_counter_ns() - begin) / CALLS


def measure(shmem, target, source):
    import _bench_probe

    contenders = [shmem.shmem_putmem, _bench_probe.Probe().copy_data]
    samples = [[], []]
    for number in range(SAMPLES + 1):
        for which in (0, 1) if number % 2 else (1, 0):
            value = nanoseconds(contenders[which], target, source)
            if number > 0:  # the first is the warm-up
                samples[which].append(value)
    return [statistics.median(of_one) for of_one in samples]


def be_pe(pe):
    import shmem

    if shmem.shmem_init(pe, 2, HEAP) != 0:
        raise RuntimeError(f"PE {pe}: SHMEM does not start")
    target, source = shmem.shmem_malloc(64), shmem.shmem_malloc(64)
    shmem.barrier_all()
    result = measure(shmem, target, source) if pe == 0 else None
    shmem.barrier_all()
    shmem.shmem_finalize()
    return result


def report(value, reference, as_json):
    ratio = reference / value
    if as_json:
        print(json.dumps({"metric": "py_put_8B", "value": value, "unit": "ns", "reference": reference, "ratio": ratio}))
    else:
        print(f"py_put_8B\t{value:.4g}\tns\t{reference:.4g}\t{ratio:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="a JSON object instead of a tab-separated line")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        be_pe(1)
        return
    os.environ["SHMEM_MASTER_ADDR"] = "127.0.0.1"
    os.environ["SHMEM_MASTER_PORT"] = str(free_port())
    peer = subprocess.Popen([sys.executable, __file__, "--peer"])
    try:
        value, reference = be_pe(0)
        peer.wait(timeout=30)
    finally:
        if peer.poll() is None:
            peer.kill()
            peer.wait()
    report(value, reference, arguments.json)


if __name__ == "__main__":
    main()
