#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The metric shm_barrier_control: SHM's barrier of two processes, which goes through the config store."""
import argparse
import json
import statistics
import subprocess
import sys
import time

from memfabric import shm
from python_put import free_port

SAMPLES = 11
CALLS = 200
REGION = 2 << 20


def seconds_of_barrier(memory):
    begin = time.perf_counter()
    for _ in range(CALLS):
        memory.barrier()
    return (time.perf_counter() - begin) / CALLS


def be_rank(url, rank):
    config = shm.ShmConfig()
    config.start_store = rank == 0
    if shm.initialize(url, 2, rank, 0, config) != 0:
        raise RuntimeError(f"rank {rank}: SHM does not start")
    with shm.create(0, 2, rank, REGION) as memory:
        samples = [seconds_of_barrier(memory) for _ in range(SAMPLES + 1)][1:]  # the first is the warm-up
        memory.barrier()
    shm.uninitialize()
    return statistics.median(samples) * 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="a JSON object instead of a tab-separated line")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        be_rank(arguments.peer, 1)
        return
    url = f"tcp://127.0.0.1:{free_port()}"
    peer = subprocess.Popen([sys.executable, __file__, "--peer", url])
    try:
        value = be_rank(url, 0)
        peer.wait(timeout=30)
    finally:
        if peer.poll() is None:
            peer.kill()
            peer.wait()
    if arguments.json:
        print(json.dumps({"metric": "shm_barrier_control", "value": value, "unit": "ns", "reference": 0, "ratio": 0}))
    else:
        print(f"shm_barrier_control\t{value:.4g}\tns\t0\t0.000")


if __name__ == "__main__":
    main()
