# SPDX-License-Identifier: Apache-2.0
"""Shared memory of four processes: each fills its own part, all add up all parts, one calls for the exit.

    scripts/python.sh examples/shm_basic.py
"""
import multiprocessing
import struct
import threading

import memfabric
import numpy as np
from bm_basic import start_store
from memfabric import shm

RANKS = 4
SIZE = 2 << 20  # bytes of each rank


def run_rank(rank, url):
    config = shm.ShmConfig()
    config.start_store = False  # the parent serves it
    if shm.initialize(url, RANKS, rank, 0, config) != 0:
        raise SystemExit(memfabric.get_last_err_msg())
    with shm.create(0, RANKS, rank, SIZE) as memory:
        memory.view(dtype=np.float64)[:] = rank + 1
        memory.barrier()  # all have written
        total = sum(memory.view(peer, dtype=np.float64).sum() for peer in range(RANKS))
        totals = struct.unpack(f"{RANKS}d", memory.all_gather(struct.pack("d", total)))
        print(f"rank {rank}: the sum of all memory is {total:.0f}, and {totals.count(total)} ranks found the same")

        over = threading.Event()
        memory.register_exit(lambda status: over.set())
        if rank == 0:
            memory.global_exit(0)
        over.wait()
    shm.uninitialize()


def main():
    url = start_store()
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=run_rank, args=(rank, url)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode != 0 for process in processes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
