# SPDX-License-Identifier: Apache-2.0
"""Two ranks pool 4 MiB each. Each writes into the other's memory, and reads what the other wrote into its own.

    scripts/python.sh examples/bm_basic.py
"""
import multiprocessing

import memfabric
from memfabric import bm

RANKS = 2
REGION = 4 << 20  # bytes that each rank contributes


def run_rank(rank, url, all_here):
    config = bm.BmConfig()
    config.start_store = False  # the parent serves it
    if bm.initialize(url, RANKS, rank, 0, config) != 0:
        raise SystemExit(memfabric.get_last_err_msg())
    with bm.create(0, REGION) as pool:
        pool.join()
        all_here.wait()
        peer = 1 - rank
        greeting = f"hello, rank {peer}, from rank {rank}".encode()
        pool.copy_data(greeting, pool.peer_rank_ptr(peer), len(greeting), bm.BmCopyType.H2G)
        all_here.wait()
        received = bytearray(len(greeting))
        pool.copy_data(pool.peer_rank_ptr(rank), received, len(received), bm.BmCopyType.G2H)
        print(f"rank {rank} received: {received.decode()}", flush=True)
        assert received.decode() == f"hello, rank {rank}, from rank {peer}"
        all_here.wait()
    bm.uninitialize()


def start_store():
    """Serves a config store on a port that is free, and returns its address."""
    for port in range(20000, 30000):
        url = f"tcp://127.0.0.1:{port}"
        code = memfabric.create_config_store(url)
        if code == 0:
            return url
        if code != memfabric.ErrorCode.RESOURCE_IN_USE:
            break
    raise SystemExit(memfabric.get_last_err_msg())


def main():
    url = start_store()
    spawn = multiprocessing.get_context("spawn")
    all_here = spawn.Barrier(RANKS, timeout=60)
    processes = [spawn.Process(target=run_rank, args=(rank, url, all_here)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode != 0 for process in processes):
        raise SystemExit(1)
    print("both ranks received what the other sent")


if __name__ == "__main__":
    main()
