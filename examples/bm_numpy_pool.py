# SPDX-License-Identifier: Apache-2.0
"""A matrix that lies in the memory of four processes, seen by each of them as one numpy array, without a copy.

Each rank fills its own block of rows, multiplies the whole matrix, most of which lies in other processes, with a vector, and
all compare. The regions of the ranks follow each other in the address space, but each view ends with its rank's region.

    scripts/python.sh examples/bm_numpy_pool.py
"""
import multiprocessing

import memfabric
import numpy as np
from bm_basic import start_store
from memfabric import bm

RANKS = 4
ROWS, COLUMNS = 256, 1024  # of each rank's block
REGION = ROWS * COLUMNS * 8


def run_rank(rank, url, all_here, results):
    config = bm.BmConfig()
    config.start_store = False  # the parent serves it
    if bm.initialize(url, RANKS, rank, 0, config) != 0:
        raise SystemExit(memfabric.get_last_err_msg())
    with bm.create(0, REGION) as pool:
        pool.join()
        mine = pool.view(dtype=np.float64, shape=(ROWS, COLUMNS))
        mine[:] = np.random.default_rng(rank).random((ROWS, COLUMNS))
        all_here.wait()
        blocks = [pool.view(peer, dtype=np.float64, shape=(ROWS, COLUMNS)) for peer in range(RANKS)]
        vector = np.arange(COLUMNS, dtype=np.float64)
        product = np.concatenate([block @ vector for block in blocks])
        results.put((rank, product))
        all_here.wait()
    # The views are still good, and read zeros: the memory behind them is given back.
    assert not mine.any()
    bm.uninitialize()


def expected_product():
    matrix = np.concatenate([np.random.default_rng(rank).random((ROWS, COLUMNS)) for rank in range(RANKS)])
    return matrix @ np.arange(COLUMNS, dtype=np.float64)


def main():
    url = start_store()
    spawn = multiprocessing.get_context("spawn")
    all_here = spawn.Barrier(RANKS, timeout=60)
    results = spawn.Queue()
    processes = [spawn.Process(target=run_rank, args=(rank, url, all_here, results)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    expected = expected_product()
    for _ in range(RANKS):
        rank, product = results.get(timeout=60)
        assert np.allclose(product, expected), rank
        print(f"rank {rank}: product of the whole matrix is right, its sum is {product.sum():.6e}")
    for process in processes:
        process.join()
    if any(process.exitcode != 0 for process in processes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
